//! What holds for any bytes, said a second time and independently of the rules.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sidgate_testkit::corpus;

use crate::edge::OddHeaderNames;
use crate::edge::client_ip::{NamedPeers, Peer, client_ip};
use crate::edge::target::{MAX_TARGET_BYTES, without_params};
use crate::edge::{
    CookieLimits, Cookies, EdgePolicy, HostSet, Refused, SidCookie, Target, headers,
};

/// Whom the operator trusts.
const TRUSTED: [&str; 2] = ["10.0.0.0/8", "fd00::/8"];

/// One field a line.
fn header_map(
    bytes: &[u8],
    field: impl Fn(&[u8]) -> Option<(HeaderName, &[u8])>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let (name, value) = field(line)?;
        headers.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(headers)
}

fn cookie(line: &[u8]) -> Option<(HeaderName, &[u8])> {
    Some((COOKIE, line))
}

fn forwarded_for(line: &[u8]) -> Option<(HeaderName, &[u8])> {
    Some((HeaderName::from_static("x-forwarded-for"), line))
}

/// Pairs as RFC 6265 (5.4) and every server that follows it would find them.
fn pairs(line: &[u8]) -> Vec<(String, String)> {
    let text: String = line.iter().map(|&byte| char::from(byte)).collect();
    text.split(';')
        .map(|pair| pair.trim_matches([' ', '\t']))
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn what_apps_get_of_cookies_holds_neither_ours_nor_what_is_hidden() {
    let hidden = |name: &[u8]| name == b"old_session";
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Some(headers) = header_map(bytes, cookie) else {
            return Ok(());
        };
        let fields: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
        let sent = pairs(&fields.join(&b"; "[..]));
        let ours = sent.iter().filter(|(name, _)| name == "sid").count();
        let cookies = match Cookies::parse(&headers, "sid", CookieLimits::of_bytes(8192)) {
            Ok(cookies) => cookies,
            Err(why) => {
                prop_assert!(
                    why.rule != Refused::SidRepeated || ours > 1,
                    "{ours} of ours"
                );
                return Ok(());
            }
        };
        match cookies.sid() {
            SidCookie::None => prop_assert_eq!(ours, 0),
            SidCookie::One(value) => {
                let value: String = value.iter().map(|&byte| char::from(byte)).collect();
                prop_assert_eq!(ours, 1);
                prop_assert!(sent.contains(&("sid".to_owned(), value)));
            }
        }
        let Some(line) = cookies.upstream_line(hidden) else {
            return Ok(());
        };
        let line = line.to_str().expect("printable");
        for (name, value) in pairs(line.as_bytes()) {
            // As servers fold it.
            let folded = name.trim().trim_start_matches('$');
            prop_assert!(folded != "sid" && folded != "old_session", "{line:?}");
            prop_assert!(sent.contains(&(name, value)), "{line:?} was not sent");
        }
        Ok(())
    };
    let pieces = [
        "; ",
        ";",
        "=",
        "sid",
        "sid=",
        "old_session=",
        "$",
        "\"",
        "\\",
        ",",
        " ",
        "\t",
        "\n",
        "\u{a0}",
        "\u{2000}",
        "%73id",
        "\u{1}",
        "=sid=x",
        "; sid=x;",
    ];
    corpus::holds("cookies", 2048, &pieces, check);
}

/// Every byte that a percent escape may mean, until nothing changes.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        // `from_str_radix` alone would take a sign for a digit.
        let digits = |hex: &&[u8]| hex.iter().all(u8::is_ascii_hexdigit);
        let escape = rest.get(1..3).filter(digits);
        let escape = escape.and_then(|hex| str::from_utf8(hex).ok());
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[test]
fn an_accepted_target_is_what_was_sent_and_decoding_it_leads_to_no_other_route() {
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Ok(target) = Target::parse(bytes, MAX_TARGET_BYTES) else {
            return Ok(());
        };
        let query = target.query.map(|query| format!("?{query}"));
        let sent_on = format!("{}{}", target.path, query.unwrap_or_default());
        prop_assert_eq!(sent_on.as_bytes(), bytes);
        let once = String::from_utf8(decoded(target.path));
        prop_assert!(once.is_ok(), "not UTF-8");
        let once = once.unwrap();
        let twice = String::from_utf8_lossy(&decoded(&once)).into_owned();
        prop_assert_eq!(&twice, &once, "two layers of escapes");
        prop_assert!(!once.chars().any(|c| c.is_ascii_control() || c == '\\'));
        let segments: Vec<&str> = target.path.split('/').collect();
        let read: Vec<&str> = once.split('/').collect();
        prop_assert_eq!(segments.len(), read.len());
        for (at, (segment, read)) in segments.iter().zip(&read).enumerate() {
            let bare = read.split(';').next().unwrap();
            prop_assert!(!matches!(bare, "." | ".."), "{read:?}");
            let inner = at > 0 && at + 1 < read.len();
            prop_assert!(!inner || !bare.is_empty(), "an empty segment");
            // Such bytes cannot be written in a second way. Of the others that a route may have, both readings are judged.
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            if bare.chars().all(plain) {
                prop_assert_eq!(&without_params(segment), bare);
            }
        }
        Ok(())
    };
    let pieces = [
        "/", "//", ".", "..", "/../", "/./", "%2e", "%2f", "%5c", "\\", ";", "%3b", "%25", "%",
        "%00", "%c0%ae", "%c3%bc", "%ff", "?", "#", " ", "\t", "\0", "\u{e9}", "%61", "%7e",
        "admin", "%20", "*", ":",
    ];
    corpus::holds("request-target", 4096, &pieces, check);
}

