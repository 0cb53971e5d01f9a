//! How Patroni runs the servers.

use std::path::Path;

use serde_json::{Value, json};

/// Whose word a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// Nobody's.
    Asynchronous,
    /// That of a standby; with none left, nobody's.
    Synchronous,
    /// That of a standby, always.
    Strict,
}

/// What is asked of Patroni. Times in seconds.
#[derive(Clone, Copy, Debug)]
pub struct PatroniSettings {
    /// After which a leader that is not heard of is none.
    pub ttl: u32,
    /// Between two looks of a member.
    pub loop_wait: u32,
    /// How long etcd and PostgreSQL are asked again.
    pub retry_timeout: u32,
    /// Whose word a commit waits for.
    pub commits: Commits,
    /// Whether a leader stays when etcd is lost and every member agrees.
    pub failsafe: bool,
    /// MiB of a disk of its own for each server. Needs root.
    pub disk: Option<u32>,
}

impl PatroniSettings {
    /// Quicker than anybody would run it.
    #[must_use]
    pub const fn quick(commits: Commits) -> Self {
        Self {
            ttl: 5,
            loop_wait: 1,
            retry_timeout: 2,
            commits,
            failsafe: false,
            disk: None,
        }
    }

    /// What Patroni does unless told otherwise.
    #[must_use]
    pub const fn usual(commits: Commits) -> Self {
        Self {
            ttl: 30,
            loop_wait: 10,
            retry_timeout: 10,
            commits,
            failsafe: false,
            disk: None,
        }
    }

    /// Whether a commit waits for a standby.
    #[must_use]
    pub fn is_synchronous(&self) -> bool {
        self.commits != Commits::Asynchronous
    }

    /// What all members agree on.
    pub(super) fn shared(&self) -> Value {
        json!({
            "ttl": self.ttl,
            "loop_wait": self.loop_wait,
            "retry_timeout": self.retry_timeout,
            "maximum_lag_on_failover": 1_048_576,
            "synchronous_mode": self.is_synchronous(),
            "synchronous_mode_strict": self.commits == Commits::Strict,
            "failsafe_mode": self.failsafe,
            "postgresql": {
                "use_pg_rewind": true,
                "use_slots": true,
                "parameters": {
                    "fsync": "off",
                    "full_page_writes": "off",
                    "wal_log_hints": "on",
                    "shared_buffers": "32MB",
                    "max_connections": 200,
                    // In the folder of the data, so that nothing stays behind after a kill.
                    "dynamic_shared_memory_type": "mmap",
                },
            },
        })
    }
}

/// Where one member is, by the addresses that it tells the others.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) home: &'a Path,
    pub(super) programs: &'a Path,
    /// Its own ports, and those by which others reach it.
    pub(super) postgres: (u16, u16),
    pub(super) patroni: (u16, u16),
    pub(super) etcd: u16,
}

/// The configuration of a member, as JSON, which is YAML.
pub(super) fn of(place: &Place<'_>, settings: &PatroniSettings) -> Value {
    let at = |port: u16| format!("127.0.0.1:{port}");
    let file = |name: &str| place.home.join(name).display().to_string();
    json!({
        "scope": "sidgate",
        "name": place.name,
        "restapi": { "listen": at(place.patroni.0), "connect_address": at(place.patroni.1) },
        "etcd3": { "host": at(place.etcd) },
        "bootstrap": {
            "dcs": settings.shared(),
            // Small segments, so that a disk can be small too.
            "initdb": [
                { "encoding": "UTF8" }, { "locale": "C" }, { "auth": "trust" }, { "wal-segsize": "1" }, "no-sync",
            ],
        },
        "postgresql": {
            "listen": at(place.postgres.0),
            "connect_address": at(place.postgres.1),
            "data_dir": file("data"),
            "bin_dir": place.programs.display().to_string(),
            "pgpass": file("pgpass"),
            "authentication": { "superuser": { "username": "postgres" }, "replication": { "username": "postgres" } },
            "parameters": {
                "unix_socket_directories": file(""),
                "ssl": "on",
                "ssl_cert_file": file("server.pem"),
                "ssl_key_file": file("server.key"),
            },
            "basebackup": [{ "checkpoint": "fast" }, "no-sync"],
            "pg_hba": [
                "local all postgres trust",
                "host all postgres 127.0.0.1/32 trust",
                "host replication postgres 127.0.0.1/32 trust",
                "hostssl all all 127.0.0.1/32 scram-sha-256",
            ],
        },
    })
}
