//! A request, as somebody describes it who wants to know what becomes of it.

use std::net::IpAddr;

use http::Uri;
use session_core::secret::SecretString;

use crate::config::Config;

/// A request, and how it comes.
#[derive(Debug)]
pub(crate) struct Question {
    /// What it says.
    pub described: Described,
    /// Who connects.
    pub peer: IpAddr,
    /// Whether it arrives at a TLS listener; `None`: as its URL says, if there is one.
    pub tls: Option<bool>,
}

/// What a request says.
#[derive(Debug)]
pub(crate) enum Described {
    /// The head as it would be sent over HTTP/1, and what follows it.
    Head(Vec<u8>),
    /// Its parts.
    Parts {
        /// Method.
        method: String,
        /// An absolute URL, or a path at the public origin.
        url: String,
        /// Header fields, in the order in which they are sent.
        headers: Vec<(String, String)>,
        /// Whether it is sent over HTTP/2.
        http2: bool,
        /// The value of the session cookie.
        sid: Option<SecretString>,
    },
}

/// Why a question cannot be asked. Says nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidQuestion {
    /// A scheme other than those of the web.
    #[error("the URL begins with neither http:// nor https:// nor /")]
    Url,
    /// A line end inside of a part would make two lines of one.
    #[error("method, URL and header fields must not contain line ends or NUL")]
    LineEnd,
}

/// A URL as a client takes it apart. Nothing of it is changed: what is wrong with it is for the gateway to say.
pub(super) struct Parts<'u> {
    /// The host and port to name.
    pub authority: &'u str,
    /// Path and query.
    pub target: String,
}

impl<'u> Parts<'u> {
    /// Takes `url` apart. A fragment is never sent.
    pub(super) fn of(url: &'u str, public: &'u str) -> Result<Self, InvalidQuestion> {
        let url = url.split('#').next().unwrap_or_default();
        if url.starts_with('/') {
            return Ok(Self {
                authority: public,
                target: url.to_owned(),
            });
        }
        let rest = after(url, "https://").or_else(|| after(url, "http://"));
        let rest = rest.ok_or(InvalidQuestion::Url)?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            authority,
            target: format!("{slash}{target}"),
        })
    }
}

fn after<'u>(url: &'u str, scheme: &str) -> Option<&'u str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

impl Question {
    /// Whether it arrives encrypted. Without a TLS listener of ours, something before us has taken the encryption off.
    pub(super) fn over_tls(&self, config: &Config) -> bool {
        let by_url = || match &self.described {
            Described::Parts { url, .. } => {
                let is_https = after(url, "https://").is_some()
                    || url.starts_with('/') && config.sites.first().origin.is_https();
                is_https && config.server.tls.is_some()
            }
            Described::Head(_) => false,
        };
        self.tls.unwrap_or_else(by_url)
    }
}

/// The target as the HTTP/2 library hands it on.
pub(super) fn http2_target(target: &str) -> Option<String> {
    let uri: Uri = target.parse().ok()?;
    uri.path_and_query().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_not_repaired() {
        let parts = |url: &str| {
            let parts = Parts::of(url, "public.test").ok()?;
            Some((parts.authority.to_owned(), parts.target))
        };
        let of = |authority: &str, target: &str| Some((authority.to_owned(), target.to_owned()));
        assert_eq!(parts("https://a.test"), of("a.test", "/"));
        assert_eq!(parts("HTTP://A.test:81/x"), of("A.test:81", "/x"));
        assert_eq!(parts("https://a.test?b=1"), of("a.test", "/?b=1"));
        assert_eq!(
            parts("https://a.test/a//../b%2f#c"),
            of("a.test", "/a//../b%2f")
        );
        assert_eq!(parts("/x?y=/z"), of("public.test", "/x?y=/z"));
        assert_eq!(parts("//evil.test/x"), of("public.test", "//evil.test/x"));
        for none in [
            "",
            "x",
            "ftp://a.test/",
            "https:/a.test",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
        ] {
            assert_eq!(parts(none), None, "{none:?}");
        }
    }
}
