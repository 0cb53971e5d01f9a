//! Why a request was turned away before anybody looked at it.
//!
//! One variant is one rule. The variants carry no data: a refusal is counted, and a label must not be
//! chosen by a client. Which field it was travels beside it, in a [`Breach`](super::Breach).
//!
//! Rules fall into classes. A class is what a program needs to know: what of the request it has to
//! change. It is the `code` of the answer.

/// A rule of the edge that a request has broken.
///
/// Every refusal is answered by the gateway itself, closes the connection and touches neither an
/// app nor a store.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    thiserror::Error,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Refused {
    /// Neither HTTP/1.0, HTTP/1.1 nor HTTP/2.
    #[error("http version is not served")]
    Version,
    /// An HTTP/1 request came without the bytes of its head, so its framing cannot be judged.
    #[error("raw request head is not available")]
    HeadUnseen,
    /// A line of the head ends in a lone LF, or holds a lone CR.
    #[error("bare line ending in the request head")]
    BareLineEnd,
    /// The request line is not exactly `METHOD SP target SP version`, or something stands before
    /// it.
    #[error("request line is not in its canonical form")]
    RequestLine,
    /// A body in chunks that are not written as RFC 9112 (7.1) has them.
    #[error("malformed chunk")]
    Chunk,
    /// A header field continues on the next line.
    #[error("folded header field")]
    ObsFold,
    /// The head holds other fields than the parser handed on.
    #[error("request head and parsed fields differ")]
    HeadMismatch,
    /// More header fields than the limit.
    #[error("too many header fields")]
    HeaderCount,
    /// A larger header block than the limit.
    #[error("header block too large")]
    HeaderBytes,
    /// Content-Length and Transfer-Encoding in one request.
    #[error("both content-length and transfer-encoding")]
    FramingConflict,
    /// Content-Length repeated, listed, signed, zero-padded or not a number.
    #[error("content-length is not canonical")]
    ContentLength,
    /// Transfer-Encoding malformed, repeated, or used with a version that has none.
    #[error("transfer-encoding is not canonical")]
    TransferEncoding,
    /// A real transfer coding that the gateway does not speak.
    #[error("transfer coding is not implemented")]
    TransferCoding,
    /// Content-Length above the body limit.
    #[error("body too large")]
    BodyTooLarge,
    /// `Connection` names a field that an app may need, or appears in HTTP/2.
    #[error("connection header names a field that is not hop-by-hop")]
    Connection,
    /// An `Upgrade` that mentions WebSocket without a complete handshake.
    #[error("upgrade is not a websocket handshake")]
    Upgrade,
    /// An expectation other than `100-continue`.
    #[error("unknown expectation")]
    Expect,
    /// Method outside the allow-list.
    #[error("method not allowed")]
    Method,
    /// Request target longer than the policy allows.
    #[error("request target too long")]
    TargetTooLong,
    /// Target is not in origin-form (`/path?query`), or its path leads elsewhere once it is decoded.
    #[error("request target is not in origin-form")]
    TargetForm,
    /// Control byte, space, `#`, or non-ASCII in the path.
    #[error("forbidden byte in the request target")]
    TargetByte,
    /// Raw backslash in the path.
    #[error("backslash in the path")]
    TargetBackslash,
    /// `//`, or a segment that holds nothing but parameters.
    #[error("empty path segment")]
    TargetEmptySegment,
    /// `.` or `..` as a segment, with or without parameters.
    #[error("dot segment in the path")]
    TargetDotSegment,
    /// `%` without two hexadecimal digits.
    #[error("malformed percent escape in the path")]
    TargetEscapeMalformed,
    /// An escaped `/`, `\`, `.` or control byte, or escapes that are not UTF-8.
    #[error("forbidden percent escape in the path")]
    TargetEscapeForbidden,
    /// `%25` followed by two hexadecimal digits.
    #[error("double percent escape in the path")]
    TargetEscapeDouble,
    /// An escape of a byte that needs none (a second spelling of the same path).
    #[error("needless percent escape in the path")]
    TargetEscapeNeedless,
    /// No host at all.
    #[error("host is missing")]
    HostMissing,
    /// More than one Host field.
    #[error("host is repeated")]
    HostRepeated,
    /// Host is not `name`, `name:port`, `[v6]` or `[v6]:port`.
    #[error("host is malformed")]
    HostMalformed,
    /// HTTP/2 `:authority` and Host name different hosts.
    #[error("host and authority differ")]
    HostMismatch,
    /// A host that this gateway does not serve.
    #[error("host is not served here")]
    HostUnknown,
    /// Header name with a byte outside `[A-Za-z0-9-]`.
    #[error("odd header name")]
    HeaderName,
    /// A name that no app may get, and whoever asks about the request cannot take it away.
    #[error("a reserved header field that the edge cannot take away")]
    HeaderNotRemovable,
    /// It carries the hop mark of this installation: it has come through one of its gateways before.
    #[error("this request has come through here before")]
    Loop,
    /// Two cookies of our name, whatever their values.
    #[error("session cookie is repeated")]
    SidRepeated,
    /// Our cookie stands inside another cookie's quotes.
    #[error("session cookie inside a quoted value")]
    SidQuoted,
    /// More cookies than the policy allows.
    #[error("too many cookies")]
    CookieCount,
    /// Cookies larger than the limit, all together or one alone.
    #[error("cookies too large")]
    CookieBytes,
}

