//! What an app says about itself, and what of it is wrong. The members are those of `docs/protocol.md`.

use serde::Deserialize;
use session_core::cause::plain;

use super::ask::Asker;
use crate::config::{Config, MigrationMode};
use crate::diagnosis::finding::{Finding, Question, Topic};

/// The answer to a signed `POST /__sidgate__/doctor`. What an app leaves out is not judged.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Facts {
    /// The name under which it expects to be addressed.
    upstream: String,
    pub time_ms: i64,
    package: Option<Part>,
    framework: Option<Part>,
    pub leeway: Option<i64>,
    assertions: Option<Assertions>,
    #[serde(default)]
    unsigned: Vec<String>,
    bypass: Option<String>,
    #[serde(default)]
    own_login: bool,
    pub calls: Option<Vec<String>>,
    #[serde(default)]
    debug: bool,
    seen: Option<Seen>,
    #[serde(default)]
    findings: Vec<Own>,
}

#[derive(Clone, Debug, Deserialize)]
struct Part {
    name: String,
    version: Option<String>,
}

/// When the app verifies an assertion.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Assertions {
    EveryRequest,
    WhereUsed,
    Never,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Deserialize)]
struct Seen {
    scheme: Option<String>,
    host: Option<String>,
}

/// What the package's own checks have found.
#[derive(Clone, Debug, Deserialize)]
struct Own {
    #[serde(default)]
    id: String,
    level: String,
    text: String,
    #[serde(default)]
    hint: String,
}

impl Facts {
    /// `sidgate-django 0.1.0, django 5.2.8`.
    pub(super) fn software(&self) -> String {
        let parts = [&self.package, &self.framework].into_iter().flatten();
        let named: Vec<_> = parts
            .map(|Part { name, version }| match version {
                Some(version) => format!("{name} {version}"),
                None => name.clone(),
            })
            .collect();
        if named.is_empty() {
            "an app without a package".to_owned()
        } else {
            named.join(", ")
        }
    }

    /// Whether it expects to be addressed as `name`, as the question has addressed it.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.upstream == name
    }

    /// Whether it says that it refuses requests without an assertion.
    pub(super) fn refuses_strangers(&self) -> bool {
        self.bypass.as_deref() == Some("reject")
    }

    /// What it says of how it treats identities.
    pub(super) fn assertions(&self, subject: &str) -> Finding {
        let question = Question::new(
            Topic::Assertions,
            subject,
            "what the app says of how it knows people",
        );
        if !self.unsigned.is_empty() {
            return question.fail(
                format!(
                    "logs people in by unsigned headers: {}",
                    self.unsigned.join(", ")
                ),
                "take it out of MIDDLEWARE: the gateway's assertion replaces it",
            );
        }
        match self.assertions {
            Some(Assertions::EveryRequest) => question.ok("verifies every assertion"),
            Some(Assertions::WhereUsed) => {
                question.ok("verifies assertions wherever it asks for the session")
            }
            Some(Assertions::Never) => question.fail(
                "verifies no assertion: nobody is logged in there",
                "put sidgate_django.middleware.SidgateMiddleware into MIDDLEWARE, after AuthenticationMiddleware",
            ),
            Some(Assertions::Unknown) | None => question.skipped("the app does not say"),
        }
    }

    /// Settings that are worth a word.
    pub(super) fn settings(&self, subject: &str, config: &Config, asker: &Asker) -> Vec<Finding> {
        let question = || {
            Question::new(
                Topic::Settings,
                subject,
                "what the app says of its settings",
            )
        };
        let mut found = Vec::new();
        if self.debug && !config.sites.first().origin.host.is_loopback() {
            found.push(question().fail(
                "runs in development mode (DEBUG) at a public origin",
                "switch it off in production: its error pages show settings and source",
            ));
        }
        if self.own_login && config.migration.mode == MigrationMode::Off {
            found.push(question().warn(
                "a login of the framework's own counts beside the gateway's (ACCEPT_DJANGO_LOGIN)",
                "take ACCEPT_DJANGO_LOGIN out: it is for the time of a migration",
            ));
        }
        found.extend(
            self.seen
                .iter()
                .flat_map(|seen| seen.judge(&question, asker)),
        );
        found.extend(self.findings.iter().map(|own| own.judge(question())));
        if found.is_empty() {
            found.push(question().ok("nothing to mend"));
        }
        found
    }
}

impl Seen {
    fn judge(&self, question: &impl Fn() -> Question, asker: &Asker) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(scheme) = &self.scheme
            && scheme != asker.proto()
        {
            found.push(question().fail(
                format!("takes requests of {} for {scheme}", asker.proto()),
                "let it believe X-Forwarded-Proto (Django: SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\"))",
            ));
        }
        if let Some(host) = &self.host
            && host != asker.authority()
        {
            found.push(question().warn(
                format!("sees the host {host} instead of {}", asker.authority()),
                "nothing may rewrite Host between the gateway and the app; or mend server.public_origin",
            ));
        }
        found
    }
}

impl Own {
    fn judge(&self, question: Question) -> Finding {
        let answer = format!("{}: {}", self.id, self.text);
        let remedy = if self.hint.is_empty() {
            "see the checks of the app's package".to_owned()
        } else {
            plain(&self.hint)
        };
        match self.level.as_str() {
            "error" => question.fail(answer, remedy),
            _ => question.warn(answer, remedy),
        }
    }
}
