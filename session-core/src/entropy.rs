//! The only place that draws random numbers.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::clock::Timestamp;

/// Where randomness comes from. Handed in, so that tests can repeat a run.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// Fills `into` with random bytes.
    ///
    /// # Errors
    /// When the source fails. The caller must then not make a sid, handle or nonce.
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The random source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random source failed")]
pub struct NoEntropy;

/// A random source that many parts share.
pub type SharedEntropy = Arc<dyn Entropy>;

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(into).map_err(|_error| NoEntropy)
    }
}

/// The operating system's generator, asked for many bytes at once. For values that are public, and needed by each request:
/// whoever reads this process's memory knows the next ones. Keys, sids and nonces come from [`SystemEntropy`].
#[derive(Debug, Default)]
pub struct BufferedEntropy {
    drawn: Mutex<Drawn>,
}

/// Bytes that were drawn together.
struct Drawn {
    bytes: [u8; BufferedEntropy::AT_ONCE],
    /// How many of them are yet to be given out.
    left: usize,
}

impl Default for Drawn {
    fn default() -> Self {
        Self {
            bytes: [0; BufferedEntropy::AT_ONCE],
            left: 0,
        }
    }
}

/// Without the bytes.
impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl BufferedEntropy {
    /// Bytes that are drawn at once.
    const AT_ONCE: usize = 4_096;
}

impl Entropy for BufferedEntropy {
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let mut drawn = self.drawn.lock();
        let Drawn { bytes, left } = &mut *drawn;
        if *left < into.len() {
            SystemEntropy.fill(bytes)?;
            *left = bytes.len();
        }
        match left
            .checked_sub(into.len())
            .and_then(|rest| bytes.get(rest..*left))
        {
            Some(next) => {
                into.copy_from_slice(next);
                *left -= into.len();
                Ok(())
            }
            // More than is ever drawn at once.
            None => SystemEntropy.fill(into),
        }
    }
}

/// `N` random bytes.
///
/// # Errors
/// When the source failed.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// A new `UUIDv7` (RFC 9562): sorts by time of creation, and is public.
///
/// # Errors
/// When the source failed.
pub fn handle(now: Timestamp, entropy: &dyn Entropy) -> Result<Uuid, NoEntropy> {
    let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes(entropy)?).into_uuid())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn buffered_bytes_are_given_out_once() {
        let entropy = BufferedEntropy::default();
        // Ten bytes do not divide what is drawn at once: the rest of each draw is skipped, never repeated.
        let drawn: HashSet<[u8; 10]> = (0..10_000).map(|_| bytes(&entropy).unwrap()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(!drawn.contains(&[0; 10]));
    }

    #[test]
    fn more_than_the_buffer_holds_is_drawn_apart() {
        let entropy = BufferedEntropy::default();
        let [one, other] = [(); 2].map(|()| bytes::<{ BufferedEntropy::AT_ONCE + 1 }>(&entropy));
        assert_ne!(one.unwrap(), other.unwrap());
        assert_ne!(bytes::<16>(&entropy).unwrap(), [0; 16]);
    }
}
