//! The whole vetting, and the request builder that the tests of the single rules share.

mod properties;

use http::Version;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{EdgePolicy, HostSet, RawRequest, Refused, Reserved, SidCookie, Vetted, vet};

/// A request as a client sends it. The head is written from the other parts unless a test gives its
/// own bytes.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) version: Version,
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) authority: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) head: Option<Vec<u8>>,
    pub(super) from_trusted_proxy: bool,
}

impl Sent {
    /// An ordinary HTTP/1.1 GET.
    pub(super) fn get(target: impl AsRef<[u8]>) -> Self {
        Self {
            version: Version::HTTP_11,
            method: "GET".to_owned(),
            target: target.as_ref().to_vec(),
            authority: None,
            headers: HeaderMap::new(),
            head: None,
            from_trusted_proxy: false,
        }
        .with("host", "app.test")
    }

    /// An ordinary HTTP/2 GET.
    pub(super) fn h2(target: &str) -> Self {
        let mut sent = Self::get(target);
        sent.headers.clear();
        Self {
            version: Version::HTTP_2,
            authority: Some("app.test".to_owned()),
            ..sent
        }
    }

    pub(super) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers
            .append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Removes a field.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Replaces the bytes of the head.
    pub(super) fn head(mut self, head: impl AsRef<[u8]>) -> Self {
        self.head = Some(head.as_ref().to_vec());
        self
    }

