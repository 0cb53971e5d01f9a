//! Which cookies did the browser send, and which is ours?
//!
//! Cookie parsers disagree about nearly everything: which of two equal names wins, what white space
//! is, whether quotes belong to the value. An attacker who can plant a cookie (a sibling subdomain
//! suffices) lives off that disagreement. So this parser works on bytes over all Cookie fields
//! (HTTP/2 splits them), splits on `;`, strips SP and HTAB and nothing else, and neither unquotes
//! nor decodes. Our cookie may appear once; the apps never see it. Pairs that no browser's cookie
//! jar can have produced are dropped, because servers fold some of them into other names. Every
//! other pair passes byte for byte.

use std::fmt;

use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::{Breach, Refused, trim_blank};

/// The most cookies that are looked at in one request by default.
pub const MAX_COOKIES: usize = 64;

/// The largest single cookie by default, name and value together; what browsers store at most.
pub const MAX_ONE_COOKIE_BYTES: usize = 4096;

/// How many and how large cookies are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieLimits {
    /// Bytes of all Cookie fields together.
    pub all_bytes: usize,
    /// Cookies.
    pub count: usize,
    /// Bytes of one cookie, name and value together.
    pub one_bytes: usize,
}

impl CookieLimits {
    /// So many bytes, and otherwise the defaults.
    #[must_use]
    pub const fn of_bytes(all_bytes: usize) -> Self {
        Self {
            all_bytes,
            count: MAX_COOKIES,
            one_bytes: MAX_ONE_COOKIE_BYTES,
        }
    }
}

/// The names of session cookies, exactly as browsers are given them.
#[derive(Clone, Copy, Debug)]
pub struct SidNames<'n> {
    /// The one that counts for the request.
    pub own: &'n str,
    /// Those of other sites, which count for nothing here, and which no app gets to see.
    pub others: &'n [String],
}

impl SidNames<'_> {
    fn is_other(&self, name: &[u8]) -> bool {
        self.others.iter().any(|other| other.as_bytes() == name)
    }
}

impl<'n> From<&'n str> for SidNames<'n> {
    fn from(own: &'n str) -> Self {
        Self { own, others: &[] }
    }
}

/// The session cookie of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SidCookie<'a> {
    /// There is none.
    None,
    /// There is exactly one. Its bytes may be anything, also nothing: whether they form a sid is
    /// for the sid to say.
    One(&'a [u8]),
}

/// The cookies of a request, ours apart from the others.
pub struct Cookies<'a> {
    sid: SidCookie<'a>,
    foreign: Vec<Pair<'a>>,
    /// Dropped cookies whose name is good: rules that go by names must know of them.
    unreadable: Vec<Pair<'a>>,
    dropped: usize,
}

/// A cookie of somebody else, as it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    text: &'a [u8],
    /// The length of the name, which is all of `text` when there is no `=`.
    name_len: usize,
}

impl<'a> Cookies<'a> {
    /// Parses all Cookie fields; `names` says which cookie is ours.
    ///
    /// # Errors
    /// More or larger cookies than allowed, two cookies of our name, or ours inside somebody else's
    /// quotes.
    pub fn parse<'n>(
        headers: &'a HeaderMap,
        names: impl Into<SidNames<'n>>,
        limits: CookieLimits,
    ) -> Result<Self, Breach> {
        let mut parser = Parser::new(names.into(), limits);
        let mut bytes = 0;
        for field in headers.get_all(COOKIE) {
            bytes += if bytes == 0 {
                field.len()
            } else {
                JOIN.len() + field.len()
            };
            if bytes > limits.all_bytes {
                return Err(Refused::CookieBytes.into());
            }
            for text in field.as_bytes().split(|&byte| byte == b';').map(trim_blank) {
                if !text.is_empty() {
                    parser.take(Pair::split(text))?;
                }
            }
        }
        Ok(parser.cookies)
    }

    /// Our own cookie.
    #[must_use]
    pub fn sid(&self) -> SidCookie<'a> {
        self.sid
    }

    /// Everybody else's cookies, in the order in which they came.
    pub fn foreign(&self) -> impl Iterator<Item = Pair<'a>> + '_ {
        self.foreign.iter().copied()
    }

    /// Cookies that no app gets to see because of their value alone. Their names are good.
    pub fn unreadable(&self) -> impl Iterator<Item = Pair<'a>> + '_ {
        self.unreadable.iter().copied()
    }

    /// How many ill-formed pairs were left out.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The one Cookie line for an app: without ours, and without every name that `strip` picks.
    /// `None` when nothing is left and the field must be removed.
    #[must_use]
    pub fn upstream_line(&self, strip: impl Fn(&[u8]) -> bool) -> Option<HeaderValue> {
        let capacity = self
            .foreign
            .iter()
            .map(|pair| pair.text.len() + JOIN.len())
            .sum();
        let mut line = Vec::with_capacity(capacity);
        for pair in self.foreign.iter().filter(|pair| !strip(pair.name())) {
            if !line.is_empty() {
                line.extend_from_slice(JOIN);
            }
            line.extend_from_slice(pair.text);
        }
        if line.is_empty() {
            return None;
        }
        // Cannot fail: only printable ASCII was kept.
        let mut value = HeaderValue::try_from(line).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Cookies are secrets: only their number may be printed.
impl fmt::Debug for Cookies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies")
            .field("sid", &self.sid)
            .field("foreign", &self.foreign.len())
            .field("dropped", &self.dropped)
            .finish()
    }
}

