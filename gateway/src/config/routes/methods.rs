//! `methods` of a route.

use std::fmt;

use http::HeaderValue;
use sidgate_policy::edge::METHODS;

/// The methods that a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods {
    /// `None`: all that pass the edge.
    listed: Option<Vec<&'static str>>,
    /// As `Allow` writes them.
    allow: HeaderValue,
}

impl Methods {
    /// Reads the name of one.
    pub(super) fn parse(text: &str) -> Result<&'static str, String> {
        let known = METHODS.iter().find(|known| **known == text);
        known.copied().ok_or_else(|| {
            let meant = METHODS
                .iter()
                .find(|known| known.eq_ignore_ascii_case(text));
            match meant {
                Some(meant) => format!("{text:?}: methods are written in capitals, {meant:?}"),
                None => format!(
                    "{text:?} does not go on to apps; methods are {}",
                    METHODS.join(", ")
                ),
            }
        })
    }

    /// These, and `HEAD` with `GET`; `None`: all.
    pub(super) fn new(listed: Option<Vec<&'static str>>) -> Self {
        let listed = listed.map(|mut listed| {
            if listed.contains(&"GET") && !listed.contains(&"HEAD") {
                listed.push("HEAD");
            }
            listed
        });
        let mut methods = Self {
            listed,
            allow: HeaderValue::from_static(""),
        };
        if let Ok(allow) = HeaderValue::try_from(methods.to_string()) {
            methods.allow = allow;
        }
        methods
    }

    /// Whether `method` is one of them.
    #[must_use]
    pub fn include(&self, method: &str) -> bool {
        self.listed
            .as_ref()
            .is_none_or(|listed| listed.contains(&method))
    }

    /// The value of `Allow`.
    #[must_use]
    pub const fn allow(&self) -> &HeaderValue {
        &self.allow
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = self.listed.as_deref().unwrap_or(&METHODS);
        f.write_str(&listed.join(", "))
    }
}
