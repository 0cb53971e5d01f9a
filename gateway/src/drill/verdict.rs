//! What was measured, and whether that is what was promised.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use session_core::clock::millis;

/// How it went. Later ones weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Verdict {
    /// As promised, and as it normally is.
    Held,
    /// As promised, and slower than it normally is.
    Slow,
    /// Nothing was shown.
    #[strum(serialize = "not shown")]
    NotShown,
    /// Not as promised.
    Broken,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// Its name, for programs; with spaces, for people.
    pub(super) name: &'static str,
    pub(super) value: Measured,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measured {
    /// A time; `None`: it did not happen.
    Time(Option<Duration>),
    Count(usize),
    Word(String),
}

/// What one node has shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) figures: Vec<Figure>,
    pub(super) verdict: Verdict,
    /// Why, where it is not simply held.
    pub(super) why: Option<String>,
}

impl Shown {
    /// With the worst of what was found wrong, or held where nothing was.
    pub(super) fn of(
        figures: Vec<Figure>,
        found: impl IntoIterator<Item = (Verdict, String)>,
    ) -> Self {
        let mut found: Vec<(Verdict, String)> = found.into_iter().collect();
        found.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = found.first().map_or(Verdict::Held, |(verdict, _)| *verdict);
        let words: Vec<String> = found.into_iter().map(|(_, why)| why).collect();
        Self {
            figures,
            verdict,
            why: (!words.is_empty()).then(|| words.join("; ")),
        }
    }
}

impl Figure {
    pub(super) fn time(name: &'static str, value: Option<Duration>) -> Self {
        let value = Measured::Time(value);
        Self { name, value }
    }

    pub(super) fn count(name: &'static str, value: usize) -> Self {
        let value = Measured::Count(value);
        Self { name, value }
    }

    pub(super) fn word(name: &'static str, value: impl Into<String>) -> Self {
        let value = Measured::Word(value.into());
        Self { name, value }
    }

    /// The head of its column.
    pub(super) fn title(&self) -> String {
        self.name.trim_end_matches("_ms").replace('_', " ")
    }

    /// As people read it.
    pub(super) fn cell(&self) -> String {
        match &self.value {
            Measured::Time(Some(time)) => format!("{} ms", millis(*time)),
            Measured::Time(None) => "-".to_owned(),
            Measured::Count(count) => count.to_string(),
            Measured::Word(word) => word.clone(),
        }
    }

    /// As programs read it.
    pub(super) fn json(&self) -> Value {
        match &self.value {
            Measured::Time(time) => json!(time.map(millis)),
            Measured::Count(count) => json!(count),
            Measured::Word(word) => json!(word),
        }
    }
}
