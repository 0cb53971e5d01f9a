//! What came instead of a request?
//!
//! A head that the library below cannot read is refused before any rule sees it. How it begins often says what is the
//! matter: a balancer that speaks the PROXY protocol, a browser that speaks TLS to a plain port, or plain HTTP to one with
//! TLS. Only this much is told; what was sent is not.

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

const PROXY_1: &[u8] = b"PROXY ";
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

impl Unread {
    /// What came on a port without TLS, by its first bytes; `length` is how many have come.
    #[must_use]
    pub fn of(start: &[u8], length: usize) -> Self {
        if is_proxy_protocol(start) {
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
        if is_proxy_protocol(start) {
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
                "The connection begins with a header of the PROXY protocol, which is not spoken here"
            }
            Self::TlsHello => "The connection begins with a TLS hello, and this port has no TLS",
            Self::ClearText => "This port speaks TLS, and the request came in clear text",
            Self::TlsHandshake => "The TLS handshake came to no end",
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

fn is_proxy_protocol(start: &[u8]) -> bool {
    start.starts_with(PROXY_1) || start.starts_with(PROXY_2)
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
