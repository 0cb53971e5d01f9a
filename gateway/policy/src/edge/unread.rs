//! What came instead of a request?
//!
//! A head that the library below cannot read is refused before any rule sees it. How it begins often says what is the
//! matter: a balancer that speaks the PROXY protocol, a browser that speaks TLS to a plain port, or plain HTTP to one with
//! TLS. Only this much is told; what was sent is not.

use super::proxy_protocol::{self, NoHeader};

/// What came instead of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Unread {
    /// A header of the PROXY protocol, version 1 or 2.
    ProxyProtocol,
    /// A TLS hello on a port without TLS.
    TlsHello,
    /// Clear text on a port with TLS.
    ClearText,
    /// A TLS handshake that came to no end.
    TlsHandshake,
    /// A client with no certificate, or with one that is not accepted.
    ClientCertificate,
    /// Something else where a peer had to begin with a header of the PROXY protocol.
    ProxyMissing,
    /// A header of the PROXY protocol that breaks its rules.
    ProxyMalformed,
    /// A header of the PROXY protocol that broke off.
    ProxyTruncated,
    /// A header of the PROXY protocol that did not come in time.
    ProxyTimeout,
    /// A header of the PROXY protocol that is longer than is read.
    ProxyTooLong,
    /// Something that begins like HTTP/2, and goes on as something else.
    Http2Preface,
    /// A head larger than the library reads at all.
    HeadTooLarge,
    /// A head that is not HTTP/1.
    HeadMalformed,
}

/// How many bytes of a connection are looked at.
pub const START: usize = 16;

/// The first byte of every TLS connection: a handshake record.
pub const TLS_HANDSHAKE: u8 = 0x16;

/// What the library reads at most of a head.
const HEAD_MAX: usize = 1 << 20;

impl Unread {
    /// What came on a port without TLS, by its first bytes; `length` is how many have come.
    #[must_use]
    pub fn of(start: &[u8], length: usize) -> Self {
        if proxy_protocol::begins_one(start) {
            Self::ProxyProtocol
        } else if matches!(start, [TLS_HANDSHAKE, 0x03, ..]) {
            Self::TlsHello
        } else if start.starts_with(b"PRI ") {
            Self::Http2Preface
        } else if length > HEAD_MAX {
            Self::HeadTooLarge
        } else {
            Self::HeadMalformed
        }
    }

    /// What came on a port with TLS that is no hello.
    #[must_use]
    pub fn of_clear_text(start: &[u8]) -> Self {
        if proxy_protocol::begins_one(start) {
            Self::ProxyProtocol
        } else {
            Self::ClearText
        }
    }

    /// What its developer or operator can do about it.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::ProxyProtocol => {
                "The connection begins with a header of the PROXY protocol, and its peer is not in server.proxy_protocol_from"
            }
            Self::TlsHello => "The connection begins with a TLS hello, and this port has no TLS",
            Self::ClearText => "This port speaks TLS, and the request came in clear text",
            Self::TlsHandshake => "The TLS handshake came to no end",
            Self::ClientCertificate => {
                "The client has no certificate that server.tls.client_ca vouches for"
            }
            Self::ProxyMissing => {
                "The peer is in server.proxy_protocol_from, and began without a header of the PROXY protocol"
            }
            Self::ProxyMalformed => "The header of the PROXY protocol is malformed",
            Self::ProxyTruncated => "The header of the PROXY protocol broke off",
            Self::ProxyTimeout => "The header of the PROXY protocol did not come in time",
            Self::ProxyTooLong => "The header of the PROXY protocol is too long",
            Self::Http2Preface => {
                "The connection begins like HTTP/2, and goes on as something else"
            }
            Self::HeadTooLarge => "The head of the request is larger than 1 MiB",
            Self::HeadMalformed => "The head of the request is not HTTP/1.1",
        }
    }

    /// The name in metrics and logs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.into()
    }
}

impl From<NoHeader> for Unread {
    fn from(why: NoHeader) -> Self {
        match why {
            NoHeader::Missing => Self::ProxyMissing,
            NoHeader::Malformed => Self::ProxyMalformed,
            NoHeader::TooLong => Self::ProxyTooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_it_is() {
        for (start, kind) in [
            (&b"PROXY TCP4 192.0"[..], Unread::ProxyProtocol),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Unread::ProxyProtocol),
            (b"\x16\x03\x01\x02\0\x01", Unread::TlsHello),
            (b"PRI * HTTP/2.0\r\n", Unread::Http2Preface),
            (b"GET /\r\n", Unread::HeadMalformed),
            (b"PROXYING", Unread::HeadMalformed),
            (b"", Unread::HeadMalformed),
        ] {
            assert_eq!(Unread::of(start, start.len()), kind, "{start:?}");
        }
        assert_eq!(
            Unread::of(b"GET / HTTP/1.1\r\n", HEAD_MAX + 1),
            Unread::HeadTooLarge
        );
        assert_eq!(
            Unread::of_clear_text(b"GET / HTTP/1.1\r\n"),
            Unread::ClearText
        );
        assert_eq!(
            Unread::of_clear_text(b"PROXY TCP6 ::1"),
            Unread::ProxyProtocol
        );
    }
}