impl fmt::Debug for SidCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::One(_) => "One(***)",
        })
    }
}

// === impl Pair ===

impl<'a> Pair<'a> {
    fn split(text: &'a [u8]) -> Self {
        let name_len = text
            .iter()
            .position(|&byte| byte == b'=')
            .unwrap_or(text.len());
        Self { text, name_len }
    }

    /// The name. A text without `=` is all name: servers disagree about what it is, and a rule that
    /// hides a name from the apps must hide that spelling too.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.text.get(..self.name_len).unwrap_or_default()
    }

    /// The value: everything behind the first `=`, quotes and all.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.text.get(self.name_len + 1..).unwrap_or_default()
    }

    /// The pair as it was sent.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// This cookie is why the request is refused. A text without `=` may well be a value, so it is not told.
    fn breaks(&self, rule: Refused) -> Breach {
        if self.name_len == self.text.len() {
            return rule.into();
        }
        Breach::by(rule, self.name())
    }

    /// Name and value together, as browsers measure a cookie.
    fn len(&self) -> usize {
        self.name().len() + self.value().len()
    }

    /// Could a browser have sent this, and do all servers read the same name from it?
    ///
    /// Python folds Unicode spaces around a name away and gives `$`-names to the cookie before; a
    /// name that is followed by a space, or empty before a `=`, is in no jar. Values may hold every
    /// printable byte: JSON in cookies is common.
    fn is_well_formed(&self) -> bool {
        self.has_good_name() && are_printable(self.value())
    }

    /// The same for the name alone.
    fn has_good_name(&self) -> bool {
        let name = self.name();
        are_printable(name) && !name.is_empty() && !name.starts_with(b"$") && !name.ends_with(b" ")
    }
}

/// Looks at every byte, whatever it has found: without branches, it compiles to vector code.
fn are_printable(text: &[u8]) -> bool {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    text.iter().fold(true, |all, byte| all & is_printable(byte))
}

/// Room for the cookies that most requests have, so that it does not grow one by one.
const USUAL: usize = 16;

/// What separates two cookies in one line.
const JOIN: &[u8] = b"; ";

struct Parser<'a, 'n> {
    names: SidNames<'n>,
    limits: CookieLimits,
    seen: usize,
    quote: Quote,
    cookies: Cookies<'a>,
}

/// Where the parser stands for a server that lets quotes span `;`.
///
/// `a="x; sid=...; b=y"` is three cookies to us and one to such a server. Two odd quotes around our
/// cookie are no accident; a single one is (a server that set an unescaped `;`), and must not lock
/// its victims out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Closed,
    Open,
    OpenAroundSid,
}

impl<'a, 'n> Parser<'a, 'n> {
    fn new(names: SidNames<'n>, limits: CookieLimits) -> Self {
        let cookies = Cookies {
            sid: SidCookie::None,
            foreign: Vec::with_capacity(USUAL),
            unreadable: Vec::new(),
            dropped: 0,
        };
        Self {
            names,
            limits,
            seen: 0,
            quote: Quote::Closed,
            cookies,
        }
    }

    fn take(&mut self, pair: Pair<'a>) -> Result<(), Breach> {
        self.seen += 1;
        if self.seen > self.limits.count {
            return Err(Refused::CookieCount.into());
        }
        if pair.len() > self.limits.one_bytes {
            return Err(pair.breaks(Refused::CookieBytes));
        }
        let ours = pair.name() == self.names.own.as_bytes();
        self.track_quotes(&pair, ours)?;
        if ours {
            if self.cookies.sid != SidCookie::None {
                return Err(pair.breaks(Refused::SidRepeated));
            }
            self.cookies.sid = SidCookie::One(pair.value());
        } else if self.names.is_other(pair.name()) {
            // A bearer secret of another site.
        } else if pair.is_well_formed() {
            self.cookies.foreign.push(pair);
        } else {
            if pair.has_good_name() {
                self.cookies.unreadable.push(pair);
            }
            self.cookies.dropped += 1;
        }
        Ok(())
    }

    fn track_quotes(&mut self, pair: &Pair<'_>, ours: bool) -> Result<(), Breach> {
        if ours && self.quote == Quote::Open {
            self.quote = Quote::OpenAroundSid;
        }
        if !has_odd_quotes(pair.text) {
            return Ok(());
        }
        self.quote = match self.quote {
            Quote::Closed if pair.value().starts_with(b"\"") => Quote::Open,
            Quote::Closed | Quote::Open => Quote::Closed,
            Quote::OpenAroundSid => return Err(pair.breaks(Refused::SidQuoted)),
        };
        Ok(())
    }
}

/// Is the number of quotes odd, `\"` not counted?
fn has_odd_quotes(text: &[u8]) -> bool {
    // Hardly any cookie has one, and this look at it is much cheaper.
    if !text.contains(&b'"') {
        return false;
    }
    let mut odd = false;
    let mut escaped = false;
    for &byte in text {
        odd ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    odd
}

#[cfg(test)]
mod tests;
