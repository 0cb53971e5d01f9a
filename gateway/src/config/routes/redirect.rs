//! `redirect` of a route: where visitors are sent.
//!
//! Only what was vetted gets into the address: the path, which begins with one slash, the host as it is configured, and the
//! query, which cannot leave its place behind the `?`. The scheme and the host of the address are the operator's, whatever a
//! visitor asks for: every address that the template could make is tried when it is read.

use http::HeaderValue;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use sidgate_policy::auth::login_redirect::is_local;

use super::super::host::{Host, Origin};

/// Statuses that send somebody elsewhere.
pub(super) const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// Where visitors of a route are sent, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// One of 301, 302, 303, 307, 308.
    pub status: u16,
    to: Template,
}

/// An address with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Path,
    Query,
    Host,
}

/// What fills the gaps.
#[derive(Debug, Clone, Copy)]
pub struct Gaps<'r> {
    /// As configured, with a port where it has one.
    pub host: &'r str,
    /// As it was vetted.
    pub path: &'r str,
    /// Without its `?`.
    pub query: Option<&'r str>,
}

impl Redirect {
    pub(super) const fn new(to: Template, status: u16) -> Self {
        Self { status, to }
    }

    /// The address for one request; `None`, if no header could carry it.
    #[must_use]
    pub fn location(&self, gaps: Gaps<'_>) -> Option<HeaderValue> {
        let location = self.to.filled(gaps);
        HeaderValue::try_from(location).ok()
    }
}

impl Template {
    /// Reads an address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(odd) = text.chars().find(|letter| !letter.is_ascii_graphic()) {
            return Err(format!("{text:?} contains {odd:?}; escape it with %"));
        }
        let template = Self(pieces(text)?);
        if template.begins(text, "http://") || template.begins(text, "https://") {
            template.check_absolute(text)?;
        } else if !template.stays_here() {
            return Err(format!(
                "{text:?} is neither a path that begins with one \"/\" nor an http:// or https:// address, for every path and query"
            ));
        }
        Ok(template)
    }

    fn begins(&self, text: &str, scheme: &str) -> bool {
        let is_text = matches!(self.0.first(), Some(Piece::Text(_)));
        is_text && text.starts_with(scheme)
    }

    /// The host is spelled out, or that of the request; what follows it cannot become a part of it.
    fn check_absolute(&self, text: &str) -> Result<(), String> {
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let end = ["/", "?", "#", "{path}", "{query}"]
            .iter()
            .filter_map(|end| rest.find(end))
            .min()
            .unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        if authority == "{host}" {
            return Ok(());
        }
        Origin::parse(&format!("https://{authority}"))
            .map(drop)
            .map_err(|why| format!("{text:?} names no host: {why}"))
    }

    /// Whether every address is a path of the host that was asked.
    fn stays_here(&self) -> bool {
        ["/", "/p", "/p/"].iter().all(|path| {
            [None, Some(""), Some("q")].iter().all(|&query| {
                let host = Host::localhost().to_string();
                is_local(&self.filled(Gaps {
                    host: &host,
                    path,
                    query,
                }))
            })
        })
    }

    fn filled(&self, gaps: Gaps<'_>) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Path => filled.push_str(gaps.path),
                Piece::Host => filled.push_str(gaps.host),
                Piece::Query => {
                    if let Some(query) = gaps.query {
                        filled.push('?');
                        // What a request line may hold and a header may not.
                        filled.extend(utf8_percent_encode(query, CONTROLS));
                    }
                }
            }
        }
        filled
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        pieces.push(match name {
            "path" => Piece::Path,
            "query" => Piece::Query,
            "host" => Piece::Host,
            _ => {
                return Err(format!(
                    "{text:?}: what may stand in braces is {{path}}, {{query}} and {{host}}"
                ));
            }
        });
        rest = after;
    }
    if rest.contains('}') {
        return Err(format!("{text:?} has a brace too much"));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests;
