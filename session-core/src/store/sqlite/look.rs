//! Looks at a file and leaves it as it is: no journal appears beside it, and none goes away.
//!
//! A file that a gateway has open is read as any reader does. One that nobody has open is read as if it could not change:
//! otherwise SQLite would make a journal for it.

use std::path::{Path, PathBuf};

use tokio::task;
use tokio_rusqlite::rusqlite::{self, Connection, OpenFlags};

use super::lane::store_error;
use super::schema;
use crate::store::{About, SchemaError, SchemaStatus, StoreError, StoreResult};

/// What the file at `path` is, and whether its schema is in force.
///
/// # Errors
/// When it cannot be read, or is not a database.
pub async fn look(path: &Path) -> StoreResult<(About, Result<(), SchemaError>)> {
    let path = path.to_owned();
    let looked = task::spawn_blocking(move || look_now(&path));
    looked.await.map_err(StoreError::unavailable)?
}

fn look_now(path: &Path) -> StoreResult<(About, Result<(), SchemaError>)> {
    let in_use = beside(path, "-wal").exists() && beside(path, "-shm").exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path, in_use), flags).map_err(store_error)?;
    let status = match schema::status(&connection) {
        Err(StoreError::Schema(SchemaError::Missing)) => SchemaStatus::ABSENT,
        status => status?,
    };
    let about = About {
        server: format!("SQLite {}", rusqlite::version()),
        database: path.display().to_string(),
        role: None,
        schema: status,
        tls: None,
        unlimited: Vec::new(),
    };
    match schema::check(&connection) {
        Ok(()) => Ok((about, Ok(()))),
        Err(StoreError::Schema(wrong)) => Ok((about, Err(wrong))),
        Err(other) => Err(other),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn uri(path: &Path, in_use: bool) -> String {
    let mut uri = String::from("file:");
    for letter in path.to_string_lossy().chars() {
        match letter {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    if !in_use {
        uri.push_str("?immutable=1");
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_in_a_uri() {
        assert_eq!(uri(Path::new("/a/b.db"), true), "file:/a/b.db");
        assert_eq!(
            uri(Path::new("/50%#1?.db"), false),
            "file:/50%25%231%3f.db?immutable=1"
        );
    }
}
