//! How a decision is told: to programs as JSON, to people as lines.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::came::NotRead;
use super::keys::Key;
use super::question::InvalidQuestion;
use super::shown::shown;
use crate::answer::{Answer, Body};
use crate::config::Config;
use crate::telemetry::outcome::Outcome;

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Verdict {
    /// It is served.
    Allowed,
    /// It is not.
    Refused,
    /// That depends on something that could not be asked.
    Unknown,
}

/// The decision on one request.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// What becomes of it.
    pub verdict: Verdict,
    /// The status of the gateway's own answer; `None`: somebody else answers.
    pub status: Option<u16>,
    /// The rule that was broken, as `sidgate_refused_total` counts it, or else the outcome, as `sidgate_requests_total` does.
    pub reason: Option<String>,
    /// `code` of the answer.
    pub code: Option<String>,
    /// Where the client is sent, without what it asked for.
    pub location: Option<String>,
    /// What each question found, in the order in which they were asked.
    pub steps: Vec<Line>,
    /// What the app gets.
    pub app: Option<AppGets>,
}

/// What one question found.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// The question.
    pub step: &'static str,
    /// Whether the decision fell here.
    pub decided: bool,
    /// What was found.
    pub found: String,
    /// The keys that it depends on.
    pub keys: Vec<Key>,
}

/// What an app gets of a request, by name.
#[derive(Debug, Serialize)]
pub(crate) struct AppGets {
    /// The upstream.
    pub upstream: String,
    /// `X-Session-State`.
    pub state: &'static str,
    /// The fields that tell it about the session.
    pub fields: Vec<String>,
    /// The names that are taken away.
    pub removed: Vec<String>,
    /// How many cookies it sees.
    pub cookies: usize,
    /// The cookie that shows it whether a session is active.
    pub marker: Option<String>,
}

impl Line {
    pub(super) fn new(step: &'static str, found: impl Into<String>, keys: Vec<Key>) -> Self {
        Self {
            step,
            decided: false,
            found: found.into(),
            keys,
        }
    }

    pub(super) fn deciding(self) -> Self {
        Self {
            decided: true,
            ..self
        }
    }
}

impl Report {
    /// Nothing but what was found.
    pub(super) fn of(verdict: Verdict, steps: Vec<Line>) -> Self {
        Self {
            verdict,
            status: None,
            reason: None,
            code: None,
            location: None,
            steps,
            app: None,
        }
    }

    /// There is no request to decide about.
    ///
    /// # Errors
    /// When the question cannot be asked.
    pub(crate) fn not_read(why: NotRead, config: &Config) -> Result<Self, InvalidQuestion> {
        match why {
            NotRead::Invalid(why) => Err(why),
            NotRead::Unread(what) => {
                let line = Line::new("head", what.detail(), vec![]).deciding();
                Ok(Self {
                    status: Some(400),
                    reason: Some(what.reason().to_owned()),
                    code: Some(Outcome::BadRequest.into_str().to_owned()),
                    ..Self::of(Verdict::Refused, vec![line])
                })
            }
            NotRead::Http2 => {
                let found = "the HTTP/2 library ends the stream before the gateway sees a request";
                let line = Line::new("head", found, vec![]).deciding();
                Ok(Self::of(Verdict::Refused, vec![line]))
            }
            NotRead::Incomplete => {
                let found = "it does not end with an empty line: the gateway waits for the rest";
                let keys = vec![Key::of(config, "edge.header_timeout")];
                let line = Line::new("head", found, keys).deciding();
                Ok(Self::of(Verdict::Unknown, vec![line]))
            }
        }
    }

    /// The client gets this answer of the gateway.
    pub(super) fn answered(answer: &Answer, steps: Vec<Line>) -> Self {
        let verdict = if answer.status < 300 {
            Verdict::Allowed
        } else {
            Verdict::Refused
        };
        let code = match &answer.body {
            Body::Problem(problem) => problem.get("code").and_then(Value::as_str),
            _ => None,
        };
        Self {
            status: Some(answer.status),
            reason: Some(answer.outcome.into_str().to_owned()),
            code: code.map(str::to_owned),
            location: location(answer),
            ..Self::of(verdict, steps)
        }
    }
}

/// Where an answer sends the client. The query repeats that of the request.
fn location(answer: &Answer) -> Option<String> {
    let mut fields = answer.headers.iter();
    let (_, value) = fields.find(|(name, _)| name == http::header::LOCATION)?;
    value.to_str().ok().map(shown)
}

/// Lines for people: each question, what it found and the keys that decided, then what becomes of the request.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.steps {
            let mark = if line.decided { "->" } else { "  " };
            write!(f, "{mark} {:<13} {}", line.step, line.found)?;
            let keys: Vec<String> = line.keys.iter().map(Key::told).collect();
            if !keys.is_empty() {
                write!(f, "  [{}]", keys.join(", "))?;
            }
            writeln!(f)?;
        }
        if let Some(app) = &self.app {
            write!(f, "{app}")?;
        }
        write!(f, "\n{}", self.verdict.into_str())?;
        if let Some(status) = self.status {
            write!(f, ": {status}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        if let Some(code) = self
            .code
            .as_ref()
            .filter(|&code| Some(code) != self.reason.as_ref())
        {
            write!(f, " (code {code})")?;
        }
        if let Some(location) = &self.location {
            write!(f, " to {location}")?;
        }
        Ok(())
    }
}

impl fmt::Display for AppGets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        writeln!(f, "   {:<13} {}", "app gets", listed(&self.fields))?;
        writeln!(f, "   {:<13} {}", "taken away", listed(&self.removed))?;
        write!(f, "   {:<13} {}", "cookies", self.cookies)?;
        if let Some(marker) = &self.marker {
            write!(f, ", and the marker {marker}")?;
        }
        writeln!(f)
    }
}
