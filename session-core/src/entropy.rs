//! The only place that draws random numbers.

use std::fmt;
use std::sync::Arc;

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
