//! Serves one of our own endpoints.

use std::sync::Arc;

use pingora_core::Result;
use pingora_proxy::Session;

use super::{Ctx, stream};
use crate::answer::Answer;
use crate::body;
use crate::endpoints::{Asker, Endpoint, devices, events, login, migrate, session as own_session};
use crate::gate::Gate;
use crate::site::Site;

/// The answer to give; `None` when it has been given already.
pub(super) async fn serve(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: Endpoint,
    asker: &Asker,
) -> Result<Option<Answer>> {
    Ok(Some(match endpoint {
        Endpoint::Show => own_session::show(gate, site, asker).await,
        Endpoint::Migrate => migrate::migrate(gate, site, asker).await,
        Endpoint::Logout => own_session::logout(gate, site, asker).await,
        Endpoint::Login => match body::read(session.as_downstream_mut(), login::BODY_MAX).await? {
            Some(body) => login::login(gate, site, asker, &body).await,
            None => Answer::too_large(),
        },
        Endpoint::ListDevices => either(devices::list(gate, site, asker).await),
        Endpoint::EndDevice(id) => either(devices::end_one(gate, site, asker, id).await),
        Endpoint::EndDevices => either(devices::end_many(gate, site, asker).await),
        Endpoint::Events => match events::open(gate, site, asker).await {
            Ok((feed, place)) => {
                ctx.progress.becomes(place);
                stream::pump(session, ctx, feed).await?;
                return Ok(None);
            }
            Err(answer) => *answer,
        },
        Endpoint::OtherMethod(allow) => Answer::method_not_allowed(allow),
        Endpoint::Unknown => Answer::not_found(),
    }))
}

fn either(answer: Result<Answer, Box<Answer>>) -> Answer {
    answer.unwrap_or_else(|refused| *refused)
}
