//! `[store]`: the database that alone knows the truth.

use std::path::{Path, PathBuf};

use session_core::secret::SecretString;
use session_core::store::postgres::PostgresUrl;

use super::reader::Reader;
use super::secret::Sources;
use crate::config::permissions::{self, OwnGroups};

const DEFAULT: &str = "sqlite:sidgate.db";

/// Suffixes of the files that SQLite keeps beside a database. All of them hold rows.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The store, and what the gateway may do to its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Where the store is.
    pub url: StoreUrl,
    /// Whether `run` may apply the schema on PostgreSQL. On SQLite it always does.
    pub auto_migrate: bool,
}

/// Which database, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file on this machine.
    Sqlite(PathBuf),
    /// A `postgres://` or `postgresql://` URL, as the operator wrote it.
    Postgres(SecretString),
}

impl StoreConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("store", |store| Self {
            url: store
                .text_or("url", DEFAULT, |text| {
                    StoreUrl::parse(sources.url(text)?, sources)
                })
                .unwrap_or_else(|| StoreUrl::Sqlite(sources.folder.join("sidgate.db"))),
            auto_migrate: store.flag("auto_migrate").unwrap_or(false),
        })
    }
}

impl StoreUrl {
    fn parse(url: SecretString, sources: &Sources<'_>) -> Result<Self, String> {
        match url.expose().split_once(':') {
            Some(("sqlite", path)) => sqlite_path(path, sources).map(Self::Sqlite),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") && rest.len() > 2 => {
                PostgresUrl::read(&url).map_err(|refused| refused.to_string())?;
                Ok(Self::Postgres(url))
            }
            _ => Err("is neither \"sqlite:path\" nor a postgres:// URL".to_owned()),
        }
    }
}

/// A plain path. SQLite's own notations (`:memory:`, `file:` URIs, `?mode=`) would open something that is not this
/// file, or lose every session with the process.
fn sqlite_path(path: &str, sources: &Sources<'_>) -> Result<PathBuf, String> {
    if path.starts_with("//") {
        return Err(
            "has slashes after \"sqlite:\" that are no part of a path; write \"sqlite:path\""
                .to_owned(),
        );
    }
    if path.contains([':', '?']) {
        return Err(
            "must name a plain file: a session store in memory forgets every login".to_owned(),
        );
    }
    let path = sources.private_path(path, OwnGroups::Write)?;
    check_beside(&path)?;
    Ok(path)
}

/// Checks the files beside a database. SQLite creates them with its mode, but would use one that somebody else put there.
fn check_beside(database: &Path) -> Result<(), String> {
    BESIDE.iter().try_for_each(|suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        permissions::check_private_at(Path::new(&name), OwnGroups::Write)
            .map_err(|exposed| exposed.to_string())
    })
}
