//! The store: does it answer, in which version, with which schema and which rights? How far off is its clock, and do its
//! notifications arrive?

use std::path::Path;
use std::time::Duration;

use session_core::clock::{Clock as _, SystemClock};
use session_core::hint::HintError;
use session_core::store::sqlite::look;
use session_core::store::{About, NamedServer, Rights, SchemaError, SessionStore, StoreError};

use super::Depth;
use super::clock;
use super::finding::{Finding, Question, Topic};
use crate::config::{Config, StoreUrl};
use crate::run::wiring;

/// Longest wait for one answer, whatever the store's own limits are.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far its clock may be off, in milliseconds. Sessions end by it.
const CLOCK_LIMIT_MS: i64 = 5_000;
const APPLY: &str = "type `sidgate schema apply`";

/// Everything about it.
pub(super) async fn examine(config: &Config, depth: Depth) -> Vec<Finding> {
    match &config.store.url {
        StoreUrl::Sqlite(path) => vec![file(path).await],
        StoreUrl::Postgres(_) => server(config, depth).await,
    }
}

fn question() -> Question {
    Question::new(
        Topic::Store,
        "store",
        "its version, its schema, who we are, and our rights",
    )
}

/// A file is looked at, and not opened as a store: that would write.
async fn file(path: &Path) -> Finding {
    if !path.exists() {
        return question().skipped("the file does not exist yet: `sidgate run` creates it");
    }
    match within(look(path)).await {
        Ok((about, Ok(()))) => question().ok(line(&about)),
        Ok((about, Err(SchemaError::Missing | SchemaError::Old { .. }))) => question().ok(format!(
            "{}: `sidgate run` brings it up to date",
            line(&about)
        )),
        Ok((about, Err(wrong))) => question().fail(
            format!("{}: {wrong}", line(&about)),
            "use the version of Sidgate that the file was made with, or a newer one",
        ),
        Err(why) => question().fail(why.cause(), "mend store.url, or the file"),
    }
}

async fn server(config: &Config, depth: Depth) -> Vec<Finding> {
    let store = match wiring::store(config).await {
        Ok(store) => store,
        Err(why) => return vec![question().fail(why.to_string(), "mend store.url")],
    };
    let about = match within(store.about()).await {
        Ok(about) => about,
        Err(why) => {
            let remedy = "mend store.url, or let the server accept it";
            return vec![question().fail(why.cause(), remedy)];
        }
    };
    // One after another: behind a pooler they may share one connection.
    let mut found = schema_and_rights(config, store.as_ref(), &about).await;
    found.extend(servers(store.as_ref()).await);
    if depth == Depth::Doctor {
        found.extend(its_clock(store.as_ref()).await);
        found.extend(notify(store.as_ref()).await);
    }
    found
}

async fn schema_and_rights(
    config: &Config,
    store: &dyn SessionStore,
    about: &About,
) -> Vec<Finding> {
    let line = line(about);
    let rights = match within(store.rights()).await {
        Ok(rights) => rights,
        // What is there instead, the check of the schema says.
        Err(StoreError::Schema(_)) => Rights::default(),
        Err(why) => return vec![question().fail(format!("{line}: {why}"), "see the server's log")],
    };
    let needless = needless(config, &rights);
    if let Err(missing) = rights.accept() {
        let mut grants = rights.missing.iter().map(ToString::to_string);
        let remedy = match grants.len() {
            0..=3 => grants.by_ref().collect::<Vec<_>>().join("; "),
            _ => "type `sidgate schema grants --role ROLE`, and run what it prints".to_owned(),
        };
        let mut found = vec![question().fail(format!("{line}: {missing}"), remedy)];
        found.extend(needless);
        return found;
    }
    let first = match within(store.check_schema()).await {
        Ok(()) => question().ok(line),
        Err(StoreError::Schema(wrong)) if wiring::mends(config, &wrong) => {
            question().ok(format!("{line}: `sidgate run` brings it up to date"))
        }
        Err(StoreError::Schema(wrong @ (SchemaError::Missing | SchemaError::Old { .. }))) => {
            question().fail(format!("{line}: {wrong}"), APPLY)
        }
        Err(why) => question().fail(format!("{line}: {why}"), "see docs/operations.md"),
    };
    let mut found = vec![first];
    found.extend(needless);
    found.extend(unlimited(about));
    found
}

