//! What came instead of a request is counted and told: the kind of it and the address, never a byte.

use std::net::IpAddr;

use serde_json::json;
use sidgate_policy::edge::unread::Unread;

use crate::answer::COMMON;
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};

/// Something else than a request has come from `client`.
pub(super) fn note(gateway: &Gateway, client: Option<IpAddr>, what: Unread) {
    gateway.metrics.refused(what);
    let facts = Facts {
        client,
        reason: what.reason(),
        ..Facts::default()
    };
    security::note(Kind::Refused, facts);
}

/// What is said to whoever sent it, in case that they read HTTP. Written past Pingora, whose own answer says no more than
/// its status and the name of its software.
pub(super) fn answer(what: Unread) -> Vec<u8> {
    let outcome = match what {
        Unread::ClearText => Outcome::HttpsRequired,
        _ => Outcome::BadRequest,
    };
    let body = json!({
        "type": "about:blank",
        "title": "The request was refused",
        "status": 400,
        "code": outcome.into_str(),
        "reason": what.reason(),
        "detail": what.detail(),
    })
    .to_string();
    let mut answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in COMMON {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    answer.push_str(&body);
    answer.into_bytes()
}
