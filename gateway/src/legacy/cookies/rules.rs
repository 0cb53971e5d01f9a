//! Which cookies of a request belong to the old system, and which login do they carry?
//!
//! A cookie belongs to the old system by its name: a credential, a companion, or a chunk of one (`name.0`, `name.1`,
//! ...: what libraries make of a cookie that is too large). A request without such a name is recognised by the first
//! letters of its cookies: once users are migrated, that is nearly every request.

use std::collections::BTreeMap;

use sidgate_policy::edge::Cookies;
use zeroize::Zeroizing;

use super::found::{COMPANION, Found, Group};
use crate::config::{CookiePattern, MigrationConfig};

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
    /// Index of a companion's pattern, which the tally counts by.
    companion: Option<usize>,
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
        let (mut raw, mut seen, mut has_unreadable) = (Vec::new(), Vec::new(), false);
        let readable = cookies.foreign().map(|pair| (pair, true));
        for (pair, is_readable) in readable.chain(cookies.unreadable().map(|pair| (pair, false))) {
            let Some((name, named)) =
                text(pair.name()).and_then(|name| Some((name, self.named(name)?)))
            else {
                continue;
            };
            // Credentials in the order of the configuration, companions behind them.
            let order = named.credential.unwrap_or(COMPANION);
            let group = groups.entry((order, named.base)).or_default();
            if is_readable || order == COMPANION {
                group.take(named.chunk, pair.value());
            } else {
                group.note(named.chunk);
                has_unreadable = true;
            }
            if let Ok(value) = str::from_utf8(pair.value()) {
                raw.push((name.to_owned(), Zeroizing::new(value.to_owned())));
            }
            let rule = self.rule(&named);
            if !seen.contains(&rule) {
                seen.push(rule);
            }
        }
        (!groups.is_empty()).then(|| {
            let mut found = Found::new(&groups);
            found.has_unreadable = has_unreadable;
            found.seen = seen;
            found.raw = raw;
            found
        })
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

/// Base and number of a name that may be a chunk's.
fn chunk(name: &str) -> Option<(&str, usize)> {
    let (base, number) = name.rsplit_once('.')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit())
        && (number.len() == 1 || !number.starts_with('0'));
    let number: usize = number.parse().ok().filter(|_| plain)?;
    (number < CHUNKS_MAX).then_some((base, number))
}

fn text(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok()
}

#[cfg(test)]
mod tests;
