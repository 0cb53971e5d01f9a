//! Which cookies of a request belong to the old system, and which login do they carry?
//!
//! A cookie belongs to the old system by its name: a credential, a companion, or a chunk of one (`name.0`, `name.1`, ...:
//! what libraries make of a cookie that is too large). A request without such a name, which after a while is every
//! request, is told apart by the first letters of its cookies.

use std::collections::BTreeMap;

use session_core::keys::legacy::Credential;
use zeroize::Zeroizing;

use crate::config::{CookiePattern, MigrationConfig};
use crate::edge::Cookies;

/// Most chunks of one cookie.
const CHUNKS_MAX: usize = 32;

/// The rules of `[migration]`, ready for use.
#[derive(Debug)]
pub(crate) struct Rules {
    credentials: Vec<String>,
    companions: Vec<CookiePattern>,
    passthrough: Vec<CookiePattern>,
    /// Whether some name begins with this byte.
    first: Box<[bool; 256]>,
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named<'a> {
    /// Without the number of a chunk.
    base: &'a str,
    chunk: Option<usize>,
    /// Index of a credential; `None`: a companion.
    credential: Option<usize>,
    /// The rule, for sums of bounded number.
    companion: Option<usize>,
}

/// The old cookies of one request. Not printable.
pub(crate) struct Found {
    credentials: Vec<Owned>,
    /// Two cookies of one credential's name with different values: nobody can say which one counts.
    pub(crate) ambiguous: bool,
    /// What the app that judges gets to see: whole cookies by name.
    pub(crate) cookies: BTreeMap<String, String>,
    /// Names to clear, credentials first; of a chunked cookie every number up to the highest.
    pub(crate) names: Vec<String>,
    /// The rules that matched.
    pub(crate) seen: Vec<String>,
    /// The pairs as they were sent.
    pub(crate) raw: Vec<(String, Zeroizing<String>)>,
}

struct Owned {
    name: String,
    value: Zeroizing<Vec<u8>>,
}

/// All cookies of one base name.
#[derive(Default)]
struct Group<'a> {
    whole: Option<&'a [u8]>,
    chunks: BTreeMap<usize, &'a [u8]>,
    ambiguous: bool,
}

impl Rules {
    pub(crate) fn new(config: &MigrationConfig) -> Self {
        let mut first = Box::new([false; 256]);
        let credentials: Vec<String> = config
            .credentials
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect();
        let companions = config.companions.iter().map(ToString::to_string);
        for name in credentials.iter().cloned().chain(companions) {
            let letter = name.as_bytes().first().copied().unwrap_or_default();
            if let Some(known) = first.get_mut(usize::from(letter)) {
                *known = true;
            }
        }
        Self {
            credentials,
            companions: config.companions.clone(),
            passthrough: config.companions_passthrough.clone(),
            first,
        }
    }

    /// Whether a cookie of this name is to be hidden from an app that knows the session.
    pub(crate) fn hides(&self, name: &[u8]) -> bool {
        let passes = |named: &Named<'_>, name: &str| {
            named.credential.is_none()
                && self
                    .passthrough
                    .iter()
                    .any(|pattern| pattern.matches(name) || pattern.matches(named.base))
        };
        text(name).is_some_and(|name| self.named(name).is_some_and(|named| !passes(&named, name)))
    }

    /// Whether a cookie of this name carries a login.
    pub(crate) fn is_credential(&self, name: &[u8]) -> bool {
        text(name)
            .and_then(|name| self.named(name))
            .is_some_and(|named| named.credential.is_some())
    }

    /// The old cookies among `cookies`; `None` when there are none.
    pub(crate) fn find(&self, cookies: &Cookies<'_>) -> Option<Found> {
        let mut groups: BTreeMap<(usize, &str), Group<'_>> = BTreeMap::new();
        let (mut raw, mut seen) = (Vec::new(), Vec::new());
        for pair in cookies.foreign() {
            let Some((name, named)) =
                text(pair.name()).and_then(|name| Some((name, self.named(name)?)))
            else {
                continue;
            };
            // Credentials in the order of the configuration, companions behind them.
            let order = named.credential.unwrap_or(usize::MAX);
            let group = groups.entry((order, named.base)).or_default();
            group.take(named.chunk, pair.value());
            raw.push((
                name.to_owned(),
                Zeroizing::new(String::from_utf8_lossy(pair.value()).into_owned()),
            ));
            let rule = self.rule(&named);
            if !seen.contains(&rule) {
                seen.push(rule);
            }
        }
        (!groups.is_empty()).then(|| Found::new(&groups, seen, raw))
    }

    fn named<'a>(&self, name: &'a str) -> Option<Named<'a>> {
        let letter = usize::from(name.as_bytes().first().copied()?);
        if !self.first.get(letter).copied().unwrap_or(false) {
            return None;
        }
        let chunk = chunk(name);
        let credential = |base: &str| self.credentials.iter().position(|one| one == base);
        let of_credential = |base, chunk| {
            let credential = Some(credential(base)?);
            Some(Named {
                base,
                chunk,
                credential,
                companion: None,
            })
        };
        let of_companion = |base, chunk, at| {
            Some(Named {
                base,
                chunk,
                credential: None,
                companion: Some(at),
            })
        };
        // A pattern of companions may cover the chunks of a credential: credentials count first.
        of_credential(name, None)
            .or_else(|| chunk.and_then(|(base, number)| of_credential(base, Some(number))))
            .or_else(|| {
                let at = self.companions.iter().position(|one| one.matches(name))?;
                of_companion(name, None, at)
            })
            .or_else(|| {
                let (base, number) = chunk?;
                let at = self.companions.iter().position(|one| one.matches(base))?;
                of_companion(base, Some(number), at)
            })
    }

    fn rule(&self, named: &Named<'_>) -> String {
        let credential = named.credential.and_then(|at| self.credentials.get(at));
        let companion = named.companion.and_then(|at| self.companions.get(at));
        credential
            .cloned()
            .or_else(|| companion.map(ToString::to_string))
            .unwrap_or_default()
    }
}

