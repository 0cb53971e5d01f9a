//! The apps: do their servers answer, do they know the gateway's questions, and whom do they believe?

mod ask;
mod facts;
mod forged;
mod heard;
mod past_us;
mod signature;

use std::sync::Arc;

use futures_util::future::join_all;
use http::Method;
use session_core::keys::Keyring;
use session_core::trust::TrustError;

use self::ask::Asker;
use self::facts::Facts;
use self::heard::{Heard, Listener, Nobody, What};
use super::Depth;
use super::clock;
use super::finding::{Finding, Question, Topic};
use crate::apps::address::Address;
use crate::apps::client::Client;
use crate::apps::resolver::Resolver;
use crate::apps::server::Server;
use crate::config::{
    Config, MigrationMode, PRIVATE_PREFIX, PasswordLogin, Upstream, UpstreamServer,
};

/// Addresses of one name that are asked.
const ADDRESSES_MAX: usize = 8;
/// How far an app's clock may be off, where it does not say, in milliseconds.
const LEEWAY_MS: i64 = 5_000;

/// Everything about every app, in the order of the configuration. Without keys nothing can be signed.
pub(super) async fn examine(config: &Config, keys: Option<&Keyring>, depth: Depth) -> Vec<Finding> {
    let client = &Arc::new(Client::new());
    let resolver = &Resolver::new(&config.server);
    let apps = config.upstreams.iter().map(|app| {
        Box::pin(async move {
            let asker = match Asker::new(config, app, client) {
                Ok(asker) => asker,
                Err(why) => return vec![unusable(app, &why)],
            };
            let examiner = Examiner {
                config,
                keys,
                depth,
                asker: &asker,
                resolver,
                app,
            };
            examiner.examine().await
        })
    });
    join_all(apps).await.into_iter().flatten().collect()
}

fn unusable(app: &Upstream, why: &TrustError) -> Finding {
    let question = Question::new(Topic::App, format!("app {}", app.name), "its certificates");
    let remedy = format!("mend upstreams.{}.tls", app.name);
    question.fail(why.to_string(), remedy)
}

/// One app on the table.
struct Examiner<'a> {
    config: &'a Config,
    keys: Option<&'a Keyring>,
    depth: Depth,
    asker: &'a Asker,
    resolver: &'a Resolver,
    app: &'a Arc<Upstream>,
}

