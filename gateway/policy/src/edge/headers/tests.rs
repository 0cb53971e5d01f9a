use http::HeaderName;
use proptest::prelude::*;
use strum::VariantArray as _;

use super::{Reserved, is_odd, reserved, to_remove};
use crate::edge::OddHeaderNames;
use crate::edge::tests::{Sent, policy};
use crate::edge::{EdgePolicy, Refused};

/// Plain spellings of every reserved name.
const RESERVED: [(&str, Reserved); 48] = [
    ("x-session-user-id", Reserved::Identity),
    ("x-session-state", Reserved::Identity),
    ("x-session-token", Reserved::Identity),
    ("x-session-", Reserved::Identity),
    ("x-sidgate-request", Reserved::Identity),
    ("http-x-session-user", Reserved::Identity),
    ("x-forwarded-for", Reserved::Forwarding),
    ("x-forwarded-host", Reserved::Forwarding),
    ("x-forwarded-proto", Reserved::Forwarding),
    ("x-forwarded-port", Reserved::Forwarding),
    ("x-forwarded-uri", Reserved::Forwarding),
    ("x-forwarded", Reserved::Forwarding),
    ("forwarded", Reserved::Forwarding),
    ("x-real-ip", Reserved::Forwarding),
    ("x-original-url", Reserved::Rewrite),
    ("x-original-method", Reserved::Rewrite),
    ("x-rewrite-url", Reserved::Rewrite),
    ("x-http-method-override", Reserved::Rewrite),
    ("x-http-method", Reserved::Rewrite),
    ("x-method-override", Reserved::Rewrite),
    ("x-middleware-subrequest", Reserved::Framework),
    ("x-middleware-rewrite", Reserved::Framework),
    ("x-matched-path", Reserved::Framework),
    ("x-now-route-matches", Reserved::Framework),
    ("x-nextjs-page", Reserved::Framework),
    ("x-middleware-next", Reserved::Framework),
    ("x-invoke-path", Reserved::Framework),
    ("next-resume", Reserved::Framework),
    ("x-next-resume-state-length", Reserved::Framework),
    ("remote-user", Reserved::RemoteUser),
    ("http-remote-user", Reserved::RemoteUser),
    ("proxy", Reserved::Proxy),
    ("remote-email", Reserved::RemoteUser),
    ("x-remote-user", Reserved::RemoteUser),
    ("x-auth-request-user", Reserved::RemoteUser),
    ("x-webauth-user", Reserved::RemoteUser),
    ("x-ssl-client-s-dn", Reserved::RemoteUser),
    ("x-amzn-oidc-data", Reserved::RemoteUser),
    ("x-goog-authenticated-user-email", Reserved::RemoteUser),
    ("x-ms-client-principal", Reserved::RemoteUser),
    ("x-ms-client-principal-name", Reserved::RemoteUser),
    ("cf-access-authenticated-user-email", Reserved::RemoteUser),
    ("tailscale-user-login", Reserved::RemoteUser),
    ("x-authentik-username", Reserved::RemoteUser),
    ("cf-connecting-ip", Reserved::Forwarding),
    ("true-client-ip", Reserved::Forwarding),
    ("x-client-ip", Reserved::Forwarding),
    ("x-cluster-client-ip", Reserved::Forwarding),
];

/// Names that look near and belong to others.
const FREE: [&str; 37] = [
    "host",
    "cookie",
    "accept",
    "authorization",
    "content-type",
    "origin",
    "referer",
    "user-agent",
    "sec-fetch-site",
    "rsc",
    "next-router-prefetch",
    "next-router-state-tree",
    "next-action",
    "next-url",
    "x-csrftoken",
    "x-request-id",
    "x-requested-with",
    "x-sessions",
    "x-sessionid",
    "xx-session-id",
    "x-rewrite",
    "x-real-ips",
    "proxy-connection",
    "proxied",
    "soapaction",
    "remote-users",
    "x-middleware-prefetch",
    "x-nextjs-data",
    "x-amzn-trace-id",
    "x-auth-token",
    "x-access-token",
    "x-client-version",
    "x-user-agent",
    "x-hostname",
    "x-csrf-token",
    "traceparent",
    "client",
];

fn odd_names(mode: OddHeaderNames) -> EdgePolicy {
    EdgePolicy {
        odd_header_names: mode,
        ..policy()
    }
}

