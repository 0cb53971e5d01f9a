//! The old cookies of one request: which logins they carry, under which names, and what the app is shown of them.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode;
use session_core::keys::legacy::Credential;
use zeroize::Zeroizing;

/// Most different values of credentials that are judged for one request.
pub(in crate::legacy) const VALUES_MAX: usize = 4;
/// Where companions stand in the order of names: behind every credential.
pub(in crate::legacy) const COMPANION: usize = usize::MAX;

/// The old cookies of one request. Not printable.
pub(crate) struct Found {
    /// The different values of credentials: in the order of the configuration, and for one name in that of their bytes, so
    /// that the order in which a browser sends them decides nothing.
    pub(in crate::legacy) values: Vec<OldValue>,
    /// Whether the values are ambiguous: there are too many, or chunks fit together in more than one way.
    pub(in crate::legacy) is_unclear: bool,
    /// Whether a credential has bytes that are kept from every app. Such a value is no login.
    pub(in crate::legacy) has_unreadable: bool,
    /// Complete companions by name, for the app that judges the login.
    companions: BTreeMap<String, String>,
    /// Names that came, credentials first; of a chunked cookie every number up to the highest.
    names: Vec<Carrier>,
    /// The rules that matched.
    pub(crate) seen: Vec<String>,
    /// The pairs as they were sent.
    pub(in crate::legacy) raw: Vec<(String, Zeroizing<String>)>,
}

/// A login that a credential carries, if it is one.
pub(in crate::legacy) struct OldValue {
    /// Name of the credential, without the number of a chunk.
    pub(in crate::legacy) name: String,
    /// The value in one spelling.
    spelled: Zeroizing<Vec<u8>>,
    /// The value as it was sent.
    shown: Zeroizing<String>,
}

/// A cookie's name and what it carries.
struct Carrier {
    name: String,
    /// Places of the values that came under it; none for companions, and for what carries no login.
    values: Vec<usize>,
}

/// All cookies of one base name.
#[derive(Default)]
pub(in crate::legacy) struct Group<'a> {
    wholes: Vec<&'a [u8]>,
    chunks: BTreeMap<usize, &'a [u8]>,
    /// Numbers of chunks, the unreadable ones included.
    numbers: Vec<usize>,
    /// Whether there was a whole one, readable or not.
    is_whole: bool,
    /// Whether two chunks of one number differ.
    is_torn: bool,
}

impl<'a> Group<'a> {
    pub(in crate::legacy) fn take(&mut self, chunk: Option<usize>, value: &'a [u8]) {
        self.note(chunk);
        match chunk {
            None => self.wholes.push(value),
            Some(number) => {
                let before = self.chunks.insert(number, value);
                self.is_torn |= before.is_some_and(|before| before != value);
            }
        }
    }

    /// A name came, whatever its value.
    pub(in crate::legacy) fn note(&mut self, chunk: Option<usize>) {
        match chunk {
            None => self.is_whole = true,
            Some(number) => self.numbers.push(number),
        }
    }

    /// Chunks put together; with a gap they are no cookie.
    fn joined(&self) -> Option<Zeroizing<Vec<u8>>> {
        let complete = self.chunks.keys().copied().eq(0..self.chunks.len());
        (complete && !self.chunks.is_empty())
            .then(|| Zeroizing::new(self.chunks.values().copied().flatten().copied().collect()))
    }
}

impl Found {
    pub(in crate::legacy) fn new(groups: &BTreeMap<(usize, &str), Group<'_>>) -> Self {
        let mut found = Self {
            values: Vec::new(),
            is_unclear: false,
            has_unreadable: false,
            companions: BTreeMap::new(),
            names: Vec::new(),
            seen: Vec::new(),
            raw: Vec::new(),
        };
        for ((order, base), group) in groups {
            if *order == COMPANION {
                found.companion(base, group);
            } else {
                found.credential(base, group);
            }
        }
        found
    }

    /// A whole companion is preferred to a chunked one, which may be a leftover.
    fn companion(&mut self, base: &str, group: &Group<'_>) {
        let joined = group.joined();
        let value = group
            .wholes
            .last()
            .copied()
            .or(joined.as_ref().map(|it| it.as_slice()));
        if let Some(value) = value.filter(|value| !is_blank(value)) {
            let shown = String::from_utf8_lossy(value).into_owned();
            self.companions.insert(base.to_owned(), shown);
        }
        self.name(base, group, &[], &[]);
    }

    /// A whole value and chunks that differ from it count as two values. So do two different whole ones.
    fn credential(&mut self, base: &str, group: &Group<'_>) {
        self.is_unclear |= group.is_torn;
        let first = self.values.len();
        let mut wholes = group.wholes.clone();
        wholes.sort_unstable();
        for whole in wholes {
            self.value(base, whole, first);
        }
        let of_whole: Vec<usize> = (first..self.values.len()).collect();
        let joined = group.joined();
        let of_chunks = joined.and_then(|joined| self.value(base, &joined, first));
        self.is_unclear |= self.values.len() > VALUES_MAX;
        self.name(base, group, &of_whole, of_chunks.as_slice());
    }

