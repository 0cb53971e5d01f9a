//! What stands between us and the server.
//!
//! Some poolers give each transaction another connection to the server. Statements that one client has prepared there are then
//! missing for it, or stand in the way of another: unless the pooler looks after them, a statement fails, or another one with
//! the same name is run. And some poolers throw away the settings that a connection asks for. Both is found out once, before
//! anything is believed that came this way.
//!
//! 1. A fresh connection must not find prepared statements of others, also while others hold theirs.
//! 2. A statement that one client has prepared must be there for it after another client has had a turn.
//! 3. The settings must be there.
//!
//! Which connection to the server a pooler gives away next is its own affair, so one look could miss it. The second look comes with
//! the next check of the schema, a minute later, when the node has been busy.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time;
use tokio_postgres::{Client, Error as PgError, SimpleQueryMessage};

use super::connect::Connector;
use super::fault::{self, Limit};
use crate::store::{SchemaError, StoreResult};

/// Settings without which a statement may run, or a transaction stand open, for ever.
pub(super) const LIMITS: [&str; 2] = ["statement_timeout", "idle_in_transaction_session_timeout"];

/// What the rules about logins (R8) and the numbering of events rely on.
const ISOLATION: &str = "read committed";

/// Names that the driver gives to statements.
const OF_OTHERS: &str = "SELECT 1 FROM pg_prepared_statements WHERE name ~ '^s[0-9]+$' LIMIT 1";

/// How often the two clients take turns at a look.
const TURNS: usize = 2;

/// Looks that nothing was found in, after which no other follows.
const LOOKS: u8 = 2;

/// How long a look may take: less than whoever asks for the check of the schema waits.
const LOOK: Duration = Duration::from_secs(4);

/// How long the second client waits for a connection to the server while the first one has one.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many looks have found nothing.
#[derive(Debug, Default)]
pub(super) struct Examination(AtomicU8);

impl Examination {
    /// # Errors
    /// When what is in between does not do, or nothing answers.
    pub(super) async fn pass(&self, connector: &Connector) -> StoreResult<()> {
        let looks = self.0.load(Ordering::Acquire);
        if looks >= LOOKS {
            return Ok(());
        }
        let limit = Limit::fixed(LOOK);
        let (first, second) = (connector.driven().await?, connector.driven().await?);
        let found = Box::pin(time::timeout(
            limit.time,
            examine(&first.client, &second.client),
        ));
        let found = match found.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.code().is_some_and(fault::is_mixed_up) => Found::MIXED_UP,
            Ok(Err(error)) => return Err(fault::store_error(&error, limit)),
            Err(_elapsed) => return Err(fault::timeout(limit)),
        };
        found.accept(looks == 0)?;
        self.0.store(looks + 1, Ordering::Release);
        Ok(())
    }
}

/// What was found out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    mixed_up: bool,
    /// Another isolation than [`ISOLATION`].
    isolation: Option<Box<str>>,
    /// Of [`LIMITS`].
    unlimited: Vec<&'static str>,
}

impl Found {
    const MIXED_UP: Self = Self {
        mixed_up: true,
        isolation: None,
        unlimited: Vec::new(),
    };

    /// Warns of what can be lived with, if that is asked for.
    fn accept(self, warns: bool) -> Result<(), SchemaError> {
        if self.mixed_up {
            return Err(SchemaError::Pooler);
        }
        if let Some(isolation) = self.isolation {
            return Err(SchemaError::Isolation(isolation));
        }
        if warns && !self.unlimited.is_empty() {
            tracing::warn!(
                settings = self.unlimited.join(", "),
                "settings that this node asks for did not arrive: a pooler ignores `options`; set them for the role \
                 (docs/postgresql.md#poolers)"
            );
        }
        Ok(())
    }
}

async fn examine(first: &Client, second: &Client) -> Result<Found, PgError> {
    if value(first, OF_OTHERS).await?.is_some() {
        return Ok(Found::MIXED_UP);
    }
    let found = settings(first).await?;
    let known = first.prepare("SELECT pg_backend_pid()").await?;
    for _ in 0..TURNS {
        first.batch_execute("BEGIN").await?;
        first.query_one(&known, &[]).await?;
        // Its answer may have to wait for the end of the other transaction, where there is one connection for all.
        let begun = second.batch_execute("BEGIN");
        tokio::pin!(begun);
        let early = time::timeout(PATIENCE, &mut begun).await;
        first.batch_execute("COMMIT").await?;
        match early {
            Ok(begun) => begun?,
            Err(_elapsed) => begun.await?,
        }
        let is_mixed_up = value(second, OF_OTHERS).await?.is_some();
        second.batch_execute("COMMIT").await?;
        if is_mixed_up {
            return Ok(Found::MIXED_UP);
        }
    }
    first.query_one(&known, &[]).await?;
    Ok(found)
}

async fn settings(client: &Client) -> Result<Found, PgError> {
    let isolation = value(client, "SHOW default_transaction_isolation").await?;
    let mut unlimited = Vec::new();
    for name in LIMITS {
        if value(client, &format!("SHOW {name}")).await?.as_deref() == Some("0") {
            unlimited.push(name);
        }
    }
    Ok(Found {
        mixed_up: false,
        isolation: isolation.filter(|isolation| &**isolation != ISOLATION),
        unlimited,
    })
}

/// The first value of a statement that is not prepared.
async fn value(client: &Client, sql: &str) -> Result<Option<Box<str>>, PgError> {
    let answer = client.simple_query(sql).await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(row.map(Into::into))
}
