//! `[store]`: the database that alone knows the truth.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use session_core::credentials::Login;
use session_core::secret::SecretString;
use session_core::store::postgres::{PostgresOptions, PostgresUrl};

use super::client_tls::{ClientTls, PemFile};
use super::duration::{ms, secs, within};
use super::file::Document;
use super::reader::Reader;
use super::secret::Sources;
use super::secret_file::{Password, SecretFile, is_same_place};
use crate::config::permissions::{self, OwnGroups};

const DEFAULT: &str = "sqlite:sidgate.db";

/// Suffixes of the files that SQLite keeps beside a database. All of them hold rows.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The store, and what the gateway may do to its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Where the store is.
    pub url: StoreUrl,
    /// The file that holds the whole URL. User and password in it are read again for each new connection.
    pub url_file: Option<SecretFile>,
    /// The password, when it does not stand in the URL.
    pub password: Option<Password>,
    /// Certificates for PostgreSQL, from the keys of the section or from the URL.
    pub tls: ClientTls,
    /// Most connections of requests at once.
    pub max_connections: usize,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long a read may take.
    pub read_timeout: Duration,
    /// How long a write may take.
    pub write_timeout: Duration,
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
        root.section("store", |store| {
            let mut url_file = None;
            let url = store.reference_or("url", DEFAULT, |text| {
                url_file = sources.file_of_url(text);
                StoreUrl::parse(sources.url(text)?, sources)
            });
            let default = PostgresOptions::default();
            let config = Self {
                url: url.unwrap_or_else(|| StoreUrl::Sqlite(sources.folder.join("sidgate.db"))),
                url_file,
                password: store.reference("password", |text| sources.password(text)),
                tls: ClientTls::read(store, sources),
                max_connections: store
                    .number("max_connections", 1..=1_000)
                    .unwrap_or(default.max_connections),
                acquire_timeout: store
                    .text("acquire_timeout", within(ms(1)..=secs(10)))
                    .unwrap_or(default.acquire_timeout),
                connect_timeout: store
                    .text("connect_timeout", within(ms(50)..=secs(10)))
                    .unwrap_or(default.connect_timeout),
                read_timeout: store
                    .text("read_timeout", within(ms(10)..=secs(10)))
                    .unwrap_or(default.read_timeout),
                write_timeout: store
                    .text("write_timeout", within(ms(100)..=secs(30)))
                    .unwrap_or(default.write_timeout),
                auto_migrate: store.flag("auto_migrate").unwrap_or(false),
            };
            config.with_files_of_url(store.document(), sources)
        })
    }

    /// The certificates that the URL names, and what contradicts it.
    fn with_files_of_url(mut self, document: &Document<'_>, sources: &Sources<'_>) -> Self {
        let say = |key: &str, message: &str| {
            document.contradiction(&[&format!("store.{key}"), "store.url"], message);
        };
        let StoreUrl::Postgres(url) = &self.url else {
            let key = self.password.as_ref().map(|_| "password");
            if let Some(key) = key.or(self.tls.some_key()) {
                say(key, "means nothing for SQLite");
            }
            return self;
        };
        let Ok(url) = PostgresUrl::read(url) else {
            return self;
        };
        if self.password.is_some() && url.has_password() {
            say("password", "is also in store.url; leave one of them out");
        }
        let of_url = files_of(&url, sources).unwrap_or_default();
        if let (Some(key), Some(_)) = (self.tls.some_key(), of_url.some_key()) {
            say(
                key,
                "store.url names certificates, too; name all of them in one place",
            );
        }
        if !of_url.is_empty() {
            self.tls = of_url;
        }
        if let Some(key) = self.tls.some_key()
            && url.forbids_tls()
        {
            say(key, "has no effect: store.url says sslmode=disable");
        }
        if let Some((key, message)) = self.tls.contradiction() {
            document.contradiction(
                &[
                    &format!("store.{key}"),
                    "store.ca",
                    "store.client_cert",
                    "store.client_key",
                    "store.url",
                ],
                message,
            );
        }
        self
    }

    /// Whether both lead to the same database. Behind an unchanged file, another account is not another database.
    #[must_use]
    pub fn leads_where(&self, other: &Self) -> bool {
        match (&self.url, &other.url) {
            (StoreUrl::Postgres(url), StoreUrl::Postgres(others)) => {
                self.url_file == other.url_file
                    && is_same_place(url, others, self.url_file.as_ref())
            }
            (url, others) => url == others,
        }
    }

    /// Who logs in, where that is not simply what the URL says.
    #[must_use]
    pub fn login(&self) -> Option<Login> {
        match (&self.password, &self.url_file) {
            (Some(password), _) => Some(Login::Password(Arc::new(password.clone()))),
            (None, Some(file)) => Some(Login::Url(Arc::new(file.clone()))),
            (None, None) => None,
        }
    }
}

impl StoreUrl {
    fn parse(url: SecretString, sources: &Sources<'_>) -> Result<Self, String> {
        match url.expose().split_once(':') {
            Some(("sqlite", path)) => sqlite_path(path, sources).map(Self::Sqlite),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") && rest.len() > 2 => {
                let read = PostgresUrl::read(&url).map_err(|refused| refused.to_string())?;
                files_of(&read, sources)?;
                Ok(Self::Postgres(url))
            }
            _ => Err("is neither \"sqlite:path\" nor a postgres:// URL".to_owned()),
        }
    }
}

/// The certificates that the parameters of a URL name.
fn files_of(url: &PostgresUrl, sources: &Sources<'_>) -> Result<ClientTls, String> {
    let files = url.tls_files();
    let open = |name: &str, path: &Option<String>, open: Open| {
        let opened = path.as_deref().map(|path| open(path, sources)).transpose();
        opened.map_err(|message| format!("{name}: {message}"))
    };
    Ok(ClientTls {
        ca: open("sslrootcert", &files.authorities, PemFile::open_authorities)?,
        client_cert: open("sslcert", &files.certificate, PemFile::open)?,
        client_key: open("sslkey", &files.key, PemFile::open_private)?,
    })
}

/// A way to open a file.
type Open = fn(&str, &Sources<'_>) -> Result<PemFile, String>;

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
