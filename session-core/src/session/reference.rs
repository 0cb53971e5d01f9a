//! The references of a session as they are stored: sealed, each under the name of its app.

use std::fmt;

use super::Text;
use crate::secret::SecretString;

/// Most apps that may have a reference in one session; the oldest reference is removed for a further one.
const APPS_MAX: usize = 8;

/// Stands beside the references and belongs to no app, whose names have no dot: the cookie ends with the browser.
const BROWSER_SESSION: &str = ".cookie:browser-session";

/// A reference as an app gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The app that it belongs to, by its name in the configuration.
    pub app: Text,
    /// Text that the app gets back with the session.
    pub text: SecretString,
}

/// The sealed references of a session, at most one for each app: `app:sealed`, separated by spaces. Neither part has a
/// space or a colon. An entry that begins with a dot is about the session's cookie. Any other text in the table belongs to no
/// app.
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
        let of_apps = self.0.split(' ').filter(|one| !is_mark(one));
        of_apps.filter_map(|one| one.split_once(':'))
    }

    /// What is said about the session's cookie, without the references.
    #[must_use]
    pub fn without_apps(&self) -> Self {
        let marks: Vec<&str> = self.marks().collect();
        Self(marks.join(" ").into_boxed_str())
    }

    /// The same for a session whose cookie is to end with the browser.
    #[must_use]
    pub fn ending_with_browser(&self) -> Self {
        let others = self.0.split(' ').filter(|one| *one != BROWSER_SESSION);
        let all: Vec<&str> = [BROWSER_SESSION].into_iter().chain(others).collect();
        Self(all.join(" ").trim_end().into())
    }

    /// Whether the session's cookie is to end with the browser.
    #[must_use]
    pub fn end_with_browser(&self) -> bool {
        self.marks().any(|mark| mark == BROWSER_SESSION)
    }

    fn marks(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|one| is_mark(one))
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
        let kept = kept.map(|(owner, sealed)| format!("{owner}:{sealed}"));
        let written: Vec<String> = self.marks().map(str::to_owned).chain(kept).collect();
        Self(written.join(" ").into_boxed_str())
    }
}

fn is_mark(one: &str) -> bool {
    one.starts_with('.')
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
