//! What one request is called, in logs, by apps and in answers.

use std::ops::Deref;

use http::header::HeaderValue;
use session_core::clock::Timestamp;
use session_core::entropy::{self, Entropy};
use uuid::Uuid;
use uuid::fmt::Simple;

/// Longest id that is taken from a proxy before us, in bytes.
const LONGEST: usize = 128;

/// The id of a request: printable ASCII, made once and shared by all who tell it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// A new one: unique, sortable, and public. Without randomness, the time still tells requests apart. The id authorises
    /// only an app's answer to this request, and that answer is signed.
    pub(crate) fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self(
            entropy::handle(now, entropy)
                .map_or_else(|_| HeaderValue::from(now.as_micros()), |id| of_handle(&id)),
        )
    }

    /// The one that a proxy has given; `None`: it is not fit to be one.
    pub(crate) fn given(id: &HeaderValue) -> Option<Self> {
        let bytes = id.as_bytes();
        let fits = (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        fits.then(|| Self(id.clone()))
    }

    /// As a field's value.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn of_handle(id: &Uuid) -> HeaderValue {
    let mut digits = [0; Simple::LENGTH];
    let digits = &*id.simple().encode_lower(&mut digits);
    HeaderValue::from_str(digits).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use session_core::entropy::{NoEntropy, SystemEntropy};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);

    #[test]
    fn a_new_one_is_a_handle_in_plain_digits() {
        let (one, other) = (
            RequestId::new(NOW, &SystemEntropy),
            RequestId::new(NOW, &SystemEntropy),
        );
        assert_eq!(one.len(), 32);
        assert!(
            one.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_ne!(&*one, &*other);
        assert_eq!(one.get(..8), other.get(..8), "both begin with the time");
        assert_eq!(one.header(), &*one);
    }

    #[test]
    fn without_randomness_the_time_tells_requests_apart() {
        #[derive(Debug)]
        struct Dry;
        impl Entropy for Dry {
            fn fill(&self, _into: &mut [u8]) -> Result<(), NoEntropy> {
                Err(NoEntropy)
            }
        }
        assert_eq!(&*RequestId::new(NOW, &Dry), "1780000000000000");
    }

    #[test]
    fn what_a_proxy_gives_is_short_and_printable() {
        let given = |id: &[u8]| RequestId::given(&HeaderValue::from_bytes(id).unwrap());
        assert_eq!(given(b"f00-ba:r").as_deref(), Some("f00-ba:r"));
        assert!(given(&[b'a'; LONGEST]).is_some());
        for unfit in [&b""[..], b"a b", b"a\tb", b"a\xff", &[b'a'; LONGEST + 1]] {
            assert!(given(unfit).is_none(), "{unfit:?}");
        }
    }
}