    /// The head that says what the other parts say.
    pub(super) fn written_head(&self) -> Vec<u8> {
        let mut head = [self.method.as_bytes(), b" ", &self.target, b" "].concat();
        head.extend_from_slice(if self.version == Version::HTTP_10 {
            b"HTTP/1.0\r\n"
        } else {
            b"HTTP/1.1\r\n"
        });
        for (name, value) in &self.headers {
            head.extend_from_slice(
                &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
            );
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Lends the request to `judge`.
    pub(super) fn judged<T>(&self, judge: impl FnOnce(&RawRequest<'_>) -> T) -> T {
        let head = self.head.clone().unwrap_or_else(|| self.written_head());
        judge(&RawRequest {
            version: self.version,
            method: &self.method,
            target: &self.target,
            authority: self.authority.as_deref(),
            headers: &self.headers,
            raw_head: (self.version != Version::HTTP_2).then_some(&head),
            from_trusted_proxy: self.from_trusted_proxy,
        })
    }

    /// What the edge says under `policy`.
    pub(super) fn refusal_under(&self, policy: &EdgePolicy) -> Option<Refused> {
        self.judged(|req| vet(req, policy).err())
            .map(|breach| breach.rule)
    }

    /// The field that the edge names under `policy`.
    pub(super) fn field_under(&self, policy: &EdgePolicy) -> Option<String> {
        let breach = self.judged(|req| vet(req, policy).err())?;
        breach.field.map(|name| name.to_string())
    }

    /// What the edge says under the default policy.
    pub(super) fn refusal(&self) -> Option<Refused> {
        self.refusal_under(&policy())
    }
}

/// The documented defaults for `app.test`.
pub(super) fn policy() -> EdgePolicy {
    EdgePolicy::new(HostSet::new(["app.test"], 443).unwrap(), &["sid"])
}

fn browser_request() -> Sent {
    Sent::get("/orders/7?page=2")
        .with(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        )
        .with(
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        )
        .with("accept-language", "en-US,en;q=0.5")
        .with("accept-encoding", "gzip, deflate, br, zstd")
        .with("connection", "keep-alive")
        .with(
            "cookie",
            "theme=dark; sid=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0; csrftoken=x",
        )
        .with("upgrade-insecure-requests", "1")
        .with("sec-fetch-dest", "document")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-site", "same-origin")
        .with("rsc", "1")
        .with("next-router-state-tree", "%5B%22%22%5D")
        .with("authorization", "Bearer x")
}

#[test]
fn a_browser_request_passes_unchanged() {
    let policy = policy();
    browser_request().judged(|req| {
        let Vetted {
            path,
            query,
            host,
            cookies,
            websocket,
            content_length,
            spoofed,
        } = vet(req, &policy).unwrap();
        assert_eq!(
            (path, query, &**host),
            ("/orders/7", Some("page=2"), "app.test")
        );
        assert_eq!((websocket, content_length), (false, None));
        assert!(spoofed.is_empty());
        assert_eq!(
            cookies.sid(),
            SidCookie::One(b"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
        );
        assert_eq!(
            cookies.upstream_line(|_| false).unwrap(),
            "theme=dark; csrftoken=x"
        );
        assert!(super::headers::to_remove(req.headers, &policy).is_empty());
    });
}

#[test]
fn the_same_request_passes_over_http2() {
    let sent = Sent::h2("/orders/7?page=2")
        .with("cookie", "sid=x")
        .with("cookie", "theme=dark")
        .with("te", "trailers");
    let policy = policy();
    sent.judged(|req| {
        let vetted = vet(req, &policy).unwrap();
        assert_eq!((vetted.path, &**vetted.host), ("/orders/7", "app.test"));
        assert_eq!(vetted.cookies.sid(), SidCookie::One(b"x"));
        assert_eq!(
            vetted.cookies.upstream_line(|_| false).unwrap(),
            "theme=dark"
        );
    });
}

#[test]
fn methods_are_an_allow_list() {
    for method in super::METHODS {
        assert_eq!(Sent::get("/").method(method).refusal(), None, "{method}");
    }
    let long = "M".repeat(60);
    for method in [
        "TRACE", "CONNECT", "TRACK", "DEBUG", "get", "Get", "GETX", "PROPFIND", "", &long,
    ] {
        let refused = Sent::get("/").method(method).refusal();
        assert_eq!(refused, Some(Refused::Method), "{method}");
        assert_eq!(
            Sent::h2("/").method(method).refusal(),
            Some(Refused::Method),
            "h2 {method}"
        );
    }
}

#[test]
fn the_first_broken_rule_decides() {
    type Breaks = fn(Sent) -> Sent;
    let rules: [(Breaks, Refused); 10] = [
        (
            |sent| (0..101).fold(sent, |sent, n| sent.with(&format!("x-{n}"), "")),
            Refused::HeaderCount,
        ),
        (
            |sent| sent.with("transfer-encoding", "gzip, chunked"),
            Refused::TransferCoding,
        ),
        (
            |sent| sent.with("content-length", "05"),
            Refused::ContentLength,
        ),
        (
            |sent| sent.with("connection", "x-session-id"),
            Refused::Connection,
        ),
        (|sent| sent.with("expect", "payment"), Refused::Expect),
        (|sent| sent.method("TRACE"), Refused::Method),
        (
            |sent| Sent {
                target: b"//admin".to_vec(),
                ..sent
            },
            Refused::TargetEmptySegment,
        ),
        (
            |sent| sent.without("host").with("host", "evil.test"),
            Refused::HostUnknown,
        ),
        (
            |sent| sent.with("x_session_id", "root"),
            Refused::HeaderName,
        ),
        (
            |sent| sent.with("cookie", "sid=1; sid=2"),
            Refused::SidRepeated,
        ),
    ];
    for (earlier, (break_first, expected)) in rules.iter().enumerate() {
        assert_eq!(
            break_first(Sent::get("/")).refusal(),
            Some(*expected),
            "alone"
        );
        for (break_second, _) in &rules[earlier + 1..] {
            let sent = break_second(break_first(Sent::get("/")));
            assert_eq!(sent.refusal(), Some(*expected));
        }
    }
}

#[test]
fn an_upgrade_skips_no_rule() {
    let upgrade = |protocol| {
        Sent::get("/public/../admin")
            .with("connection", "upgrade")
            .with("upgrade", protocol)
    };
    let handshake = |sent: Sent| {
        sent.with("sec-websocket-version", "13")
            .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    for sent in [handshake(upgrade("websocket")), upgrade("h2c")] {
        assert_eq!(sent.refusal(), Some(Refused::TargetDotSegment));
    }
    let sent = handshake(
        Sent::get("/")
            .with("connection", "upgrade")
            .with("upgrade", "websocket"),
    )
    .with("cookie", "sid=1; sid=1");
    assert_eq!(sent.refusal(), Some(Refused::SidRepeated));
}

#[test]
fn spoofed_names_are_counted_by_kind() {
    let sent = Sent::get("/")
        .with("x-session-user-id", "root")
        .with("x-session-user-id", "root")
        .with("x-middleware-subrequest", "middleware");
    let policy = policy();
    sent.judged(|req| {
        let spoofed: Vec<_> = vet(req, &policy).unwrap().spoofed.iter().collect();
        assert_eq!(spoofed, [(Reserved::Identity, 2), (Reserved::Framework, 1)]);
    });
}

#[test]
fn debug_output_holds_no_secret() {
    let policy = policy();
    let sent = Sent::get("/?token=CANARY").with("cookie", "sid=CANARY; theme=CANARY");
    let printed = sent.judged(|req| format!("{:?}", vet(req, &policy).unwrap()));
    assert!(!printed.contains("CANARY"), "{printed}");
}

#[test]
fn every_refusal_has_its_own_name_and_the_documented_status() {
    use Refused as R;
    let by_status: [(u16, &[Refused]); 9] = [
        (
            400,
            &[
                R::HeadUnseen,
                R::BareLineEnd,
                R::RequestLine,
                R::Chunk,
                R::ObsFold,
                R::HeadMismatch,
                R::FramingConflict,
                R::ContentLength,
                R::TransferEncoding,
                R::Connection,
                R::Upgrade,
                R::Expect,
                R::TargetForm,
                R::TargetByte,
                R::TargetBackslash,
                R::TargetEmptySegment,
                R::TargetDotSegment,
                R::TargetEscapeMalformed,
                R::TargetEscapeForbidden,
                R::TargetEscapeDouble,
                R::TargetEscapeNeedless,
                R::HostMissing,
                R::HostRepeated,
                R::HostMalformed,
                R::HostMismatch,
                R::HeaderName,
                R::SidRepeated,
                R::SidQuoted,
            ],
        ),
        (405, &[R::Method]),
        (413, &[R::BodyTooLarge]),
        (414, &[R::TargetTooLong]),
        (421, &[R::HostUnknown]),
        (
            431,
            &[
                R::HeaderCount,
                R::HeaderBytes,
                R::CookieCount,
                R::CookieBytes,
            ],
        ),
        (501, &[R::TransferCoding]),
        (505, &[R::Version]),
        (508, &[R::Loop]),
    ];
    let mut reasons = Vec::new();
    for (status, refusals) in by_status {
        for refused in refusals {
            assert_eq!(refused.status(), status, "{refused:?}");
            let reason = refused.reason();
            assert!(
                reason
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{reason}"
            );
            reasons.push(reason);
        }
    }
    let named = reasons.len();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), named, "two rules share a name");
}