impl Examiner<'_> {
    async fn examine(&self) -> Vec<Finding> {
        let servers = self.app.servers.iter();
        let examined = join_all(servers.map(|server| self.server(server))).await;
        let mut found = Vec::new();
        let mut pages_are_judged = false;
        for (findings, answering) in examined {
            found.extend(findings);
            // Servers of one app run the same code, so one of them is asked for pages.
            if let (Depth::Doctor, Some(keys), false, Some(server)) =
                (self.depth, self.keys, pages_are_judged, answering)
            {
                pages_are_judged = true;
                let subject = self.subject("app", &server.to_string());
                let judged =
                    forged::judge(self.asker, self.config, keys, self.app, &server, &subject);
                found.push(judged.await);
            }
        }
        found
    }

    /// Every address of one server, and one that answers.
    async fn server(&self, server: &UpstreamServer) -> (Vec<Finding>, Option<Server>) {
        let located = match self.resolver.locate(server).await {
            Ok(found) => found.places,
            Err(why) => {
                let question = Question::new(
                    Topic::Server,
                    self.subject("server", &server.to_string()),
                    "the addresses of its name",
                );
                let remedy = format!("mend upstreams.{}.servers, or the name", self.app.name);
                return (vec![question.fail(why, remedy)], None);
            }
        };
        let asked = located
            .into_iter()
            .take(ADDRESSES_MAX)
            .map(|at| self.place(Server::new(at)));
        let mut found = Vec::new();
        let mut answering = None;
        for (findings, server) in join_all(asked).await {
            found.extend(findings);
            answering = answering.or(server);
        }
        (found, answering)
    }

    async fn place(&self, server: Server) -> (Vec<Finding>, Option<Server>) {
        let place = server.to_string();
        let path = format!("{PRIVATE_PREFIX}/");
        let question = Question::new(
            Topic::Server,
            self.subject("server", &place),
            format!("HEAD {path}, where no app has a page"),
        );
        let answer = self
            .asker
            .ask(&server, Method::HEAD, &path, &[], Vec::new())
            .await;
        let status = match answer {
            Ok(answer) => answer.status,
            Err(why) => {
                let remedy = format!("start the app, or mend upstreams.{}.servers", self.app.name);
                return (vec![question.fail(why, remedy)], None);
            }
        };
        let line = format!("answers HTTP {status}");
        let mut found = vec![if status < 500 {
            question.ok(line)
        } else {
            question.warn(line, "see the app's own log")
        }];
        let mut refuses_strangers = false;
        if let Some(keys) = self.keys {
            let listener = Listener {
                asker: self.asker,
                config: self.config,
                keys,
                app: &self.app.name,
                server: &server,
                nobody: self.nobody(),
            };
            let heard = listener.hear().await;
            if let What::Facts(facts) = &heard.what {
                refuses_strangers = facts.refuses_strangers();
            }
            found.extend(self.judge(&place, &heard));
        } else if self.is_backend() {
            let words = "there is no master key yet: `sidgate run` creates it";
            found.push(self.question(&place).skipped(words));
        }
        if let (Depth::Doctor, Address::Tcp(address)) = (self.depth, &server.at.address) {
            let subject = self.subject("app", &place);
            found.push(past_us::judge(*address, &subject, refuses_strangers).await);
        }
        (found, Some(server))
    }

    fn judge(&self, place: &str, heard: &Heard) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some((wrong, remedy)) = heard.kind.words(&self.app.name) {
            let question = Question::new(
                Topic::Key,
                self.subject("app", place),
                "questions signed with its own key, and with those of the others",
            );
            found.push(question.fail(wrong, remedy));
        } else {
            found.extend(self.answer(place, &heard.what));
        }
        found.extend(self.clock(place, heard));
        if let (Depth::Doctor, What::Facts(facts)) = (self.depth, &heard.what) {
            let subject = self.subject("app", place);
            found.push(facts.assertions(&subject));
            found.extend(facts.settings(&subject, self.config, self.asker));
        }
        found
    }

    /// What it says to the gateway's questions.
    fn answer(&self, place: &str, what: &What) -> Option<Finding> {
        let question = self.question(place);
        let urls = format!(
            "does it have its key and its name (`sidgate keys upstream {}`), and are the package's URLs included?",
            self.app.name
        );
        Some(match what {
            What::Facts(facts) => match self.missing_call(facts) {
                None => question.ok(facts.software()),
                Some(call) => question.fail(
                    format!("{}; does not answer {PRIVATE_PREFIX}/{call}", facts.software()),
                    match call {
                        "authenticate" => "include sidgate_django.login_urls (Next.js: give sidgateBackend an authenticate), or set endpoints.password_login = false",
                        _ => "include sidgate_django.urls (Next.js: give sidgateBackend an introspect), or set migration.mode = \"off\"",
                    },
                ),
            },
            What::RefusedNobody(call, status) => question.ok(format!(
                "{call} answers {status} to nobody, and there is no doctor to ask"
            )),
            What::Hidden if self.nobody() == Some(Nobody::AUTHENTICATE) => question.fail(
                format!("404 at {PRIVATE_PREFIX}/authenticate"),
                format!("{urls} (Django: sidgate_django.login_urls)"),
            ),
            What::Hidden if self.nobody() == Some(Nobody::INTROSPECT) => question.fail(
                format!("404 at {PRIVATE_PREFIX}/introspect"),
                format!("{urls} (Django: sidgate_django.urls)"),
            ),
            What::Hidden if self.depth == Depth::Doctor || self.is_backend() => question.skipped(
                format!("says nothing about itself: {urls}"),
            ),
            What::Hidden => return None,
            What::Odd(call, why) if self.is_backend() => question.fail(
                format!("{PRIVATE_PREFIX}/{call} {why}"),
                "see the app's own log",
            ),
            What::Odd(call, why) => question.warn(
                format!("{PRIVATE_PREFIX}/{call} {why}"),
                "see the app's own log",
            ),
            What::Silent(why) => question.fail(why, "see the app's own log"),
        })
    }

    fn clock(&self, place: &str, heard: &Heard) -> Option<Finding> {
        let (ahead, exact) = heard.ahead_ms?;
        let leeway = match &heard.what {
            What::Facts(facts) => facts.leeway.map(|seconds| seconds.saturating_mul(1_000)),
            _ => None,
        };
        let question = Question::new(
            Topic::Clock,
            format!("clock of {} {place}", self.app.name),
            if exact {
                "its time"
            } else {
                "the date of its answer"
            },
        );
        let finding = clock::judge(question, ahead, exact, leeway.unwrap_or(LEEWAY_MS));
        (self.depth == Depth::Doctor || finding.remedy.is_some()).then_some(finding)
    }

    /// A question that the configuration needs and the app does not answer.
    fn missing_call(&self, facts: &Facts) -> Option<&'static str> {
        let calls = facts.calls.as_ref()?;
        let needed = [
            (self.authenticates(), "authenticate"),
            (self.introspects(), "introspect"),
        ];
        needed
            .into_iter()
            .find(|(is_needed, call)| *is_needed && !calls.iter().any(|known| known == call))
            .map(|(_, call)| call)
    }

    fn question(&self, place: &str) -> Question {
        let kind = if self.is_backend() { "backend" } else { "app" };
        let asked = format!("POST {PRIVATE_PREFIX}/doctor, signed");
        Question::new(Topic::App, self.subject(kind, place), asked)
    }

    fn subject(&self, kind: &str, place: &str) -> String {
        format!("{kind} {} {place}", self.app.name)
    }

    fn is_backend(&self) -> bool {
        self.app.name == self.config.backend.upstream.name
    }

    /// What it is asked about nobody, where it does not answer `doctor`.
    fn nobody(&self) -> Option<Nobody> {
        if self.authenticates() {
            return Some(Nobody::AUTHENTICATE);
        }
        self.introspects().then_some(Nobody::INTROSPECT)
    }

    fn authenticates(&self) -> bool {
        self.is_backend() && self.config.endpoints.password_login != PasswordLogin::Off
    }

    fn introspects(&self) -> bool {
        self.is_backend() && self.config.migration.mode != MigrationMode::Off
    }
}
