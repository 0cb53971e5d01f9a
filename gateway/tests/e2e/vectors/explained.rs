//! Whatever the gateway does with a vector, `explain` says so: the same status and the same rule, told by the same process,
//! which counts nothing and looks no session up for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidgate_testkit::{Gateway, Request};

use super::answer::Came;
use super::sent::Sent;

/// Asks about the request that has just been sent, and compares.
pub(super) fn check_explained(
    gateway: &Gateway,
    sent: &Sent<'_>,
    protocol: &str,
    came: &Came,
) -> Result<(), String> {
    // What HTTP/2 ends without an answer has never been a request.
    let question = question(sent, protocol).filter(|_| protocol == "h1" || came.status > 0);
    let Some(question) = question else {
        return Ok(());
    };
    let before = gateway.metrics();
    let asked = Request::post("/api/admin/explain").json(&question);
    let answer = gateway.send_to_admin(&asked);
    if answer.status != 200 {
        return Err(format!(
            "explain answers {}: {}",
            answer.status,
            answer.text()
        ));
    }
    let (told, after) = (answer.json(), gateway.metrics());
    for name in [
        "sidgate_resolve_total",
        "sidgate_refused_total",
        "sidgate_spoofed_headers_total",
    ] {
        if after.sum(name, &[]) > before.sum(name, &[]) {
            return Err(format!("explaining it is counted in {name}"));
        }
    }
    agrees(sent, came, &told).map_err(|why| format!("{why}: {told}"))
}

fn agrees(sent: &Sent<'_>, came: &Came, told: &Value) -> Result<(), String> {
    let case = sent.case;
    let is = |member: &str, value: &str| told[member] == value;
    if let Some(seen) = &case.upstream {
        let state = match seen.seen_as.as_str() {
            "alice" => "active",
            state => state,
        };
        let is_right = is("verdict", "allowed") && told["app"]["state"] == state;
        return is_right
            .then_some(())
            .ok_or("explain does not say that the app gets it".to_owned());
    }
    let problem: Value = serde_json::from_str(&came.body).unwrap_or_default();
    // What the parser below the gateway refuses has no rule of the edge; the answer names what came instead of a head.
    let is_silent = came.status == 0;
    let by_the_parser = case.accept_parser && (is_silent || problem["reason"] == told["reason"]);
    if by_the_parser && is_silent {
        return if is("verdict", "refused") {
            Ok(())
        } else {
            Err("explain does not say that it is refused".to_owned())
        };
    }
    if let Some(reason) = &case.reason
        && !is("reason", reason)
        && !by_the_parser
    {
        return Err(format!("explain does not say {reason:?}"));
    }
    // An endpoint that answers by itself.
    if told["status"].is_null() && is("verdict", "allowed") && told["app"].is_null() {
        return Ok(());
    }
    // A chunk that the parser refuses while the body is read, after the decision.
    if case.reason.is_none() && is("verdict", "allowed") && case.id.starts_with("C-chunk") {
        return Ok(());
    }
    if told["status"] != came.status {
        return Err(format!("explain does not say {}", came.status));
    }
    if !came.body.is_empty() && problem["code"] != told["code"] {
        return Err(format!("explain does not say {}", problem["code"]));
    }
    Ok(())
}

/// `None` for what only bytes of HTTP/2 can say.
fn question(sent: &Sent<'_>, protocol: &str) -> Option<Value> {
    if protocol == "h1" {
        return Some(json!({"head": STANDARD.encode(sent.h1_bytes())}));
    }
    let (fields, _body) = sent.h2_fields();
    let mut method = None;
    let mut parts = [None, None];
    let mut headers = Vec::new();
    for (name, value) in fields {
        let (name, value) = (
            String::from_utf8(name).ok()?,
            String::from_utf8(value).ok()?,
        );
        match name.as_str() {
            ":method" if method.is_none() => method = Some(value),
            ":authority" if parts[0].is_none() => parts[0] = Some(value),
            ":path" if parts[1].is_none() && value.starts_with('/') => parts[1] = Some(value),
            ":scheme" => {}
            pseudo if pseudo.starts_with(':') => return None,
            // The library makes neither of these lines.
            _ if value.contains(['\r', '\n', '\0']) => return None,
            _ => headers.push((name, value)),
        }
    }
    let [authority, path] = parts;
    let url = format!("http://{}{}", authority?, path?);
    Some(json!({"method": method?, "url": url, "headers": headers, "http2": true}))
}
