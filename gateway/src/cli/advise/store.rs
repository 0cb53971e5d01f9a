//! What the store says of its size.

use std::path::Path;
use std::time::Duration;

use session_core::store::postgres::PostgresStore;
use session_core::store::{SessionStore as _, StoreError};

use crate::advise::facts::Server;
use crate::cli::small_runtime;
use crate::config::{Config, StoreUrl};
use crate::run::wiring::{self, WiringError};

/// Longest wait for its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// A node that has not reported for so long is gone.
const LATELY: Duration = Duration::from_secs(10);

/// The size of the file, or what PostgreSQL says. A file is looked at, and not opened.
pub(super) fn look(config: &Config) -> Result<(u64, Option<Result<Server, String>>), WiringError> {
    match &config.store.url {
        StoreUrl::Sqlite(path) => Ok((file_bytes(path), None)),
        StoreUrl::Postgres(_) => {
            let told = small_runtime()?.block_on(async {
                let store = wiring::postgres(config)?;
                let asked = tokio::time::timeout(PATIENCE, ask(&store)).await;
                let asked = asked.unwrap_or_else(|_elapsed| Err(StoreError::timeout(PATIENCE)));
                Ok::<_, WiringError>(asked)
            })?;
            Ok((0, Some(told.map_err(|why| why.cause()))))
        }
    }
}

async fn ask(store: &PostgresStore) -> Result<Server, StoreError> {
    let figures = store.figures().await?;
    let nodes = store.nodes(LATELY).await?;
    Ok(Server {
        nodes: nodes.len(),
        bytes: figures.bytes,
        sessions: figures.sessions,
        connections_max: figures.connections_max,
        connections_open: figures.connections_open,
    })
}

/// The file and what stands in its log.
fn file_bytes(path: &Path) -> u64 {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    [path, Path::new(&wal)]
        .into_iter()
        .filter_map(|path| path.metadata().ok())
        .map(|file| file.len())
        .sum()
}