/// Settings that our connections ask for, and that did not arrive.
fn unlimited(about: &About) -> Option<Finding> {
    if about.unlimited.is_empty() {
        return None;
    }
    let question = Question::new(Topic::Limits, "store", "the limits of our connections");
    Some(question.warn(
        format!(
            "{} not in force: a pooler ignores what connections ask for",
            about.unlimited.join(", ")
        ),
        "set them for the role: docs/postgresql.md#poolers",
    ))
}

/// Each of several servers. One that cannot be asked is missed only when the primary fails.
async fn servers(store: &dyn SessionStore) -> Option<Finding> {
    let question = Question::new(
        Topic::Store,
        "store servers",
        "each server that store.url names: does it take writes?",
    );
    let servers = match within(store.servers()).await {
        Ok(servers) if servers.len() < 2 => return None,
        Ok(servers) => servers,
        Err(why) => return Some(question.skipped(why.cause())),
    };
    let told: Vec<_> = servers.iter().map(told).collect();
    let told = told.join("; ");
    let take_writes = |server: &&NamedServer| matches!(server.takes_writes, Ok(true));
    Some(
        if servers.iter().any(|server| server.takes_writes.is_err()) {
            let remedy = "mend the server or store.url: if it becomes the primary, nobody finds it";
            question.warn(told, remedy)
        } else if servers.iter().filter(take_writes).count() > 1 {
            let remedy = "name poolers of one primary only; of two primaries stop one at once: each forgets what the other is told";
            question.warn(told, remedy)
        } else {
            question.ok(told)
        },
    )
}

/// `db1:5432 takes writes`.
fn told(server: &NamedServer) -> String {
    let address = &server.address;
    match &server.takes_writes {
        Ok(true) => format!("{address} takes writes"),
        Ok(false) => format!("{address} is a standby"),
        Err(why) => format!("{address} does not answer: {}", why.cause()),
    }
}

/// Rights that no gateway needs. The role that applies the schema must own it.
fn needless(config: &Config, rights: &Rights) -> Option<Finding> {
    let is_needless = |right: &&&str| !wiring::may_migrate(config) || **right == "is a superuser";
    let needless: Vec<_> = rights
        .needless
        .iter()
        .filter(is_needless)
        .copied()
        .collect();
    if needless.is_empty() {
        return None;
    }
    let question = Question::new(Topic::Rights, "store", "what our role may do there");
    Some(question.warn(
        format!("the role {}, which no gateway needs", needless.join(", ")),
        "connect as another role, with what `sidgate schema grants --role ROLE` prints and no more",
    ))
}

/// `PostgreSQL 15.6, schema 11, role gw, TLS 1.3`.
fn line(about: &About) -> String {
    let mut line = format!("{}, schema {}", about.server, about.schema.found);
    if let Some(role) = &about.role {
        line.push_str(&format!(", role {role}"));
    }
    if about.role.is_some() {
        line.push_str(", ");
        line.push_str(about.tls.as_deref().unwrap_or("no TLS"));
    }
    line
}

async fn its_clock(store: &dyn SessionStore) -> Option<Finding> {
    let question = Question::new(Topic::Clock, "clock of store", "clock_timestamp()");
    let begun = SystemClock.wall();
    Some(match within(store.clock()).await {
        Ok(theirs) => {
            let half = SystemClock.wall().since(begun) / 2;
            let ours = begun.plus(half).as_micros();
            let ahead = theirs?.as_micros().saturating_sub(ours).div_euclid(1_000);
            clock::judge(question, ahead, true, CLOCK_LIMIT_MS)
        }
        Err(why) => question.skipped(why.cause()),
    })
}

async fn notify(store: &dyn SessionStore) -> Option<Finding> {
    let question = Question::new(Topic::Notify, "store", "LISTEN, and a NOTIFY of our own");
    let remedy = "let store.url lead to PostgreSQL itself, or to a pool in session mode";
    let listened = tokio::time::timeout(PATIENCE, store.listen()).await;
    Some(match listened {
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(_))) => question.ok("the notification arrives"),
        Ok(Err(HintError::Swallowed)) => question.warn(
            "LISTEN is accepted, and no notification arrives: there is a pooler in transaction mode",
            remedy,
        ),
        Ok(Err(why)) => question.fail(why.cause(), remedy),
        Err(_elapsed) => question.fail("no answer in time", remedy),
    })
}

async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::unavailable(elapsed)),
    }
}
