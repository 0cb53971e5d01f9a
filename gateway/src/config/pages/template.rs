//! The text of a page, with places where the gateway fills something in.
//!
//! `{request_id}` is a value, and is escaped. `{#login} .. {/login}` is a part that is there only where it applies, so that
//! the author says everything in their own words. Any other brace is text: style sheets are full of them.

use std::borrow::Cow;

use strum::VariantNames as _;

use super::escaped::escaped;

/// What became of a form that somebody has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The app did not get it.
    Lost,
    /// The app may have got it.
    Unknown,
}

/// What there is to say about one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'f> {
    pub(crate) request_id: &'f str,
    pub(crate) status: u16,
    /// As in the problem document.
    pub(crate) code: &'f str,
    /// The heading of the page that is built in.
    pub(crate) title: &'f str,
    /// Where one can log in.
    pub(crate) login_url: &'f str,
    /// Whether that is what has to be done.
    pub(crate) must_log_in: bool,
    /// Seconds after which it is worth to try again.
    pub(crate) retry_after: Option<u64>,
    /// What became of a form, if one was sent.
    pub(crate) form: Option<Fate>,
}

/// A value that is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
enum Value {
    RequestId,
    Status,
    Code,
    Title,
    LoginUrl,
    RetryAfter,
}

/// A part that is there only where it applies.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
enum Part {
    /// A login is needed.
    Login,
    /// It is worth to try again, and known when.
    Retry,
    /// A form was sent, and the app did not get it.
    FormLost,
    /// A form was sent, and the app may have got it.
    FormUnknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// The part in which it stands.
    part: Option<Part>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Text(String),
    Value(Value),
}

/// A page that can be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

/// A word in braces, and what it is.
enum Mark<'t> {
    Value(&'t str),
    Begin(&'t str),
    End(&'t str),
}

impl Template {
    /// Understands the text of a page.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut part = None;
        let mut rest = text;
        while let Some((before, mark, after)) = next_mark(rest) {
            push_text(&mut pieces, part, before);
            match mark {
                Mark::Value(name) => {
                    let value = known::<Value>(name, "{", Value::VARIANTS)?;
                    if value == Value::RetryAfter && part != Some(Part::Retry) {
                        return Err(
                            "{retry_after} stands outside of {#retry} .. {/retry}: not every answer has it"
                                .to_owned(),
                        );
                    }
                    pieces.push(Piece {
                        part,
                        what: What::Value(value),
                    });
                }
                Mark::Begin(name) => {
                    let begun = known::<Part>(name, "{#", Part::VARIANTS)?;
                    if let Some(open) = part.replace(begun) {
                        return Err(format!("{{#{name}}} stands inside of {{#{}}}", word(open)));
                    }
                }
                Mark::End(name) => {
                    let ended = known::<Part>(name, "{/", Part::VARIANTS)?;
                    if part.take() != Some(ended) {
                        return Err(format!("{{/{name}}} ends nothing"));
                    }
                }
            }
            rest = after;
        }
        if let Some(open) = part {
            return Err(format!("{{#{}}} has no end", word(open)));
        }
        push_text(&mut pieces, None, rest);
        Ok(Self(pieces))
    }

    /// The page for one answer.
    pub(crate) fn filled(&self, facts: &Facts<'_>) -> String {
        let mut page = String::new();
        for piece in &self.0 {
            if piece.part.is_some_and(|part| !part.applies(facts)) {
                continue;
            }
            match &piece.what {
                What::Text(text) => page.push_str(text),
                What::Value(value) => page.push_str(&escaped(&value.of(facts))),
            }
        }
        page
    }
}

impl Value {
    fn of<'f>(self, facts: &Facts<'f>) -> Cow<'f, str> {
        match self {
            Self::RequestId => Cow::Borrowed(facts.request_id),
            Self::Status => Cow::Owned(facts.status.to_string()),
            Self::Code => Cow::Borrowed(facts.code),
            Self::Title => Cow::Borrowed(facts.title),
            Self::LoginUrl => Cow::Borrowed(facts.login_url),
            Self::RetryAfter => Cow::Owned(facts.retry_after.unwrap_or_default().to_string()),
        }
    }
}

impl Part {
    fn applies(self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Login => facts.must_log_in,
            Self::Retry => facts.retry_after.is_some(),
            Self::FormLost => facts.form == Some(Fate::Lost),
            Self::FormUnknown => facts.form == Some(Fate::Unknown),
        }
    }
}

fn word(part: Part) -> &'static str {
    part.into()
}

fn push_text(pieces: &mut Vec<Piece>, part: Option<Part>, text: &str) {
    if !text.is_empty() {
        let what = What::Text(text.to_owned());
        pieces.push(Piece { part, what });
    }
}

/// The next word in braces, with what stands before and behind it.
fn next_mark(text: &str) -> Option<(&str, Mark<'_>, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, from) = text.split_at_checked(at)?;
        let (inside, after) = from.strip_prefix('{')?.split_once('}')?;
        let (name, mark): (_, fn(_) -> _) = match inside.as_bytes().first()? {
            b'#' => (inside.get(1..)?, Mark::Begin),
            b'/' => (inside.get(1..)?, Mark::End),
            _ => (inside, Mark::Value),
        };
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        (!name.is_empty() && name.bytes().all(is_name)).then(|| (before, mark(name), after))
    })
}

fn known<T: std::str::FromStr>(name: &str, begin: &str, all: &[&str]) -> Result<T, String> {
    name.parse().map_err(|_error| {
        let all: Vec<_> = all.iter().map(|name| format!("{begin}{name}}}")).collect();
        format!("{begin}{name}}} is not known; there are {}", all.join(", "))
    })
}
