//! What is asked of `GET /handover`.

use form_urlencoded::parse;
use sidgate_policy::auth::login_redirect::is_local;

/// Longest page that a visitor is brought back to, in bytes. The ticket that names it travels in a query, and in one within
/// another while somebody logs in.
const PAGE_MAX: usize = 512;

/// One question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// That a handover begins.
    Begin(Wish),
    /// A code for a site.
    Give {
        /// The name of the site.
        to: String,
        /// Its ticket.
        ticket: String,
    },
    /// The session for a code.
    Take(String),
    /// The page of a ticket, without a session.
    GoOn(String),
}

/// What somebody wants who begins a handover.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Path and query of the page on the own site.
    pub page: String,
    /// Whether they have to prove again who they are.
    pub again: bool,
    /// Whether they are not to be asked for a login.
    pub silent: bool,
}

impl Asked {
    /// Reads a query; `None` when it asks nothing, or says something twice.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let mut said: Vec<(String, String)> = Vec::new();
        for (name, value) in parse(query.as_bytes()) {
            if said.iter().any(|(other, _)| *other == name) {
                return None;
            }
            said.push((name.into_owned(), value.into_owned()));
        }
        let mut take = |name: &str| {
            let at = said.iter().position(|(other, _)| other == name)?;
            Some(said.swap_remove(at).1)
        };
        let asked = match (take("next"), take("state"), take("code"), take("none")) {
            (Some(next), None, None, None) => {
                let (again, silent) = (flag(take("reauth"))?, flag(take("silent"))?);
                Self::Begin(Wish {
                    page: page(next),
                    again,
                    silent,
                })
            }
            (None, Some(ticket), None, None) => Self::Give {
                to: take("to")?,
                ticket,
            },
            (None, None, Some(code), None) => Self::Take(code),
            (None, None, None, Some(ticket)) => Self::GoOn(ticket),
            _ => return None,
        };
        said.is_empty().then_some(asked)
    }
}

/// `None`: it says something else than yes.
fn flag(said: Option<String>) -> Option<bool> {
    match said.as_deref() {
        None => Some(false),
        Some("1") => Some(true),
        Some(_) => None,
    }
}

/// A page of the own site. What is none, or too long, is the start page: logging in matters more.
fn page(next: String) -> String {
    let path = next.split('?').next().unwrap_or_default();
    match () {
        () if !is_local(&next) || !next.is_ascii() => "/".to_owned(),
        () if next.len() <= PAGE_MAX => next,
        () if path.len() <= PAGE_MAX => path.to_owned(),
        () => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(page: &str) -> Option<Asked> {
        Some(Asked::Begin(Wish {
            page: page.to_owned(),
            again: false,
            silent: false,
        }))
    }

    #[test]
    fn one_question_at_a_time() {
        assert_eq!(
            Asked::parse("next=%2Forders%3Fpage%3D2"),
            begins("/orders?page=2")
        );
        assert_eq!(
            Asked::parse("code=abc"),
            Some(Asked::Take("abc".to_owned()))
        );
        assert_eq!(
            Asked::parse("none=abc"),
            Some(Asked::GoOn("abc".to_owned()))
        );
        let give = Asked::Give {
            to: "b".to_owned(),
            ticket: "abc".to_owned(),
        };
        assert_eq!(Asked::parse("to=b&state=abc"), Some(give));
        for nothing in [
            "",
            "next",
            "x=1",
            "next=%2F&code=a",
            "code=a&code=b",
            "code=a&x=1",
            "state=abc",
            "to=b",
            "next=%2F&reauth=2",
            "next=%2F&silent=",
            "next=/&next=/",
        ] {
            let asked = Asked::parse(nothing);
            let is_start = nothing == "next" && asked == begins("/");
            assert!(asked.is_none() || is_start, "{nothing}: {asked:?}");
        }
    }

    /// An open redirect would begin here.
    #[test]
    fn a_page_is_one_of_the_own_site() {
        for elsewhere in [
            "https://evil.test/",
            "//evil.test",
            "/\\evil.test",
            "evil",
            "/a\r\nSet-Cookie: x=1",
            "/\u{e9}",
        ] {
            assert_eq!(page(elsewhere.to_owned()), "/", "{elsewhere}");
        }
        let query = format!("/search?q={}", "x".repeat(PAGE_MAX));
        assert_eq!(page(query), "/search");
        assert_eq!(page(format!("/{}", "x".repeat(PAGE_MAX))), "/");
    }
}
