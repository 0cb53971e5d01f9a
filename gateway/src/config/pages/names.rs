//! What the name of a page says: `503.html`, `503.de.html`, `maintenance.html`, `error.html`.

/// Statuses with which the gateway answers itself, and that a person can see.
const STATUSES: [u16; 19] = [
    400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 421, 429, 431, 500, 501, 502, 503, 504, 505,
];

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PageFor {
    /// Answers with this status.
    Status(u16),
    /// `[maintenance]`, in place of the page for 503.
    Maintenance,
    /// Everything that has no page of its own.
    Error,
}

/// The name of a page, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageName {
    pub(super) what: PageFor,
    /// A language tag, in small letters.
    pub(super) language: Option<String>,
}

impl PageName {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let name = name.strip_suffix(".html").unwrap_or(name);
        let (what, language) = match name.split_once('.') {
            Some((what, language)) => (what, Some(language)),
            None => (name, None),
        };
        let what = match what {
            "error" => PageFor::Error,
            "maintenance" => PageFor::Maintenance,
            _ => PageFor::Status(status(what)?),
        };
        let language = language.map(language_tag).transpose()?;
        Ok(Self { what, language })
    }
}

fn status(text: &str) -> Result<u16, String> {
    let status = text.parse().ok().filter(|_| text.len() == 3);
    status
        .filter(|status| STATUSES.contains(status))
        .ok_or_else(|| {
            let all: Vec<_> = STATUSES.iter().map(u16::to_string).collect();
            format!(
                "is the page of no answer: pages are called error, maintenance, or one of {}",
                all.join(", ")
            )
        })
}

/// Letters and digits in parts of at most eight, the first of letters alone (RFC 5646, 2.1).
fn language_tag(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let is_first = |part: &str| {
        matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let is_other = |part: &str| {
        matches!(part.len(), 1..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if parts.next().is_some_and(is_first) && parts.all(is_other) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "{text:?} is not a language such as \"de\" or \"pt-BR\""
        ))
    }
}
