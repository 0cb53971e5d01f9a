//! The admin API on the public listener, for a session that carries `admin.claim`.

use std::sync::Arc;

use pingora_proxy::Session;
use sidgate_policy::auth::csrf;

use super::Ctx;
use crate::admin::access;
use crate::admin::api::{self, Permitted};
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::decision::missing;
use crate::endpoints::Caller;
use crate::passage::told::{self, Told};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::security::{self, Facts, Kind};

/// The answer to a call.
pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    settings: &ActiveConfig,
    session: &mut Session,
    ctx: &Ctx,
    call: Call,
    caller: &Caller,
) -> Answer {
    let answered = async {
        let claimed = access::with_claim(gateway, settings, caller).await?;
        let entry = Arc::clone(claimed.entry());
        let actor = if call.is_open() {
            claimed.actor()
        } else {
            claimed.fresh(caller)?
        };
        if call.has_body() {
            let head = session.req_header();
            let host = told::served_host(settings, head);
            let host = host.as_deref().map_or("", |host| &**host);
            let checked = csrf::check(&head.headers, &caller.site(settings).origin_at(host));
            if let Err(why) = checked {
                let facts = caller.client().facts("admin").about(entry.session());
                let told = Told::of(
                    gateway,
                    settings,
                    &ctx.record.answerer,
                    session.req_header(),
                );
                let facts = Facts {
                    field: Some(why.field()),
                    ..told.facts(facts)
                };
                security::note(Kind::CrossSite, facts);
                return Err(Rejection::CrossSite(why));
            }
        }
        let limit = settings.config.endpoints.body_timeout;
        let body = api::read_body(session.as_downstream_mut(), call, limit).await?;
        let asked = Permitted {
            actor: &actor,
            request_id: &ctx.record.request_id,
            client: caller.client().known_ip(),
            call,
            query: &caller.query,
            body: &body,
        };
        Ok(api::answer(gateway, &asked).await)
    };
    match answered.await {
        Ok(answer) => answer,
        Err(why @ Rejection::NoSession(_)) => {
            let head = session.req_header();
            let asked = (head.method.as_str(), head.uri.path());
            missing::on_admin_page(caller.site(settings), asked, &head.headers, call)
                .unwrap_or_else(|| {
                    let answer = Answer::from(why);
                    let told = Told::of(
                        gateway,
                        settings,
                        &ctx.record.answerer,
                        session.req_header(),
                    );
                    let facts = caller.client().facts(answer.outcome.into_str());
                    security::note(Kind::AdminRefused, told.facts(facts));
                    answer
                })
        }
        Err(why) => why.into(),
    }
}
