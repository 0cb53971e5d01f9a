//! `POST /api/admin/explain`: the decision on one request, by the configuration and the caches of this process.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use session_core::secret::SecretString;
use sidgate_policy::auth::decide::Finding;

use super::call::present;
use crate::answer::{Answer, Rejection};
use crate::explain::{Came, Described, Examined, Known, Question, Report, Wanted};
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;

/// Largest body of such a call, in bytes: a head of the largest size that the defaults let through, in base64.
pub(super) const BODY_MAX: usize = 128 * 1024;

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Head(HeadForm),
    Parts(PartsForm),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadForm {
    head: String,
    #[serde(default, deserialize_with = "present")]
    peer: Option<IpAddr>,
    #[serde(default, deserialize_with = "present")]
    tls: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartsForm {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    http2: bool,
    #[serde(default, deserialize_with = "present")]
    sid: Option<SecretString>,
    #[serde(default, deserialize_with = "present")]
    peer: Option<IpAddr>,
    #[serde(default, deserialize_with = "present")]
    tls: Option<bool>,
}

fn get() -> String {
    "GET".to_owned()
}

/// The question that a body asks.
///
/// # Errors
/// `400`, which repeats nothing of the request that is asked about.
fn question(body: &[u8]) -> Result<Question, Rejection> {
    let form: Form = serde_json::from_slice(body)
        .map_err(|_error| Rejection::invalid("The body must be a JSON object as documented"))?;
    let (described, peer, tls) = match form {
        Form::Head(form) => {
            let head = STANDARD.decode(form.head);
            let head = head.map_err(|_error| Rejection::invalid("head must be base64"))?;
            (Described::Head(head), form.peer, form.tls)
        }
        Form::Parts(form) => {
            let parts = Described::Parts {
                method: form.method,
                url: form.url,
                headers: form.headers,
                http2: form.http2,
                sid: form.sid,
            };
            (parts, form.peer, form.tls)
        }
    };
    Ok(Question {
        described,
        peer: peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        tls,
    })
}

/// Answers the call.
///
/// # Errors
/// `400` when the body asks nothing that can be answered.
pub(super) async fn answer(gateway: &Gateway, body: &[u8]) -> Result<Answer, Rejection> {
    let settings = gateway.settings.get();
    let report = match Came::read(&question(body)?, &settings.config).await {
        Ok(came) => {
            let examined = Examined::of(&settings, &came);
            let finding =
                match examined.wanted(|sid, groups| gateway.sessions.recognise(sid, groups)) {
                    Wanted::Nothing(finding) => finding,
                    Wanted::Session(key, group, query) => {
                        Finding::Resolved(gateway.sessions.peek(key, &group, query).await)
                    }
                };
            examined.report(Known::Found(finding), gateway.sessions.clock().wall())
        }
        Err(why) => Report::not_read(why, &settings.config)
            .map_err(|invalid| Rejection::invalid(invalid.to_string()))?,
    };
    Ok(Answer::json(200, Outcome::Admin, &report))
}
