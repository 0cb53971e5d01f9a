//! The answer to a request that breaks a rule of the edge, or comes from another site.
//!
//! Its `code` is the class of the rule: what of the request its developer has to look at. `reason` is the rule, `field` the
//! header or cookie, and `detail` says what would be accepted. Nothing tells a stranger what is configured here: which
//! hosts are served, which names apps believe.

use http::header::ALLOW;
use serde_json::{Value, json};
use sidgate_policy::auth::csrf::CrossSite;
use sidgate_policy::edge::{Breach, Class, Refused};

use super::{Answer, allow};
use crate::telemetry::outcome::Outcome;

impl Answer {
    /// A refusal at the edge. The connection closes.
    #[must_use]
    pub(crate) fn refused(breach: &Breach) -> Self {
        let Breach { rule, field } = breach;
        let mut members = json!({"detail": detail(*rule), "reason": rule.reason()});
        if let (Value::Object(members), Some(field)) = (&mut members, field) {
            members.insert("field".to_owned(), json!(field.as_str()));
        }
        let class = rule.class();
        let answer =
            Self::problem_with(rule.status(), class.into(), title(class), &members).closing();
        if class == Class::MethodNotAllowed {
            answer.with(ALLOW, allow())
        } else {
            answer
        }
    }

    /// A request that another site made the browser send.
    #[must_use]
    pub(crate) fn cross_site(why: CrossSite) -> Self {
        let members = json!({
            "detail": cross_site_detail(why),
            "reason": why.reason(),
            "field": why.field(),
        });
        let title = "Cross-site requests are refused";
        Self::problem_with(403, Outcome::CrossSite, title, &members)
    }

    /// A page that was opened under a name which is not one of this machine.
    #[must_use]
    pub(crate) fn foreign_name() -> Self {
        let members = json!({
            "detail": "Without admin.token this listener answers to localhost and loopback addresses only",
            "field": "host",
        });
        let title = "Cross-site requests are refused";
        Self::problem_with(403, Outcome::CrossSite, title, &members)
    }
}

impl From<Class> for Outcome {
    fn from(class: Class) -> Self {
        match class {
            Class::BadRequest => Self::BadRequest,
            Class::Target => Self::Target,
            Class::HostUnknown => Self::HostUnknown,
            Class::Headers => Self::Headers,
            Class::Cookies => Self::Cookies,
            Class::MethodNotAllowed => Self::MethodNotAllowed,
            Class::TooLarge => Self::TooLarge,
            Class::HeadersTooLarge => Self::HeadersTooLarge,
            Class::UriTooLong => Self::UriTooLong,
            Class::NotImplemented => Self::NotImplemented,
            Class::Version => Self::Version,
            Class::LoopDetected => Self::LoopDetected,
        }
    }
}

const fn title(class: Class) -> &'static str {
    match class {
        Class::BadRequest => "The request was refused",
        Class::Target => "The path of the request was refused",
        Class::HostUnknown => "This host is not served here",
        Class::Headers => "A header of the request was refused",
        Class::Cookies => "The cookies of the request were refused",
        Class::MethodNotAllowed => "Method not allowed",
        Class::TooLarge => "The request body is too large",
        Class::HeadersTooLarge => "The headers of the request are too large",
        Class::UriTooLong => "The address is too long",
        Class::NotImplemented => "This transfer coding is not implemented",
        Class::Version => "This version of HTTP is not served",
        Class::LoopDetected => "This request has come through here before",
    }
}

/// What the developer of the client can do about it.
const fn detail(rule: Refused) -> &'static str {
    match rule {
        Refused::Version => "HTTP/1.0, HTTP/1.1 and HTTP/2 are served",
        Refused::HeadUnseen => "The head of the request could not be judged",
        Refused::BareLineEnd => "Each line of the head ends in CR LF, and neither stands alone",
        Refused::RequestLine => {
            "The request begins with one line: method, target, version, one space between"
        }
        Refused::Chunk => "Chunks are written as RFC 9112, 7.1 has them",
        Refused::ObsFold => "A header field stands on one line",
        Refused::HeadMismatch => "The head holds lines that are no header fields",
        Refused::HeaderCount => "There are more header fields than edge.max_header_count allows",
        Refused::HeaderBytes => "The header fields are larger than edge.max_header_bytes allows",
        Refused::FramingConflict => "Content-Length and Transfer-Encoding exclude each other",
        Refused::ContentLength => "Content-Length is one decimal number, sent once",
        Refused::TransferEncoding => "Transfer-Encoding is \"chunked\", sent once, on HTTP/1.1",
        Refused::TransferCoding => "\"chunked\" is the only transfer coding that is spoken here",
        Refused::BodyTooLarge => {
            "The body is larger than edge.max_body_bytes, or max_body_bytes of the route, allows"
        }
        Refused::Loop => {
            "An app, or a balancer before it, leads back to sidgate. An app that copies the headers of its requests leaves out X-Sidgate-Hop"
        }
        Refused::Connection => "Connection may name only fields of the connection itself",
        Refused::Upgrade => {
            "A WebSocket handshake is a GET over HTTP/1.1 with Connection: Upgrade, Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key"
        }
        Refused::Expect => "The only expectation that is met is 100-continue",
        Refused::Method => "Allow names the methods that go on to an app; their case matters",
        Refused::TargetTooLong => "The target of a request has at most 8192 bytes",
        Refused::TargetForm => {
            "The target of a request is a path on this host, and leads to the same place however it is decoded"
        }
        Refused::TargetByte => "A target is ASCII without spaces, control characters and #",
        Refused::TargetBackslash => "A path holds no backslash",
        Refused::TargetEmptySegment => "A path holds no empty segment, such as //",
        Refused::TargetDotSegment => "A path holds no segment . or ..",
        Refused::TargetEscapeMalformed => "A % in a path is followed by two hexadecimal digits",
        Refused::TargetEscapeForbidden => {
            "Slashes, backslashes, dots and control characters are not escaped in a path, and escapes are UTF-8"
        }
        Refused::TargetEscapeDouble => "A path is escaped once",
        Refused::TargetEscapeNeedless => "Letters, digits and - _ ~ are not escaped in a path",
        Refused::HostMissing => "The request names no host",
        Refused::HostRepeated => "Host is sent once",
        Refused::HostMalformed => "Host is a name or an address, with a port or without",
        Refused::HostMismatch => "Host and :authority name the same host",
        Refused::HostUnknown => {
            "The host is not among server.hosts of this gateway, nor that of server.public_origin"
        }
        Refused::HeaderName => "Names of header fields are made of letters, digits and -",
        Refused::HeaderNotRemovable => {
            "The header field is reserved, and the proxy in front of the app cannot take it away"
        }
        Refused::SidRepeated => {
            "The session cookie is sent once. Old copies of it, for another path or domain, have to be deleted"
        }
        Refused::SidQuoted => "The session cookie stands between quotes of other cookies",
        Refused::CookieCount => "There are more than 64 cookies",
        Refused::CookieBytes => {
            "The cookies are larger than edge.max_cookie_bytes allows, or one is larger than 4096 bytes"
        }
    }
}

const fn cross_site_detail(why: CrossSite) -> &'static str {
    match why {
        CrossSite::FetchSite => {
            "Sec-Fetch-Site says that a page of another site has made this request"
        }
        CrossSite::Origin => "Origin is not the public origin of this gateway",
        CrossSite::Incomplete(_) => {
            "The request carries fetch metadata without Sec-Fetch-Site. A browser sends both. A program that is no browser, such as fetch() in Node, sends the public origin of this gateway in Origin, or no Sec-Fetch header at all"
        }
    }
}
