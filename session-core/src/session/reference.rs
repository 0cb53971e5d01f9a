//! What apps want to find again with a session, as it is stored: sealed, and named by the app that it belongs to.

use std::fmt;

use super::Text;
use crate::secret::SecretString;

/// Most apps that may have a reference in one session; the oldest makes room.
const APPS_MAX: usize = 8;

/// A reference as an app gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The app that it belongs to, by its name in the configuration.
    pub app: Text,
    /// What the app wants to find again.
    pub text: SecretString,
}

/// The sealed references of a session, at most one for each app: `app:sealed`, separated by spaces. Neither part has a
/// space or a colon. Anything else that a table holds belongs to no app and opens for none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct References(Text);

impl References {
    /// What the store has; `None` is none.
    #[must_use]
    pub fn from_stored(text: Option<Text>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// What the store keeps; `None` when there is none.
    #[must_use]
    pub fn as_stored(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }

    /// Each app and its sealed reference.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split(' ').filter_map(|one| one.split_once(':'))
    }

    /// The sealed reference of `app`.
    #[must_use]
    pub fn of(&self, app: &str) -> Option<&str> {
        self.iter()
            .find_map(|(owner, sealed)| (owner == app).then_some(sealed))
    }

    /// The same with `sealed` as the one of `app`, or without it.
    #[must_use]
    pub fn with(&self, app: &str, sealed: Option<&str>) -> Self {
        let others: Vec<(&str, &str)> = self.iter().filter(|(owner, _)| *owner != app).collect();
        let room = APPS_MAX - usize::from(sealed.is_some());
        let kept = others.iter().skip(others.len().saturating_sub(room));
        let kept = kept.copied().chain(sealed.map(|sealed| (app, sealed)));
        let written: Vec<String> = kept
            .map(|(owner, sealed)| format!("{owner}:{sealed}"))
            .collect();
        Self(written.join(" ").into_boxed_str())
    }
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(app, _)| app))
            .finish()
    }
}

#[cfg(test)]
mod tests;
