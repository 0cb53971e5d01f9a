//! What was asked, what came back, and what that means for whoever runs the gateway.

use serde::Serialize;
use session_core::cause::plain;

/// How it went. Later ones weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It could not be asked, or cannot be judged from here.
    Skipped,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work, or it is not safe.
    Fail,
}

/// What a finding is about. Programs decide by it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Topic {
    /// The store answers, and its schema is the right one.
    Store,
    /// What the gateway's role may do there.
    Rights,
    /// Limits that the gateway asks the store for.
    Limits,
    /// Whether news of a change come through at once.
    Notify,
    /// Redis answers.
    Redis,
    /// What a full Redis does.
    Eviction,
    /// A server of an app speaks HTTP.
    Server,
    /// An app answers the questions of the gateway.
    App,
    /// The app has its own key, and its own name.
    Key,
    /// A clock agrees with ours.
    Clock,
    /// The app believes signed assertions alone.
    Assertions,
    /// The app is reachable without the gateway.
    Bypass,
    /// Settings of the app that matter to the gateway.
    Settings,
    /// The receiver of signals can be reached.
    Webhook,
    /// The receiver of spans takes them.
    Telemetry,
    /// The certificate of the TLS listeners.
    Certificate,
    /// Routes that serve ended sessions while the store is away.
    MaxStale,
    /// A request that comes the public way reaches this gateway.
    PublicWay,
    /// Who is believed about a client's address.
    TrustedProxies,
}

impl Topic {
    /// Why it matters.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Store => {
                "Without the store nobody can log in, and after two seconds no session can be looked up."
            }
            Self::Rights => {
                "A role that may do more than the gateway needs can lose or forge sessions when it is stolen or mistaken; one that may do less fails at a login."
            }
            Self::Limits => {
                "What a node has given up goes on in the database, and rows that a lost node holds stay locked."
            }
            Self::Notify => {
                "Other nodes then hear of a logout with the next heartbeat, half a second later, instead of at once."
            }
            Self::Redis => "Every node then reads every session from the database by itself.",
            Self::Eviction => {
                "A full Redis that evicts nothing of ours, or everybody's keys alike, costs reads of the database when there is most to do."
            }
            Self::Server => "Requests that are sent there fail.",
            Self::App => {
                "The gateway cannot ask the app who somebody is, so logins are answered 503."
            }
            Self::Key => {
                "The app takes what the gateway signs for a forgery: its users are nobody, its logins are 503."
            }
            Self::Clock => {
                "Assertions and questions are good for a minute or less, and expiry follows the clock of the store. A clock that is off makes good tokens old, and lines of different logs cannot be laid side by side."
            }
            Self::Assertions => "Whoever reaches the app, by whatever way, can be anybody there.",
            Self::Bypass => {
                "Whoever reaches the app past the gateway meets none of its rules: no session check, no limits, no cleaning of headers."
            }
            Self::Settings => {
                "The gateway's word goes unheard there, or somebody else's is believed."
            }
            Self::Webhook => "Signals of suspicious use are lost after six attempts.",
            Self::Telemetry => "Requests are served, and their traces are lost.",
            Self::Certificate => {
                "Browsers refuse a certificate that has ended, and nobody gets in."
            }
            Self::MaxStale => {
                "While the store is away, a session that was ended is still served there."
            }
            Self::PublicWay => "What visitors send does not arrive as the gateway expects it.",
            Self::TrustedProxies => {
                "Limits, risk rules and logs go by the client's address. With the wrong one a single bad client locks everybody out, or nobody can be told from anybody."
            }
        }
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// Which thing: `store`, `server django 127.0.0.1:8000`.
    pub subject: String,
    /// What was asked of it.
    pub asked: String,
    /// How it went.
    pub verdict: Verdict,
    /// What came back.
    pub answer: String,
    /// What to do about it. There for what is not well.
    pub remedy: Option<String>,
}

/// What was asked, before the answer is known.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    topic: Topic,
    subject: String,
    asked: String,
}

impl Question {
    /// `asked` of `subject`.
    pub(crate) fn new(topic: Topic, subject: impl Into<String>, asked: impl Into<String>) -> Self {
        Self {
            topic,
            subject: subject.into(),
            asked: asked.into(),
        }
    }

    /// It is as it should be.
    pub(crate) fn ok(self, answer: impl AsRef<str>) -> Finding {
        self.finding(Verdict::Ok, answer.as_ref(), None)
    }

    /// It cannot be judged from here.
    pub(crate) fn skipped(self, answer: impl AsRef<str>) -> Finding {
        self.finding(Verdict::Skipped, answer.as_ref(), None)
    }

    /// It works and could be better.
    pub(crate) fn warn(self, answer: impl AsRef<str>, remedy: impl Into<String>) -> Finding {
        self.finding(Verdict::Warn, answer.as_ref(), Some(remedy.into()))
    }

    /// It does not work, or it is not safe.
    pub(crate) fn fail(self, answer: impl AsRef<str>, remedy: impl Into<String>) -> Finding {
        self.finding(Verdict::Fail, answer.as_ref(), Some(remedy.into()))
    }

    fn finding(self, verdict: Verdict, answer: &str, remedy: Option<String>) -> Finding {
        Finding {
            topic: self.topic,
            subject: self.subject,
            asked: self.asked,
            verdict,
            // Much of it is what a server said.
            answer: plain(answer),
            remedy,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::VariantArray as _;

    use super::*;
    use crate::telemetry::documented::named;

    #[test]
    fn every_topic_is_documented() {
        let page = include_str!("../../../docs/operations.md");
        let topics: BTreeSet<&str> = Topic::VARIANTS.iter().map(Into::into).collect();
        assert_eq!(named(page, "## Doctor"), topics);
    }
}
