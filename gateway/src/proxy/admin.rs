//! The admin API on the public listener, for a session that carries `admin.claim`.

use std::sync::Arc;

use bytes::Bytes;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use sidgate_policy::auth::csrf;
use sidgate_policy::auth::on_missing::Answer as MissingAnswer;

use super::Ctx;
use super::told::Told;
use crate::admin::access;
use crate::admin::api::{self, Permitted};
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::config::OnMissing;
use crate::endpoints::Caller;
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
        let mut body = Bytes::new();
        if call == Call::Revoke {
            let checked = csrf::check(&session.req_header().headers, &settings.origin);
            if let Err(why) = checked {
                let facts = caller.client().facts("admin").about(entry.session());
                let told = Told::of(gateway, settings, &ctx.answerer, session.req_header());
                let facts = Facts {
                    field: Some(why.field()),
                    ..told.facts(facts)
                };
                security::note(Kind::CrossSite, facts);
                return Err(Rejection::CrossSite(why));
            }
            body = api::read_body(
                session.as_downstream_mut(),
                settings.config.endpoints.body_timeout,
            )
            .await?;
        }
        let asked = Permitted {
            actor: &actor,
            request_id: &ctx.request_id,
            client: Some(caller.client().ip),
            call,
            query: &caller.query,
            body: &body,
        };
        Ok(api::answer(gateway, &asked).await)
    };
    match answered.await {
        Ok(answer) => answer,
        Err(why @ Rejection::NoSession(_)) => login_page(settings, session.req_header(), call)
            .unwrap_or_else(|| {
                let answer = Answer::from(why);
                let told = Told::of(gateway, settings, &ctx.answerer, session.req_header());
                let facts = caller.client().facts(answer.outcome.into_str());
                security::note(Kind::AdminRefused, told.facts(facts));
                answer
            }),
        Err(why) => why.into(),
    }
}

/// Where somebody goes who opens the page without a session.
fn login_page(settings: &ActiveConfig, head: &RequestHeader, call: Call) -> Option<Answer> {
    let is_page = matches!(call, Call::Page(asset) if asset.is_page());
    let wanted = OnMissing::Auto.answer(head.method.as_str(), false, &head.headers);
    if !is_page || wanted != MissingAnswer::LoginPage {
        return None;
    }
    let location = settings.login.location(head.uri.path(), None)?;
    Some(Answer::login_page(&location))
}
