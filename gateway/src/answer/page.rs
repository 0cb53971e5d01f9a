//! The page that a person sees instead of a problem document.
//!
//! It is complete without scripts, styles and pictures, so the policy that forbids all of them needs no exception; the
//! browser's own styles follow its dark mode. Nothing of the request is repeated but the way back after a login, which was
//! vetted and is escaped.

use std::borrow::Cow;
use std::sync::Arc;

use crate::config::pages::{Facts, Fate, Found, Template, escaped};
use crate::telemetry::outcome::Outcome;

/// Who reads an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A program: it gets a problem document.
    Program,
    /// A person, in the window of a browser.
    Person(Person),
}

/// What is known about the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// They have sent something, such as a form.
    pub(crate) has_sent: bool,
    /// Where they can log in, if that is what they have to do.
    pub(crate) login: Option<String>,
    /// The operator's page for this answer, if there is one.
    pub(crate) own: Option<OwnPage>,
}

/// A page of the operator's, chosen for one answer and one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnPage {
    template: Arc<Template>,
    /// The language of the page, if its file names one.
    pub(crate) language: Option<String>,
    /// The login page, for those who need not log in as well.
    login_url: String,
}

impl OwnPage {
    pub(crate) fn new(found: Found<'_>, login_url: String) -> Self {
        Self {
            template: Arc::clone(found.template),
            language: found.language.map(str::to_owned),
            login_url,
        }
    }
}

/// An answer that becomes a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    /// The title of the problem document.
    pub(crate) title: &'a str,
    pub(crate) request_id: &'a str,
    /// Seconds after which it is worth to try again.
    pub(crate) wait: Option<u64>,
}

impl Page<'_> {
    /// The HTML.
    #[must_use]
    pub(crate) fn html(&self, person: &Person) -> String {
        let Self {
            status, request_id, ..
        } = self;
        let (heading, request_id) = (escaped(self.heading()), escaped(request_id));
        let mut text = String::new();
        for paragraph in self.sentences(person) {
            text.push_str(&format!("<p>{}</p>\n", escaped(&paragraph)));
        }
        if let Some((href, label)) = self.link(person) {
            let href = escaped(href);
            text.push_str(&format!("<p><a href=\"{href}\">{label}</a></p>\n"));
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{status} {heading}</title>\n</head>\n\
             <body>\n<main>\n<h1>{heading}</h1>\n{text}\
             <p><small>Status {status}. Request <code>{request_id}</code></small></p>\n</main>\n</body>\n</html>\n"
        )
    }

    /// The page that the operator has written.
    pub(crate) fn filled(&self, person: &Person, own: &OwnPage) -> String {
        own.template.filled(&Facts {
            request_id: self.request_id,
            status: self.status,
            code: self.outcome.into_str(),
            title: self.heading(),
            login_url: person.login.as_deref().unwrap_or(&own.login_url),
            must_log_in: person.login.is_some(),
            retry_after: self.wait,
            form: person.has_sent.then(|| self.fate()),
        })
    }

    /// Titles are written for developers; where a person would not understand them, this is what they mean.
    fn heading(&self) -> &str {
        match self.outcome {
            Outcome::Unauthenticated => "You are not logged in",
            Outcome::SessionEvicted => "You were logged out by a login on another device",
            Outcome::TooLarge => "What was sent is too large",
            Outcome::CrossSite => "This was sent from another website",
            Outcome::Maintenance => "We are working on this site",
            _ => self.title,
        }
    }

    fn sentences(&self, person: &Person) -> Vec<Cow<'static, str>> {
        let mut sentences = Vec::new();
        if person.has_sent {
            sentences.push(Cow::Borrowed(match self.fate() {
                Fate::Lost => "Your form was not sent.",
                Fate::Unknown => {
                    "It is not known whether your form has arrived. Look before you send it again."
                }
            }));
        }
        if person.login.is_some() {
            sentences.push(Cow::Borrowed(if person.has_sent {
                "Log in, and fill it in again."
            } else {
                "Log in to see this page."
            }));
        }
        if let Some(wait) = self.wait {
            let unit = if wait == 1 { "second" } else { "seconds" };
            sentences.push(Cow::Owned(format!("Try again in {wait} {unit}.")));
        }
        sentences
    }

    /// What became of a form. Behind some errors the app may have received it.
    fn fate(&self) -> Fate {
        match self.outcome {
            Outcome::BadGateway
            | Outcome::GatewayTimeout
            | Outcome::InternalError
            | Outcome::EventNotCommitted => Fate::Unknown,
            _ => Fate::Lost,
        }
    }

    /// Where the person may go from here. An empty reference is the page itself, which is asked for again; a form must
    /// not be sent again by a link.
    fn link<'p>(&self, person: &'p Person) -> Option<(&'p str, &'static str)> {
        match &person.login {
            Some(login) => Some((login, "Log in")),
            None if self.status >= 500 || self.wait.is_some() => {
                (!person.has_sent).then_some(("", "Try again"))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;
