//! The references of a session as they are stored: sealed, each under the name of its app.

use std::fmt;

use super::Text;
use crate::secret::SecretString;

/// Most apps that may have a reference in one session; the oldest reference is removed for a further one.
const APPS_MAX: usize = 8;

/// A reference as an app gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The app that it belongs to, by its name in the configuration.
    pub app: Text,
    /// Text that the app gets back with the session.
    pub text: SecretString,
}

/// The sealed references of a session, at most one for each app: `app:sealed`, separated by spaces. Neither part has a
/// space or a colon. Any other text in the table belongs to no app.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct References(Text);

impl References {
    /// From the stored text; `None` when there are none.
    #[must_use]
    pub fn from_stored(text: Option<Text>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// The text to store; `None` when there are none.
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

    /// A copy with `sealed` as the reference of `app`; `None` removes it.
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
