//! Ids of requests that an edge sends to an app: the app may answer such a request with an event, past the edge.
//!
//! An id says when it was given and how much the node had heard by then, so that a login can be refused that a revocation has
//! overtaken (DESIGN 5, R8). Its mark shows that a gateway of this installation has given it for a request to this app and this host.

use std::time::Duration;

use http::HeaderValue;
use session_core::clock::Timestamp;
use session_core::keys::request_id::RequestIdKeys;
use session_core::service::LoginTicket;
use uuid::Uuid;

use crate::state::RequestId;

/// How long after a request an app may answer it with an event.
pub(super) const LIFE: Duration = Duration::from_secs(10 * 60);
/// How far two clocks may differ.
const SKEW: Duration = Duration::from_secs(30);
/// In place of a number that nobody knew.
const UNKNOWN: &str = "-";

/// What an id says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued {
    /// When it was given, unix milliseconds.
    at: u64,
    /// How much its node had heard by then; `None`: it had no lease.
    pub ticket: Option<LoginTicket>,
}

impl Issued {
    /// The id of a request to `app` at `host` that was called `plain` so far.
    pub(super) fn issue(
        keys: &RequestIdKeys,
        plain: &RequestId,
        (app, host): (&str, &str),
        ticket: Option<LoginTicket>,
    ) -> Option<RequestId> {
        let heard = ticket.map_or_else(
            || UNKNOWN.to_owned(),
            |ticket| format!("{:x}", ticket.number()),
        );
        let text = format!("{}.{heard}", &**plain);
        let mark = keys.mark(&text, app, host)?;
        let id = HeaderValue::try_from(format!("{text}.{mark}")).ok()?;
        RequestId::given(&id)
    }

    /// What `id` says, if it was given for a request to `app` at `host`.
    pub(super) fn open(keys: &RequestIdKeys, id: &str, (app, host): (&str, &str)) -> Option<Self> {
        let (text, mark) = id.rsplit_once('.')?;
        if !keys.knows(mark, text, app, host) {
            return None;
        }
        let (handle, heard) = text.split_once('.')?;
        let (seconds, nanos) = Uuid::try_parse(handle).ok()?.get_timestamp()?.to_unix();
        let ticket = match heard {
            UNKNOWN => None,
            heard => Some(LoginTicket::of_number(i64::from_str_radix(heard, 16).ok()?)),
        };
        Some(Self {
            at: seconds * 1_000 + u64::from(nanos) / 1_000_000,
            ticket,
        })
    }

    /// Whether its request may still be answered.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        let now = u64::try_from(now.as_micros() / 1_000).unwrap_or_default();
        let (life, skew) = (LIFE.as_millis(), SKEW.as_millis());
        u128::from(now.saturating_sub(self.at)) <= life
            && u128::from(self.at.saturating_sub(now)) <= skew
    }
}

#[cfg(test)]
mod tests {
    use session_core::entropy::SystemEntropy;
    use session_core::keys::Keyring;
    use session_core::keys::MasterKey;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);

    fn keys() -> RequestIdKeys {
        Keyring::new(MasterKey::from_bytes([7; 32]), vec![]).request_ids()
    }

    fn later(by: Duration) -> Timestamp {
        NOW.plus(by)
    }

    #[test]
    fn an_id_comes_back_with_what_was_known() {
        let (keys, plain) = (keys(), RequestId::new(NOW, &SystemEntropy));
        let ticket = Some(LoginTicket::of_number(0x1f2e));
        let id = Issued::issue(&keys, &plain, ("django", "a.test"), ticket).unwrap();
        assert!(id.starts_with(&*plain) && id.len() < 90, "{}", &*id);
        let issued = Issued::open(&keys, &id, ("django", "a.test")).unwrap();
        assert_eq!(issued.ticket.unwrap().number(), 0x1f2e);
        assert!(issued.is_recent(NOW) && issued.is_recent(later(LIFE)));
        assert!(!issued.is_recent(later(LIFE + Duration::from_secs(1))));
        let none = Issued::issue(&keys, &plain, ("django", "a.test"), None).unwrap();
        let none = Issued::open(&keys, &none, ("django", "a.test")).unwrap();
        assert!(none.ticket.is_none());
    }

    #[test]
    fn an_id_of_another_app_host_or_number_is_none() {
        let (keys, plain) = (keys(), RequestId::new(NOW, &SystemEntropy));
        let ticket = Some(LoginTicket::of_number(5));
        let id = Issued::issue(&keys, &plain, ("django", "a.test"), ticket).unwrap();
        assert!(Issued::open(&keys, &id, ("next", "a.test")).is_none());
        assert!(Issued::open(&keys, &id, ("django", "b.test")).is_none());
        let raised = id.replacen(".5.", ".ffff.", 1);
        assert_ne!(*raised, *id);
        for forged in [&*raised, &plain, "", ".", "..", "a.b.c"] {
            assert!(
                Issued::open(&keys, forged, ("django", "a.test")).is_none(),
                "{forged}"
            );
        }
    }
}