/// The names of gateways and frameworks, by a fold of their own: CGI's. Those of other proxies are a table, and not said again.
fn is_the_gateways(name: &str) -> bool {
    let fold = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let mut name: String = name.chars().map(fold).collect();
    while let Some(inner) = name.strip_prefix("HTTP_") {
        name = inner.to_owned();
    }
    let beginnings = [
        "X_SESSION_",
        "X_SIDGATE_",
        "X_FORWARDED_",
        "X_ORIGINAL_",
        "X_MIDDLEWARE_",
        "X_NEXTJS_",
        "X_INVOKE_",
    ];
    let whole = [
        "X_FORWARDED",
        "FORWARDED",
        "X_REAL_IP",
        "X_REWRITE_URL",
        "X_MATCHED_PATH",
        "X_NOW_ROUTE_MATCHES",
        "REMOTE_USER",
        "PROXY",
        "X_HTTP_METHOD",
        "X_HTTP_METHOD_OVERRIDE",
        "X_METHOD_OVERRIDE",
        "NEXT_RESUME",
        "X_NEXT_RESUME_STATE_LENGTH",
    ];
    if matches!(name.as_str(), "X_NEXTJS_DATA" | "X_MIDDLEWARE_PREFETCH") {
        return false;
    }
    whole.contains(&name.as_str())
        || beginnings
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

#[test]
fn what_remains_of_header_names_is_nobodys_but_the_clients() {
    fn named(line: &[u8]) -> Option<(HeaderName, &[u8])> {
        Some((HeaderName::from_bytes(line).ok()?, b"x"))
    }
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Some(headers) = header_map(bytes, named) else {
            return Ok(());
        };
        let mut policy = EdgePolicy::new(HostSet::new(["app.test"], 443).unwrap(), &["sid"]);
        let odd = headers.keys().any(|name| {
            !name
                .as_str()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        prop_assert_eq!(headers::check(&headers, false, &policy).is_err(), odd);
        policy.odd_header_names = OddHeaderNames::Drop;
        let counted = headers::check(&headers, false, &policy).expect("nothing is refused");
        let removed = headers::to_remove(&headers, &policy);
        let fields: usize = removed
            .iter()
            .map(|name| headers.get_all(name).iter().count())
            .sum();
        prop_assert_eq!(
            counted
                .iter()
                .map(|(_, count)| usize::from(count))
                .sum::<usize>(),
            fields
        );
        for name in headers.keys() {
            let text = name.as_str();
            let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let must_go = is_the_gateways(text) || !plain;
            prop_assert!(!must_go || removed.contains(name), "{text}");
            let harmless = ["x-nextjs-data", "x-middleware-prefetch"].contains(&text);
            prop_assert!(!harmless || !removed.contains(name), "{text}");
        }
        Ok(())
    };
    let pieces = [
        "X-Session-",
        "x_session_",
        "x.forwarded.",
        "http-",
        "HTTP_",
        "Forwarded",
        "-",
        "_",
        "~",
        "\n",
        "Remote",
        "-User",
        "X-Original",
        "Proxy",
        "s",
        "X-",
        "!",
        "Next-Resume",
        "X-Nextjs-Data",
        "x-middleware-prefetch",
    ];
    corpus::holds("headers", 2048, &pieces, check);
}

#[test]
fn a_client_address_is_the_peers_or_one_that_a_trusted_proxy_wrote() {
    let trusted: Vec<ipnet::IpNet> = TRUSTED.iter().map(|net| net.parse().unwrap()).collect();
    let proxy: IpAddr = "10.0.0.9".parse().unwrap();
    let stranger: IpAddr = "198.51.100.7".parse().unwrap();
    let named = NamedPeers {
        networks: trusted.clone(),
        unix: false,
    };
    let client_of =
        |headers: &HeaderMap| client_ip(Peer::Address(proxy), headers, &named).expect("an address");
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Some(headers) = header_map(bytes, forwarded_for) else {
            return Ok(());
        };
        prop_assert_eq!(
            client_ip(Peer::Address(stranger), &headers, &named),
            Some(stranger)
        );
        let client = client_of(&headers);
        prop_assert_eq!(client, client.to_canonical());
        if is_trusted(&client) {
            return Ok(());
        }
        // Whatever stands to the left of the one who was found, it stays this one.
        for forged in ["203.0.113.66", "203.0.113.66, 10.6.6.6", "rubbish"] {
            let mut longer = HeaderMap::new();
            longer.append("x-forwarded-for", HeaderValue::from_static(forged));
            for (name, value) in &headers {
                longer.append(name, value.clone());
            }
            prop_assert_eq!(client_of(&longer), client);
        }
        Ok(())
    };
    let pieces = [
        ",",
        ", ",
        "\n",
        "10.0.0.1",
        "203.0.113.5",
        "[2001:db8::1]:80",
        "fd00::1",
        "::ffff:10.0.0.1",
        ":443",
        "unknown",
        "_x",
        "\t",
        "%eth0",
        "[",
        "]",
        "\u{a0}",
        "0x7f.1",
        "\"",
    ];
    corpus::holds("client-ip", 2048, &pieces, check);
}