impl<'a> Group<'a> {
    fn take(&mut self, chunk: Option<usize>, value: &'a [u8]) {
        let before = match chunk {
            None => self.whole.replace(value),
            Some(number) => self.chunks.insert(number, value),
        };
        self.ambiguous |= before.is_some_and(|before| before != value);
    }

    /// A whole cookie counts before what may be the remains of a chunked one. Chunks with a gap are no cookie.
    fn value(&self) -> Option<Zeroizing<Vec<u8>>> {
        if let Some(whole) = self.whole {
            return Some(Zeroizing::new(whole.to_vec()));
        }
        let complete = self.chunks.keys().copied().eq(0..self.chunks.len());
        complete.then(|| Zeroizing::new(self.chunks.values().copied().flatten().copied().collect()))
    }
}

impl Found {
    fn new(
        groups: &BTreeMap<(usize, &str), Group<'_>>,
        seen: Vec<String>,
        raw: Vec<(String, Zeroizing<String>)>,
    ) -> Self {
        let mut found = Self {
            credentials: Vec::new(),
            ambiguous: false,
            cookies: BTreeMap::new(),
            names: Vec::new(),
            seen,
            raw,
        };
        for ((order, base), group) in groups {
            let is_credential = *order != usize::MAX;
            found.ambiguous |= is_credential && group.ambiguous;
            if group.whole.is_some() {
                found.names.push((*base).to_owned());
            }
            if let Some(last) = group.chunks.keys().next_back() {
                let numbers = 0..=*last;
                found
                    .names
                    .extend(numbers.map(|number| format!("{base}.{number}")));
            }
            let Some(value) = group.value().filter(|value| !is_blank(value)) else {
                continue;
            };
            let shown = String::from_utf8_lossy(&value).into_owned();
            found.cookies.insert((*base).to_owned(), shown);
            if is_credential {
                found.credentials.push(Owned {
                    name: (*base).to_owned(),
                    value: one_spelling(&value),
                });
            }
        }
        found
    }

    /// The credentials, in the order of the configuration.
    pub(crate) fn credentials(&self) -> Vec<Credential<'_>> {
        self.credentials
            .iter()
            .map(|one| Credential {
                name: &one.name,
                value: &one.value,
            })
            .collect()
    }

    /// Whether there is a login in them.
    pub(crate) fn has_login(&self) -> bool {
        !self.credentials.is_empty()
    }

    /// Whether this login is among the first `percent` of all. Everywhere and always the same for one login, and a
    /// higher share only ever adds to it.
    pub(crate) fn is_within(&self, percent: u8) -> bool {
        let Some(first) = self.credentials.first() else {
            return false;
        };
        let mut hasher = blake3::Hasher::new_derive_key("sidgate 2026 v1 migration rollout");
        hasher
            .update(first.name.as_bytes())
            .update(&[0])
            .update(&first.value);
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        u32::from_le_bytes([a, b, c, d]) % 100 < u32::from(percent)
    }
}

/// Base and number of a name that may be a chunk's.
fn chunk(name: &str) -> Option<(&str, usize)> {
    let (base, number) = name.rsplit_once('.')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit())
        && (number.len() == 1 || !number.starts_with('0'));
    let number: usize = number.parse().ok().filter(|_| plain)?;
    (number < CHUNKS_MAX).then_some((base, number))
}

/// Nothing, or what some systems leave behind instead of a cookie.
fn is_blank(value: &[u8]) -> bool {
    value.is_empty() || value == b"\"\""
}

/// Servers take quotes and percent signs for other spellings of one value. A login that has ended must be recognised in
/// all of them.
fn one_spelling(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value);
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut spelled = Zeroizing::new(Vec::with_capacity(bare.len()));
    let mut at = 0;
    while let Some(&byte) = bare.get(at) {
        let escaped = (byte == b'%')
            .then(|| {
                let value = digit(bare.get(at + 1))? * 16 + digit(bare.get(at + 2))?;
                u8::try_from(value).ok()
            })
            .flatten();
        spelled.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    spelled
}

fn text(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok()
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({} names)", self.names.len())
    }
}

#[cfg(test)]
mod tests;
