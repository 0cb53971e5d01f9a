//! What the app has received: exactly one request made of exactly the expected fields, or nothing at all.

use sidgate_testkit::token;
use sidgate_testkit::upstream::Received;

use super::Stage;
use super::case::Upstream;
use super::listener::By;
use super::sent::Sent;
use super::to::To;

impl Stage<'_> {
    pub(super) fn check_seen(
        &self,
        sent: &Sent<'_>,
        seen: &[Received],
        protocol: &str,
    ) -> Result<(), String> {
        match (&sent.case.upstream, seen) {
            (None, []) => Ok(()),
            (Some(expected), [seen]) => self.check_request(sent, expected, seen, protocol),
            (expected, seen) => {
                let wanted = usize::from(expected.is_some());
                Err(format!(
                    "the app received {} requests instead of {wanted}: {seen:?}",
                    seen.len()
                ))
            }
        }
    }

    fn check_request(
        &self,
        sent: &Sent<'_>,
        expected: &Upstream,
        seen: &Received,
        protocol: &str,
    ) -> Result<(), String> {
        let line = sent.values.fill(&expected.line);
        let mut wanted: Vec<String> = expected
            .fields
            .iter()
            .map(|field| sent.values.fill(field))
            .collect();
        wanted.extend(self.written(&expected.seen_as));
        let mut got: Vec<String> = seen
            .headers()
            .iter()
            .map(|(name, value)| masked(name, value, expected.host.is_some()))
            .collect();
        if expected.host.is_some() {
            wanted.retain(|field| {
                !field.starts_with("Host: ") && !field.starts_with("X-Forwarded-Host: ")
            });
            wanted.extend(["Host: *".to_owned(), "X-Forwarded-Host: *".to_owned()]);
        }
        for list in [&mut wanted, &mut got] {
            for field in list.iter_mut() {
                let (name, value) = field.split_once(": ").unwrap_or((field, ""));
                *field = format!("{}: {value}", name.to_lowercase());
            }
            if self.to == To::Http2 {
                list.retain(|field| !is_about_framing(field));
            }
            list.sort();
        }
        let body = sent.values.bytes(&expected.body);
        if seen.request_line() != line || got != wanted || seen.body != body {
            return Err(format!(
                "({protocol}) the app received\n  {} {got:?} {:?}\ninstead of\n  {line} {wanted:?}",
                seen.request_line(),
                seen.body
            ));
        }
        self.check_assertion(expected, seen)
    }

    /// The fields that the gateway writes, with `*` for values that differ from request to request.
    fn written(&self, seen_as: &str) -> Vec<String> {
        let (host, port) = (self.gateway.host(), self.gateway.public_port());
        let state = if seen_as == "alice" {
            "active"
        } else {
            seen_as
        };
        let mut fields = vec![
            format!("Host: {host}"),
            "X-Forwarded-Proto: http".to_owned(),
            format!("X-Forwarded-Host: {host}"),
            format!("X-Forwarded-Port: {port}"),
            "X-Request-Id: *".to_owned(),
            "X-Sidgate-Hop: *".to_owned(),
            format!("X-Session-State: {state}"),
            "X-Session-Assertion: *".to_owned(),
        ];
        match self.by {
            // Nobody says who it is.
            By::Unix => {}
            By::Port | By::Proxy => fields.push("X-Forwarded-For: 127.0.0.1".to_owned()),
            By::MutualTls => fields.extend([
                "X-Forwarded-For: 127.0.0.1".to_owned(),
                "X-Session-Client-Subject: CN=client".to_owned(),
            ]),
        }
        if seen_as == "alice" {
            fields.extend(
                [
                    "X-Session-Id: *",
                    "X-Session-User-Id: alice",
                    "X-Session-Tenant-Id: t1",
                    "X-Session-Expires-At: *",
                    "X-Session-Email: alice@example.com",
                ]
                .map(str::to_owned),
            );
        }
        fields
    }

    fn check_assertion(&self, expected: &Upstream, seen: &Received) -> Result<(), String> {
        let assertion = seen.header("x-session-assertion").unwrap_or_default();
        let claims = token::try_verify(&self.app.key(), &assertion)?;
        let right = match expected.seen_as.as_str() {
            "alice" => claims["state"] == "active" && claims["sub"] == "alice",
            state => claims["state"] == state && claims.get("sub").is_none(),
        };
        if right {
            Ok(())
        } else {
            Err(format!("the assertion says {claims}"))
        }
    }
}

/// What HTTP/2 has no fields for, or fields of its own: the front of the app writes others.
fn is_about_framing(field: &str) -> bool {
    let names = ["content-length: ", "transfer-encoding: ", "te: "];
    names.iter().any(|name| field.starts_with(name))
}

fn masked(name: &str, value: &str, any_host: bool) -> String {
    let varies = [
        "x-request-id",
        "x-sidgate-hop",
        "x-session-assertion",
        "x-session-id",
        "x-session-expires-at",
    ];
    let host = ["host", "x-forwarded-host"];
    let name_is = |list: &[&str]| list.iter().any(|other| name.eq_ignore_ascii_case(other));
    let mask = name_is(&varies) || any_host && name_is(&host);
    format!("{name}: {}", if mask { "*" } else { value })
}
