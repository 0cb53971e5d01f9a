//! Serves one of our own endpoints.

use std::sync::Arc;

use http::HeaderValue;
use pingora_core::Result;
use pingora_proxy::Session;

use super::{Ctx, stream};
use crate::answer::{Answer, Rejection};
use crate::endpoints::{
    Caller, Endpoint, devices, events, handover, login, migrate, session as own_session,
};
use crate::state::{ActiveConfig, Gateway};
use crate::visit::body;

/// The answer to give; `None` when it has been given already.
pub(super) async fn serve(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: Endpoint,
    caller: &Caller,
) -> Result<Option<Answer>> {
    Ok(Some(match endpoint {
        Endpoint::Show => own_session::show(gateway, settings, caller).await,
        Endpoint::Migrate => migrate::migrate(gateway, settings, caller).await,
        Endpoint::Logout => own_session::logout(gateway, settings, caller).await,
        Endpoint::Login => {
            let endpoints = &settings.config.endpoints;
            let (max, limit) = (endpoints.max_body_bytes, endpoints.body_timeout);
            match body::read(session.as_downstream_mut(), max, limit).await? {
                Some(body) => login::login(gateway, settings, caller, &body).await,
                None => Rejection::TooLarge.into(),
            }
        }
        Endpoint::ListDevices => either(devices::list(gateway, settings, caller).await),
        Endpoint::EndDevice(id) => either(devices::end_one(gateway, settings, caller, id).await),
        Endpoint::EndDevices => either(devices::end_many(gateway, settings, caller).await),
        Endpoint::Events => match events::open(gateway, settings, caller).await {
            Ok((feed, permit)) => {
                ctx.progress.becomes(permit);
                stream::pump(session, ctx, feed, settings.config.edge.write_timeout).await?;
                return Ok(None);
            }
            Err(why) => why.into(),
        },
        Endpoint::Handover => match &caller.browser {
            Some(browser) => handover::serve(gateway, settings, caller, browser).await,
            None => Answer::not_found(),
        },
        Endpoint::OtherMethod(allow) => Answer::method_not_allowed(HeaderValue::from_static(allow)),
        Endpoint::Unknown => Answer::not_found(),
    }))
}

fn either(answer: Result<Answer, Rejection>) -> Answer {
    answer.unwrap_or_else(Answer::from)
}