/// What of a request a rule is about: the `code` of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// The form of the message: its lines, its body.
    BadRequest,
    /// The path.
    Target,
    /// The host: it is not one of those that are served.
    HostUnknown,
    /// A header field.
    Headers,
    /// The cookies.
    Cookies,
    /// The method.
    MethodNotAllowed,
    /// The length of the body.
    TooLarge,
    /// The size or number of the header fields.
    HeadersTooLarge,
    /// The length of the target.
    UriTooLong,
    /// A coding that is not spoken here.
    NotImplemented,
    /// The version of HTTP.
    Version,
    /// The way that it takes.
    LoopDetected,
}

impl Class {
    /// The `code` of the answer.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl Refused {
    /// What the rule is about.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Version => Class::Version,
            Self::TransferCoding => Class::NotImplemented,
            Self::HeaderCount | Self::HeaderBytes => Class::HeadersTooLarge,
            Self::BodyTooLarge => Class::TooLarge,
            Self::Method => Class::MethodNotAllowed,
            Self::TargetTooLong => Class::UriTooLong,
            Self::TargetForm
            | Self::TargetByte
            | Self::TargetBackslash
            | Self::TargetEmptySegment
            | Self::TargetDotSegment
            | Self::TargetEscapeMalformed
            | Self::TargetEscapeForbidden
            | Self::TargetEscapeDouble
            | Self::TargetEscapeNeedless => Class::Target,
            Self::HostUnknown => Class::HostUnknown,
            Self::Loop => Class::LoopDetected,
            Self::Connection
            | Self::Upgrade
            | Self::Expect
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostMismatch
            | Self::HeaderName
            | Self::HeaderNotRemovable => Class::Headers,
            Self::SidRepeated | Self::SidQuoted | Self::CookieCount | Self::CookieBytes => {
                Class::Cookies
            }
            Self::HeadUnseen
            | Self::BareLineEnd
            | Self::RequestLine
            | Self::Chunk
            | Self::ObsFold
            | Self::HeadMismatch
            | Self::FramingConflict
            | Self::ContentLength
            | Self::TransferEncoding => Class::BadRequest,
        }
    }

    /// The one field that the rule is about, where there is one.
    #[must_use]
    pub const fn field(self) -> Option<&'static str> {
        Some(match self {
            Self::ContentLength | Self::BodyTooLarge => "content-length",
            Self::FramingConflict | Self::TransferEncoding | Self::TransferCoding => {
                "transfer-encoding"
            }
            Self::Connection => "connection",
            Self::Upgrade => "upgrade",
            Self::Expect => "expect",
            Self::HostMissing
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostMismatch
            | Self::HostUnknown => "host",
            Self::CookieCount | Self::CookieBytes => "cookie",
            Self::Loop => "x-sidgate-hop",
            _ => return None,
        })
    }

    /// The name of the broken rule in metrics, logs and error bodies.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.into()
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Loop => 508,
            Self::TransferCoding => 501,
            Self::HeaderCount | Self::HeaderBytes | Self::CookieCount | Self::CookieBytes => 431,
            Self::HostUnknown => 421,
            Self::TargetTooLong => 414,
            Self::BodyTooLarge => 413,
            Self::Method => 405,
            Self::HeadUnseen
            | Self::BareLineEnd
            | Self::RequestLine
            | Self::Chunk
            | Self::ObsFold
            | Self::HeadMismatch
            | Self::FramingConflict
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::Connection
            | Self::Upgrade
            | Self::Expect
            | Self::TargetForm
            | Self::TargetByte
            | Self::TargetBackslash
            | Self::TargetEmptySegment
            | Self::TargetDotSegment
            | Self::TargetEscapeMalformed
            | Self::TargetEscapeForbidden
            | Self::TargetEscapeDouble
            | Self::TargetEscapeNeedless
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostMismatch
            | Self::HeaderName
            | Self::HeaderNotRemovable
            | Self::SidRepeated
            | Self::SidQuoted => 400,
        }
    }
}
