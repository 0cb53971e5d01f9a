//! `[keys]`: the master keys, and what is refused in their place.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use session_core::keys::MasterKey;
use session_core::secret::{SecretKey, SecretString};
use zeroize::Zeroizing;

use super::reader::Reader;
use super::secret::Sources;
use super::secret_file::Secret;
use super::store::StoreUrl;

/// A random key repeats a few of its 32 bytes; with fewer values than this it was not drawn at random.
const MIN_DISTINCT_BYTES: usize = 16;

/// The keys of this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysConfig {
    /// The key under which everything new is made.
    pub master: MasterSource,
    /// Keys that stay valid during rotation.
    pub previous: Vec<MasterKey>,
}

/// Where the master key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterSource {
    /// Here.
    Key(MasterKey),
    /// Nowhere yet: a first start on SQLite creates it in this file, mode 0600, and reads the configuration again.
    CreateAt(PathBuf),
}

impl KeysConfig {
    /// Reads the keys. With SQLite, which is one node and often a first try, an absent key file is an invitation to
    /// create it; with PostgreSQL it is a fault, because a second node would make a second key.
    pub(super) fn read(
        root: &mut Reader<'_>,
        sources: &Sources<'_>,
        store: &StoreUrl,
    ) -> Option<Self> {
        let may_create = matches!(store, StoreUrl::Sqlite(_));
        let read_master = |text: &str| match sources.secret(text)? {
            Secret::NoFile(path) if may_create => Ok(Found::Absent(path)),
            secret => key_bytes(&secret.found()?).map(Found::Key),
        };
        root.section("keys", |keys| {
            let master = keys.reference_or("master", "file:master.key", read_master);
            let previous = keys
                .references("previous", |text| {
                    key_bytes(&sources.secret(text)?.found()?)
                })
                .unwrap_or_default();
            if let Some(Found::Key(key)) = &master
                && previous.contains(key)
            {
                let message = "holds the current master key too";
                keys.document()
                    .contradiction(&["keys.previous", "keys.master"], message);
            }
            let master = match master? {
                Found::Key(key) => MasterSource::Key(MasterKey::from_bytes(*key.expose())),
                Found::Absent(path) => MasterSource::CreateAt(path),
            };
            let previous = previous
                .iter()
                .map(|key| MasterKey::from_bytes(*key.expose()));
            Some(Self {
                master,
                previous: previous.collect(),
            })
        })
    }
}

enum Found {
    Key(SecretKey),
    Absent(PathBuf),
}

/// 32 bytes from standard base64. Bytes that are visibly not random are refused.
fn key_bytes(text: &SecretString) -> Result<SecretKey, String> {
    let malformed = "is not 32 bytes in standard base64, as `sidgate keys generate` prints them";
    let decoded = STANDARD.decode(text.expose()).map(Zeroizing::new).ok();
    let bytes: Option<[u8; 32]> = decoded.and_then(|bytes| bytes.as_slice().try_into().ok());
    let bytes = Zeroizing::new(bytes.ok_or(malformed)?);
    if is_made_up(&bytes) {
        return Err(
            "is a placeholder, not a random key; make one with `sidgate keys generate`".to_owned(),
        );
    }
    Ok(SecretKey::new(*bytes))
}

/// Zeros, repeated patterns, counted bytes, or text: what stands in examples and test vectors. A random key looks like
/// one of these with a probability below 2^-40.
fn is_made_up(bytes: &[u8; 32]) -> bool {
    let mut sorted = Zeroizing::new(*bytes);
    sorted.sort_unstable();
    let distinct = 1 + sorted
        .windows(2)
        .filter(|pair| pair.first() != pair.last())
        .count();
    let is_counted = bytes
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if b.wrapping_sub(*a) == 1 || a.wrapping_sub(*b) == 1));
    let is_text = bytes
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'));
    distinct < MIN_DISTINCT_BYTES || is_counted || is_text
}