    /// The place of a value, which may be there already in another spelling. `None` when it carries no login.
    fn value(&mut self, base: &str, value: &[u8], first: usize) -> Option<usize> {
        if is_blank(value) {
            return None;
        }
        let spelled = one_spelling(value);
        let mut known = self.values.iter().enumerate().skip(first);
        if let Some((at, _)) = known.find(|(_, known)| *known.spelled == *spelled) {
            return Some(at);
        }
        self.values.push(OldValue {
            name: base.to_owned(),
            spelled,
            shown: Zeroizing::new(String::from_utf8_lossy(value).into_owned()),
        });
        Some(self.values.len() - 1)
    }

    fn name(&mut self, base: &str, group: &Group<'_>, of_whole: &[usize], of_chunks: &[usize]) {
        if group.is_whole {
            self.names.push(Carrier {
                name: base.to_owned(),
                values: of_whole.to_vec(),
            });
        }
        if let Some(last) = group.numbers.iter().max() {
            self.names.extend((0..=*last).map(|number| Carrier {
                name: format!("{base}.{number}"),
                values: of_chunks.to_vec(),
            }));
        }
    }

    /// What the app is shown to judge the value at this place: that one, and the companions.
    pub(in crate::legacy) fn shown(&self, value: &OldValue) -> BTreeMap<String, String> {
        let mut shown = self.companions.clone();
        shown.insert(value.name.clone(), value.shown.to_string());
        shown
    }

    /// Every name that came.
    pub(in crate::legacy) fn all_names(&self) -> Vec<String> {
        self.names.iter().map(|one| one.name.clone()).collect()
    }

    /// The names that may be cleared when the values at these places may be. Cookies of one name cannot be cleared apart,
    /// so a name stays as long as it carries anything else.
    pub(in crate::legacy) fn clearable(&self, spent: &[usize]) -> Vec<String> {
        let is_spent = |carrier: &&Carrier| carrier.values.iter().all(|at| spent.contains(at));
        let carriers = self.names.iter().filter(is_spent);
        carriers.map(|one| one.name.clone()).collect()
    }

    /// The pairs that return in a rollback: those that carry one of these values, each name once, and the companions.
    pub(in crate::legacy) fn kept(&self, became: &[usize]) -> Vec<(&str, &str)> {
        let carries = |name: &str| {
            let carrier = self.names.iter().find(|one| one.name == name);
            carrier.is_some_and(|one| {
                one.values.is_empty() || one.values.iter().any(|at| became.contains(at))
            })
        };
        let mut kept: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &self.raw {
            let is_new = kept.iter().all(|(known, _)| known != name);
            if is_new && carries(name) && self.is_of(name, value, became) {
                kept.push((name, value));
            }
        }
        kept
    }

    /// Whether this pair is part of one of these values, or of none at all.
    fn is_of(&self, name: &str, value: &str, became: &[usize]) -> bool {
        let others = (0..self.values.len()).filter(|at| !became.contains(at));
        let spelled = one_spelling(value.as_bytes());
        let is_other = |at: usize| {
            self.values
                .get(at)
                .is_some_and(|other| other.name == name && other.spelled == spelled)
        };
        !others.into_iter().any(is_other)
    }

    /// Whether these cookies carry a login.
    pub(crate) fn has_login(&self) -> bool {
        !self.values.is_empty()
    }

    /// Whether one of these logins is among the first `percent` of all. The answer for one login is the same on every
    /// node. A higher percentage only adds logins.
    pub(crate) fn is_within(&self, percent: u8) -> bool {
        self.values.iter().any(|value| value.is_within(percent))
    }
}

impl OldValue {
    /// The name and value that are digested to the key of this login.
    pub(in crate::legacy) fn credential(&self) -> Credential<'_> {
        Credential {
            name: &self.name,
            value: &self.spelled,
        }
    }

    fn is_within(&self, percent: u8) -> bool {
        let mut hasher = blake3::Hasher::new_derive_key("sidgate 2026 v1 migration rollout");
        hasher
            .update(self.name.as_bytes())
            .update(&[0])
            .update(&self.spelled);
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        u32::from_le_bytes([a, b, c, d]) % 100 < u32::from(percent)
    }
}

/// Whether the value is empty, or a pair of quotes as some systems write it for a cookie that was cleared.
fn is_blank(value: &[u8]) -> bool {
    value.is_empty() || value == b"\"\""
}

/// The value without quotes and percent-encoding. Servers accept each of these spellings, and a login that has ended
/// must be recognised in all of them.
fn one_spelling(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value);
    // Full capacity from the start: a vector that grows leaves copies behind that are not wiped.
    let mut spelled = Zeroizing::new(Vec::with_capacity(bare.len()));
    spelled.extend(percent_decode(bare));
    spelled
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({} names)", self.names.len())
    }
}
