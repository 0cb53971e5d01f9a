//! Keys with one value.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::super::catalog::{Bounds, Kind};
use super::super::variables::{expand, hide};
use super::super::{handbook, size, suggest};
use super::{Reader, joined, whole_number};

/// Whether the variables in a text are replaced before it is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variables {
    /// They are.
    Replaced,
    /// The parser does it, because what it reads is secret.
    AsWritten,
}

impl Reader<'_> {
    /// A boolean; `None` when absent or faulty.
    pub(in super::super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.note(key, Kind::Flag);
        let node = self.take(key)?;
        if let Some(written) = variable(node) {
            return self.understood(key, node, written, Variables::Replaced, |text| {
                text.parse()
                    .map_err(|_error| format!("{text:?} is neither true nor false"))
            });
        }
        let flag = node.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, node, "true or false");
        }
        flag
    }

    /// A whole number inside `range`; `None` when absent or faulty.
    pub(in super::super) fn number<N>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<N>,
    ) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        self.note(key, Kind::Number(bounds(&range)));
        let node = self.take(key)?;
        let inside = |number: Option<i64>| {
            number
                .and_then(|number| N::try_from(number).ok())
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("must be between {} and {}", range.start(), range.end()))
        };
        if let Some(written) = variable(node) {
            return self.understood(key, node, written, Variables::Replaced, |text| {
                inside(decimal(text)?)
            });
        }
        if node.get_ref().as_integer().is_none() {
            self.wrong_type(key, node, "a whole number");
            return None;
        }
        let number = inside(whole_number(node.get_ref()));
        number
            .map_err(|message| self.fault(key, node, message))
            .ok()
    }

    /// A number of bytes inside `range`, or a text such as `"256MiB"`; `None` when absent or faulty.
    pub(in super::super) fn size(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        self.note(key, Kind::Size(bounds(&range)));
        let node = self.take(key)?;
        if let Some(written) = node.get_ref().as_str() {
            let parse = size::within(range);
            return self.understood(key, node, written, Variables::Replaced, parse);
        }
        if node.get_ref().as_integer().is_none() {
            let wanted = "a number of bytes such as 10_485_760 or a text such as \"10MiB\"";
            self.wrong_type(key, node, wanted);
            return None;
        }
        let bytes = whole_number(node.get_ref()).and_then(|bytes| u64::try_from(bytes).ok());
        size::inside(bytes, &range)
            .map_err(|message| self.fault(key, node, message))
            .ok()
    }

    /// A string that `parse` accepts, with its variables replaced; `None` when absent or faulty.
    pub(in super::super) fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.note(key, Kind::Text);
        self.string(key, Variables::Replaced, parse)
    }

    /// A string that `parse` accepts as it is written: a secret, or something that may hold one. `parse` replaces its
    /// variables.
    pub(in super::super) fn reference<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.note(key, Kind::Reference);
        self.string(key, Variables::AsWritten, parse)
    }

    /// Like `reference`, with a default that is parsed too: it may name something that does not exist, which is a fault.
    pub(in super::super) fn reference_or<T>(
        &mut self,
        key: &'static str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.has(key) || self.document.is_described() {
            return self.reference(key, parse);
        }
        self.note(key, Kind::Reference);
        self.asked.push(key);
        let report = |message| {
            let message = format!("{message} (the default is {default:?})");
            self.document.missing(&self.path, &self.child(key), message);
        };
        parse(default).map_err(report).ok()
    }

    /// One of a few words; `None` when absent or faulty.
    pub(in super::super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.note(key, Kind::Word(names(words)));
        self.word(key, words, |word, text| word == text)
    }

    /// One of a few words in any letter case; `None` when absent or faulty.
    pub(in super::super) fn choice_in_any_case<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let capitalised = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        let lower = names(words);
        let upper = lower.iter().map(|word| capitalised(word));
        let all = upper.collect::<Vec<_>>();
        self.note(key, Kind::Word([lower, all].concat()));
        self.word(key, words, str::eq_ignore_ascii_case)
    }

    fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        is_meant: impl Fn(&str, &str) -> bool,
    ) -> Option<T> {
        self.string(key, Variables::Replaced, |text| {
            let found = words.iter().find(|(word, _)| is_meant(word, text));
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| no_such_word(text, &names(words)))
        })
    }

    fn string<T>(
        &mut self,
        key: &'static str,
        variables: Variables,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        let Some(written) = node.get_ref().as_str() else {
            self.wrong_type(key, node, self.wanted(key));
            return None;
        };
        self.understood(key, node, written, variables, parse)
    }

    /// What the text of a key is, for somebody who wrote something else.
    fn wanted(&self, key: &str) -> &'static str {
        match handbook::kind(&self.model_of(key)) {
            Some("duration") => "a duration such as \"5m\"",
            Some("rate") => "a rate such as \"20/m\"",
            Some("address") => "an address such as \"127.0.0.1:3000\"",
            _ => "a string",
        }
    }

    /// What `parse` makes of a text, with its variables replaced; `None` when there is a fault.
    pub(super) fn understood<T>(
        &self,
        key: &str,
        node: &Spanned<DeValue<'_>>,
        written: &str,
        variables: Variables,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let report = |message| self.fault(key, node, message);
        if variables == Variables::AsWritten {
            let used = || expand(written, self.document.env()).map(|expanded| expanded.used);
            return parse(written)
                .map_err(|message| report(hide(&message, &used().unwrap_or_default())))
                .ok();
        }
        let expanded = expand(written, self.document.env()).map_err(report).ok()?;
        self.document.note_variables(&expanded.used);
        parse(&expanded.text)
            .map_err(|message| report(expanded.told(message)))
            .ok()
    }

    /// The path of `key` as in [`Entry::model`](super::super::catalog::Entry::model).
    pub(super) fn model_of(&self, key: &str) -> String {
        joined(&self.model, key)
    }
}

/// The text in place of a number or a boolean, if it is there for the sake of a variable.
fn variable<'n>(node: &'n Spanned<DeValue<'_>>) -> Option<&'n str> {
    node.get_ref().as_str().filter(|text| text.contains("${"))
}

/// The number in a text; `None`: it is larger than any bound.
fn decimal(text: &str) -> Result<Option<i64>, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} is not a whole number"));
    }
    Ok(text.parse().ok())
}

fn bounds<N: Display>(range: &RangeInclusive<N>) -> Bounds {
    let number = |number: &N| number.to_string().parse();
    Bounds {
        least: number(range.start()).unwrap_or(i64::MIN),
        most: number(range.end()).unwrap_or(i64::MAX),
    }
}

fn no_such_word(text: &str, words: &[String]) -> String {
    let known: Vec<_> = words.iter().map(String::as_str).collect();
    let meant = suggest::nearest(&text.to_lowercase(), &known)
        .map(|meant| format!("; did you mean {meant:?}?"))
        .unwrap_or_default();
    let all: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("{text:?} is not one of {}{meant}", all.join(", "))
}

fn names<T>(words: &[(&str, T)]) -> Vec<String> {
    words.iter().map(|(word, _)| (*word).to_owned()).collect()
}
