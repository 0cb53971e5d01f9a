//! Asks the app whose login an old credential is, and leaves the app alone while it cannot be reached.

use session_core::cache::breaker::BreakerState;
use session_core::entropy;

use crate::apps::backend::{OldCookies, Reach, Recognised};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::BackendResult;

/// The app did not say whose it is.
pub(super) struct NoAnswer {
    /// For the log.
    pub(super) why: String,
    /// Whether the value may be the cause. Other values may still get an answer.
    pub(super) is_about_the_value: bool,
}

/// Asks the app, unless its circuit breaker is open.
pub(super) async fn ask(
    gateway: &Gateway,
    settings: &ActiveConfig,
    cookies: &OldCookies,
    client: &Client,
) -> Result<Recognised, NoAnswer> {
    let (breaker, clock) = (&gateway.migrations.breaker, gateway.sessions.clock());
    if !breaker.admit(clock.boot()) {
        return Err(NoAnswer {
            why: "the backend is left alone for a while".to_owned(),
            is_about_the_value: false,
        });
    }
    let asked = match settings.backend(&client.to) {
        Ok(target) => {
            gateway
                .backend
                .introspect(&target, cookies, client.behalf(), gateway.now())
                .await
        }
        Err(failed) => Err(failed),
    };
    let reach = match &asked {
        Ok(_) => Reach::Answered,
        Err(failed) => failed.fault.reach(),
    };
    let is_there = match reach {
        // Any answer shows that the app is reachable: where it fails for one value, it may answer for another.
        Reach::Answered => Some(true),
        Reach::Silent => {
            let counts = gateway.migrations.doubts.are_shared(client.ip)
                || breaker.state() != BreakerState::Closed;
            counts.then_some(false)
        }
        Reach::Unreachable => Some(false),
    };
    if let Some(is_there) = is_there {
        let jitter = entropy::bytes::<1>(gateway.entropy.as_ref()).map_or(0, |[byte]| byte);
        breaker.report(clock.boot(), is_there, jitter);
    }
    gateway.metrics.backend(match &asked {
        Ok(Recognised::Yes { .. }) => BackendResult::Accepted,
        Ok(Recognised::No) => BackendResult::Rejected,
        Err(_) => BackendResult::Unavailable,
    });
    asked.map_err(|failed| NoAnswer {
        is_about_the_value: reach != Reach::Unreachable,
        why: failed.to_string(),
    })
}
