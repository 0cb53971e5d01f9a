//! A request that takes the public way, and what the gateway saw of it.
//!
//! It carries an `X-Forwarded-For` of its own, as any client may send one: no gateway should believe it.

use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use http::header::AUTHORIZATION;
use http::{StatusCode, Uri};
use reqwest::tls::TlsInfo;
use session_core::cause::Peer;
use session_core::clock::{Clock as _, SystemClock};
use session_core::keys::Keyring;
use session_core::trust::Trust;
use sidgate_policy::auth::doctor_token::DoctorKeys;

use super::finding::{Finding, Question, Topic};
use super::{certificate, clock};
use crate::apps::http_client;
use crate::config::{Config, PRIVATE_PREFIX};
use crate::views::arrival::Arrival;

/// Longest answer, and longest wait for it.
const ANSWER_MAX: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
/// The address that the request claims to come from. It is for examples (RFC 5737), so nobody has it.
const CLAIMED: &str = "203.0.113.77";
/// How far the gateway's clock may be off, in milliseconds.
const CLOCK_LIMIT_MS: i64 = 5_000;

/// The public address to go by.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl {
    origin: String,
    host: String,
    is_https: bool,
}

impl PublicUrl {
    /// Reads `https://app.example.com`; a path is left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "not a URL such as https://app.example.com".to_owned();
        let uri: Uri = text.parse().map_err(|_error| wrong())?;
        let scheme = uri.scheme_str().ok_or_else(wrong)?;
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        if !matches!(scheme, "http" | "https") || authority.contains('@') {
            return Err(wrong());
        }
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            host: uri.host().unwrap_or_default().to_ascii_lowercase(),
            is_https: scheme == "https",
        })
    }
}

/// What came back.
struct Back {
    status: StatusCode,
    arrival: Option<Arrival>,
    location: String,
    /// End of the certificate that was shown, in unix seconds.
    certificate_end: Option<i64>,
    /// Our clock when it came, in milliseconds.
    at_ms: i64,
}

/// Sends it and judges what the gateway tells.
pub(super) async fn examine(config: &Config, keys: &Keyring, url: &PublicUrl) -> Vec<Finding> {
    let question = || {
        Question::new(
            Topic::PublicWay,
            format!("through {}", url.host),
            format!("GET {PRIVATE_PREFIX}/doctor, with a proof and a made-up X-Forwarded-For"),
        )
    };
    let back = match send(keys, url).await {
        Ok(back) => back,
        Err(why) => {
            let remedy =
                "does the name lead to the proxy before the gateway, and does that listen?";
            return vec![question().fail(why, remedy)];
        }
    };
    let Some(arrival) = &back.arrival else {
        return vec![not_ours(question(), config, &back)];
    };
    let mut found = vec![way(question(), config, url, arrival)];
    found.push(trusted_proxies(url, arrival));
    let question = Question::new(Topic::Clock, "clock of the gateway", "its time");
    let ahead = arrival.time_ms.saturating_sub(back.at_ms);
    found.push(clock::judge(question, ahead, true, CLOCK_LIMIT_MS));
    if let Some(end) = back.certificate_end {
        let subject = format!("certificate of {}", url.host);
        let question = Question::new(Topic::Certificate, subject, "its end");
        found.push(certificate::judge(
            question,
            end,
            back.at_ms.div_euclid(1_000),
        ));
    }
    found
}