fn removed(sent: &Sent, policy: &EdgePolicy) -> Vec<String> {
    to_remove(&sent.headers, policy)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn reserved_names_are_known_in_every_spelling() {
    for (name, kind) in RESERVED {
        assert_eq!(reserved(name), Some(kind), "{name}");
        assert_eq!(reserved(&name.to_uppercase()), Some(kind), "upper {name}");
        for odd in [
            "_", ".", "'", "~", "!", "|", "+", "`", "*", "^", "%", "&", "$", "#",
        ] {
            assert_eq!(
                reserved(&name.replace('-', odd)),
                Some(kind),
                "{name} with {odd}"
            );
        }
    }
}

#[test]
fn near_names_are_free() {
    for name in FREE {
        assert_eq!(reserved(name), None, "{name}");
    }
    assert_eq!(reserved(""), None);
    assert_eq!(reserved("http-"), None);
}

#[test]
fn plain_reserved_names_are_stripped_and_nothing_else() {
    let policy = policy();
    for (name, _) in RESERVED {
        let sent = Sent::get("/")
            .with(name, "root")
            .with(name, "root")
            .with("accept", "*/*");
        assert_eq!(sent.refusal(), None, "{name}");
        assert_eq!(
            removed(&sent, &policy),
            [name],
            "once, however often it was sent"
        );
    }
    let sent = FREE
        .iter()
        .filter(|name| **name != "host")
        .fold(Sent::get("/"), |sent, name| sent.with(name, "v"));
    assert_eq!(sent.refusal(), None);
    assert!(removed(&sent, &policy).is_empty());
}

#[test]
fn odd_names_are_refused_or_dropped() {
    let names = [
        "X_Session_User_Id",
        "X-Session_User_Id",
        "X.Session.User",
        "X'Session",
        "X~Session",
        "X!Session",
        "X|Session",
        "X+Session",
        "X`Session",
        "Transfer_Encoding",
        "Content_Length",
        "harmless_name",
    ];
    for name in names {
        let sent = Sent::get("/").with(name, "5");
        assert_eq!(
            sent.refusal_under(&odd_names(OddHeaderNames::Reject)),
            Some(Refused::HeaderName),
            "{name}"
        );
        assert_eq!(
            sent.refusal_under(&odd_names(OddHeaderNames::Drop)),
            None,
            "{name}"
        );
        assert_eq!(
            removed(&sent, &odd_names(OddHeaderNames::Drop)),
            [name.to_lowercase()]
        );
    }
}

#[test]
fn an_exemption_is_exact() {
    let exempt = EdgePolicy {
        passthrough_headers: vec![HeaderName::from_static("x-session-token")],
        ..odd_names(OddHeaderNames::Drop)
    };
    let sent = Sent::get("/")
        .with("x-session-token", "allauth")
        .with("x_session_token", "forged")
        .with("x-session-tokens", "forged")
        .with("http-x-session-token", "forged");
    let mut left = removed(&sent, &exempt);
    left.sort();
    assert_eq!(
        left,
        [
            "http-x-session-token",
            "x-session-tokens",
            "x_session_token"
        ]
    );
}

#[test]
fn what_is_counted_is_what_is_removed() {
    let policy = odd_names(OddHeaderNames::Drop);
    let sent = RESERVED
        .iter()
        .fold(Sent::get("/"), |sent, (name, _)| sent.with(name, "v"))
        .with("a_b", "v");
    let counted: usize = sent.judged(|req| {
        crate::edge::vet(req, &policy)
            .unwrap()
            .spoofed
            .iter()
            .map(|(_, count)| usize::from(count))
            .sum()
    });
    assert_eq!(counted, RESERVED.len() + 1);
    assert_eq!(removed(&sent, &policy).len(), RESERVED.len() + 1);
}

/// Counters and alerts of attacks are not moved by everyday traffic.
#[test]
fn what_is_expected_is_removed_and_not_counted() {
    let policy = policy();
    let count = |sent: &Sent| {
        sent.judged(|req| {
            let spoofed = crate::edge::vet(req, &policy).unwrap().spoofed;
            assert!(!spoofed.is_empty(), "something is to be removed");
            spoofed.iter().map(|(_, count)| count).sum::<u16>()
        })
    };
    let balancer = Sent::get("/")
        .with("x-forwarded-for", "192.0.2.1")
        .with("x-forwarded-proto", "https")
        .with("forwarded", "for=192.0.2.1");
    assert_eq!(count(&balancer), 3, "of anybody");
    let balancer = Sent {
        from_trusted_proxy: true,
        ..balancer
    };
    assert_eq!(count(&balancer), 0);
    assert_eq!(removed(&balancer, &policy).len(), 3);
    assert_eq!(count(&balancer.with("x-session-id", "1")), 1);

    let browser = Sent::get("/").with("x-nextjs-request-id", "1");
    assert_eq!(count(&browser), 0);
    assert_eq!(removed(&browser, &policy), ["x-nextjs-request-id"]);
}

#[test]
fn kinds_have_their_own_labels() {
    let mut labels: Vec<_> = Reserved::VARIANTS.iter().map(|kind| kind.label()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), Reserved::VARIANTS.len());
}

proptest! {
    /// The promise of the fold: neither letter case nor another separator frees a reserved name.
    #[test]
    fn no_respelling_frees_a_name(
        which in 0..RESERVED.len(),
        upper in any::<u64>(),
        odd in "[_.'~!|+`*^%&$#-]",
    ) {
        let respelled: String = RESERVED[which].0.chars().enumerate().map(|(at, c)| match c {
            '-' if upper >> (at % 64) & 1 == 1 => odd.chars().next().unwrap(),
            c if upper >> ((at + 7) % 64) & 1 == 1 => c.to_ascii_uppercase(),
            c => c,
        }).collect();
        prop_assert_eq!(reserved(&respelled), Some(RESERVED[which].1));
    }

    #[test]
    fn a_name_without_odd_bytes_is_letters_digits_and_dashes(name in "[ -~]{0,12}") {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        prop_assert_eq!(is_odd(&name), !plain);
    }
}
