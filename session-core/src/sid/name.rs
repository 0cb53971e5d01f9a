//! Short names of configuration that are stored with a session: of its group, and of the site where it was made.

use std::sync::Arc;

/// Longest name, in bytes.
const NAME_MAX: usize = 32;

/// The name of whatever is not named in the configuration.
const DEFAULT: &str = "default";

/// A name of 1 to 32 small letters, digits, `_` and `-`. The default takes no memory of its own, because nearly all sessions
/// have it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name(Option<Arc<str>>);

impl Name {
    /// `None` when `text` is no name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let is_name = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        is_name.then(|| Self((text != DEFAULT).then(|| text.into())))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(DEFAULT)
    }

    pub(crate) const fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// The text, for whoever exchanges it for a copy that others share.
    pub(crate) const fn text_mut(&mut self) -> Option<&mut Arc<str>> {
        self.0.as_mut()
    }
}
