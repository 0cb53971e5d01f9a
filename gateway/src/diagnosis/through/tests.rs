use super::super::finding::Verdict;
use super::*;

fn url(text: &str) -> PublicUrl {
    PublicUrl::parse(text).unwrap()
}

/// A request as it arrives from `peer` with this list.
fn arrival(peer: &str, trusted: bool, client: &str, list: &[&str]) -> Arrival {
    Arrival {
        version: "0.1.0".to_owned(),
        time_ms: 0,
        peer: peer.to_owned(),
        peer_is_trusted: trusted,
        client: client.parse().ok(),
        tls: false,
        told_scheme: trusted.then(|| "https".to_owned()),
        host: "app.example.com".to_owned(),
        forwarded_for: list.iter().map(ToString::to_string).collect(),
        via: Vec::new(),
        proxy_headers: vec!["x-forwarded-for".to_owned()],
        protocol: "HTTP/1.1".to_owned(),
    }
}

#[test]
fn who_is_believed_about_the_client() {
    let (lb, visitor) = ("10.0.0.5", "198.51.100.7");
    for (arrival, verdict, said) in [
        (
            arrival(visitor, false, visitor, &[CLAIMED]),
            Verdict::Ok,
            "opened",
        ),
        (
            arrival(visitor, true, CLAIMED, &[CLAIMED]),
            Verdict::Fail,
            "believes what the client claims",
        ),
        (
            arrival(lb, false, lb, &[CLAIMED, visitor]),
            Verdict::Fail,
            "not in server.trusted_proxies",
        ),
        (
            arrival(lb, false, lb, &[visitor]),
            Verdict::Fail,
            "not in server.trusted_proxies",
        ),
        (
            arrival(lb, true, visitor, &[CLAIMED, visitor]),
            Verdict::Ok,
            "as the proxy 10.0.0.5 says",
        ),
        (
            arrival(lb, true, visitor, &[visitor]),
            Verdict::Ok,
            "as the proxy 10.0.0.5 says",
        ),
        (
            arrival(lb, true, "10.0.0.9", &[CLAIMED, visitor, "10.0.0.9"]),
            Verdict::Warn,
            "may be a proxy too",
        ),
    ] {
        let finding = trusted_proxies(&url("https://app.example.com"), &arrival);
        assert_eq!(finding.verdict, verdict, "{arrival:?}: {finding:?}");
        assert!(finding.answer.contains(said), "{finding:?}");
    }
}

#[test]
fn urls_of_the_public_way() {
    assert_eq!(
        url("https://App.example.com/x?y").origin,
        "https://App.example.com"
    );
    assert_eq!(url("http://[::1]:3000").host, "[::1]");
    for wrong in [
        "",
        "app.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "/path",
    ] {
        assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
    }
}