async fn send(keys: &Keyring, url: &PublicUrl) -> Result<Back, String> {
    let words = |error: reqwest::Error| Peer::at(&url.host).cause(&error.without_url());
    let client = http_client::builder(&Trust::default())
        .timeout(TIMEOUT)
        .tls_info(true)
        .build()
        .map_err(words)?;
    let now = SystemClock.wall();
    let proof = DoctorKeys::new(&keys.doctor()).prove(now.as_secs());
    let proof = proof.map_err(|error| error.to_string())?;
    let request = client
        .get(format!("{}{PRIVATE_PREFIX}/doctor", url.origin))
        .header(AUTHORIZATION, format!("Bearer {proof}"))
        .header("X-Forwarded-For", CLAIMED);
    let mut answer = request.send().await.map_err(words)?;
    let spent = SystemClock.wall().since(now);
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(words)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let location = answer.headers().get(http::header::LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let tls = answer.extensions().get::<TlsInfo>();
    Ok(Back {
        status: answer.status(),
        arrival: serde_json::from_slice(&body).ok(),
        location: location.unwrap_or_default().to_owned(),
        certificate_end: tls.and_then(|tls| end_of(tls.peer_certificate()?)),
        at_ms: now.plus(spent / 2).as_micros().div_euclid(1_000),
    })
}

fn end_of(certificate: &[u8]) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Something else answered, or the gateway did before it looked at the proof.
fn not_ours(question: Question, config: &Config, back: &Back) -> Finding {
    let status = back.status.as_u16();
    match status {
        301 | 302 | 307 | 308 => question.fail(
            format!("{status}, to {}", host_of(&back.location)),
            "the proxy or the gateway takes this request for plain HTTP, or for another host: see X-Forwarded-Proto, server.public_origin and server.hosts; or use the URL that it leads to",
        ),
        421 => question.fail(
            "421: the gateway does not serve the host that arrives",
            "name it in server.public_origin or server.hosts, and let the proxy pass Host on",
        ),
        403 => question.fail(
            "403: refused by the gateway or by a proxy before it",
            "does the proxy say http in X-Forwarded-Proto where the visitor uses https?",
        ),
        _ => question.fail(
            format!("{status}, and not what a gateway with this master key answers"),
            format!(
                "does this way lead to the gateway of this configuration ({}), with the same keys.master, and is it of this version?",
                config.sites.first().origin
            ),
        ),
    }
}

/// The host of a URL, which may hold more than may be shown.
fn host_of(location: &str) -> String {
    let uri: Option<Uri> = location.parse().ok();
    uri.and_then(|uri| uri.host().map(str::to_owned))
        .unwrap_or_else(|| "the same host".to_owned())
}

/// Scheme, host and hops.
fn way(question: Question, config: &Config, url: &PublicUrl, arrival: &Arrival) -> Finding {
    let hops = hops(arrival);
    let scheme = match (arrival.tls, arrival.told_scheme.as_deref()) {
        (true, _) => "TLS at the gateway".to_owned(),
        (false, Some(told)) => format!("{told}, as the proxy says"),
        (false, None) => "plain HTTP at the gateway".to_owned(),
    };
    let line = format!(
        "version {} sees host {}, {scheme}, {hops} before it, peer {}, client {}, {}",
        arrival.version,
        arrival.host,
        arrival.peer,
        client_of(arrival),
        arrival.protocol
    );
    let (number, site) = config.sites.at(&arrival.host);
    let (expected, key) = (&site.origin, config.sites.key(number, "origin"));
    if url.is_https != expected.is_https() {
        return question.warn(
            format!("{line}; {key} is {}", expected.scheme.as_str()),
            format!("use the public URL, or mend {key}"),
        );
    }
    if url.is_https && !arrival.tls && arrival.told_scheme.is_none() {
        return question.warn(
            format!("{line}; nobody says that the visitor used https"),
            "let the proxy send X-Forwarded-Proto, and name it in server.trusted_proxies",
        );
    }
    let host = arrival.host.split(':').next().unwrap_or_default();
    if !host.eq_ignore_ascii_case(&url.host) && !url.host.starts_with('[') {
        return question.warn(
            format!("{line}; the request was for {}", url.host),
            "let the proxy pass Host on as it came",
        );
    }
    question.ok(line)
}

fn hops(arrival: &Arrival) -> &'static str {
    let is_proxied = is_proxied(arrival) || !arrival.via.is_empty();
    if is_proxied { "a proxy" } else { "nobody" }
}

/// Whether somebody on the way has written about the request: all that we sent is one made-up element.
fn is_proxied(arrival: &Arrival) -> bool {
    let only_ours = arrival.forwarded_for == [CLAIMED];
    let ours = |name: &String| name == "x-forwarded-for";
    !only_ours || !arrival.proxy_headers.iter().all(ours)
}

/// Whom the gateway takes for the client.
fn trusted_proxies(url: &PublicUrl, arrival: &Arrival) -> Finding {
    let question = Question::new(
        Topic::TrustedProxies,
        format!("client through {}", url.host),
        format!("whom it takes for the client when a request claims to come from {CLAIMED}"),
    );
    let (peer, client) = (&arrival.peer, client_of(arrival));
    if client == CLAIMED {
        return question.fail(
            format!("believes what the client claims: {peer} is in server.trusted_proxies and passes X-Forwarded-For on as it came"),
            "name in server.trusted_proxies proxies alone, and let them append to X-Forwarded-For, or write it anew",
        );
    }
    if !is_proxied(arrival) {
        return question.ok(format!("{client}, who opened the connection"));
    }
    if !arrival.peer_is_trusted {
        return question.fail(
            format!("{peer}, a proxy that is not in server.trusted_proxies: every visitor has that address"),
            format!("add \"{peer}\", or its network, to server.trusted_proxies"),
        );
    }
    match another_proxy(arrival) {
        Some(visitor) => question.warn(
            format!("{client}, who names {visitor} as its client: it may be a proxy too"),
            format!("if {client} is yours, add it, or its network, to server.trusted_proxies"),
        ),
        None => question.ok(format!("{client}, as the proxy {peer} says")),
    }
}

/// The client, as far as it is known.
fn client_of(arrival: &Arrival) -> String {
    let client = arrival.client.map(|client| client.to_string());
    client.unwrap_or_else(|| "unknown".to_owned())
}

/// Who stands left of the client in the list, if it is an address and not the one that we made up.
fn another_proxy(arrival: &Arrival) -> Option<IpAddr> {
    let client = arrival.client?;
    let addresses: Vec<IpAddr> = arrival
        .forwarded_for
        .iter()
        .filter_map(|element| element.parse().ok())
        .collect();
    let place = addresses.iter().rposition(|address| *address == client)?;
    let left = addresses.get(place.checked_sub(1)?)?;
    (left.to_string() != CLAIMED).then_some(*left)
}

#[cfg(test)]
mod tests;
