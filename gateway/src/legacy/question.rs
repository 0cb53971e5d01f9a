//! Asking the app whose an old credential is, and leaving it alone while it is not there.

use std::net::IpAddr;

use parking_lot::Mutex;
use session_core::cache::breaker::BreakerState;
use session_core::entropy;

use super::Visitor;
use crate::backend::{BackendError, OldCookies, Recognised};
use crate::edge::client_ip::limit_key;
use crate::gate::Gate;
use crate::site::Site;

/// The app did not say whose it is.
pub(super) struct NoAnswer {
    /// For the log.
    pub(super) why: String,
    /// Whether it may be the value that the app has no answer for. Others may get theirs.
    pub(super) is_about_the_value: bool,
}

/// The client whose question was the last to stay without answer.
#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<Option<IpAddr>>);

impl Doubts {
    /// Whether another client than this one was left without answer before. One client alone may have a value that makes
    /// the app hang, and must not stop everybody's migration with it.
    fn are_shared(&self, client: IpAddr) -> bool {
        let client = limit_key(client);
        self.0
            .lock()
            .replace(client)
            .is_some_and(|last| last != client)
    }
}

/// Asks the app, if it was there lately.
pub(super) async fn ask(
    gate: &Gate,
    site: &Site,
    cookies: &OldCookies,
    visitor: &Visitor,
) -> Result<Recognised, NoAnswer> {
    let (breaker, clock) = (&gate.migrations.breaker, gate.sessions.clock());
    if !breaker.admit(clock.boot()) {
        return Err(NoAnswer {
            why: "the backend is left alone for a while".to_owned(),
            is_about_the_value: false,
        });
    }
    let asked = gate
        .backend
        .introspect(site, cookies, &visitor.request_id, gate.now())
        .await;
    let is_there = match &asked {
        // Whatever it says, it is there: what it cannot say about one value it may say about another.
        Ok(_) | Err(BackendError::Unavailable(_)) => Some(true),
        Err(BackendError::Silent(_)) => {
            let counts = gate.migrations.doubts.are_shared(visitor.ip)
                || breaker.state() != BreakerState::Closed;
            counts.then_some(false)
        }
        Err(BackendError::Unreachable(_)) => Some(false),
    };
    if let Some(is_there) = is_there {
        let jitter = entropy::bytes::<1>(gate.entropy.as_ref()).map_or(0, |[byte]| byte);
        breaker.report(clock.boot(), is_there, jitter);
    }
    gate.metrics.backend(match &asked {
        Ok(Recognised::Yes { .. }) => "accepted",
        Ok(Recognised::No) => "rejected",
        Err(_) => "unavailable",
    });
    asked.map_err(|failed| NoAnswer {
        is_about_the_value: !matches!(failed, BackendError::Unreachable(_)),
        why: failed.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_alone_casts_no_doubt_on_the_app() {
        let doubts = Doubts::default();
        let one = IpAddr::from([192, 0, 2, 1]);
        let other = IpAddr::from([192, 0, 2, 2]);
        assert!(!doubts.are_shared(one));
        assert!(!doubts.are_shared(one));
        assert!(doubts.are_shared(other));
        assert!(doubts.are_shared(one));
        let near: [IpAddr; 2] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        assert!(doubts.are_shared(near[0]));
        assert!(!doubts.are_shared(near[1]), "one network is one client");
    }
}
