//! What makes servers safe: a certificate, and a user who may do what the documentation says and nothing else.

#![expect(clippy::expect_used, reason = "test support")]

use std::path::{Path, PathBuf};

use super::TestRedis;
use crate::authority::Issued;

/// Who connects, and what he may do at a server. An empty list of rights is a server that does not know him.
#[derive(Clone, Debug)]
pub struct RedisUser {
    /// Name and password at once.
    pub name: String,
    /// Words of an access list, such as `+get`.
    pub rights: String,
}

/// How servers are secured. Tests themselves come by the plain port, as the default user.
#[derive(Clone, Debug)]
pub struct Secured {
    /// What servers show.
    pub shown: Issued,
    /// The authority that they believe, and that stands behind what they show.
    pub authority: PathBuf,
    /// Who may connect to the servers that hold values.
    pub user: RedisUser,
    /// Who may ask sentinels.
    pub asker: RedisUser,
}

impl RedisUser {
    /// One with these rights.
    #[must_use]
    pub fn new(name: &str, rights: &str) -> Self {
        Self {
            name: name.to_owned(),
            rights: rights.to_owned(),
        }
    }

    /// Makes him known to a server.
    ///
    /// # Panics
    /// When the server takes the rights for none.
    pub fn enter(&self, server: &TestRedis) {
        let password = format!(">{}", self.name);
        let words = ["ACL", "SETUSER", &self.name, "reset", "on", &password];
        let rights = self.rights.split_whitespace();
        let words: Vec<&str> = words.into_iter().chain(rights).collect();
        assert_eq!(server.command(&words).trim(), "OK", "{words:?}");
    }
}

/// Options of a server that speaks TLS at `port`.
pub(super) fn tls_options(
    port: u16,
    shown: &Issued,
    authority: &Path,
    clients: bool,
) -> Vec<String> {
    let clients = if clients { "yes" } else { "no" };
    let file = |path: &Path| path.to_str().expect("the path is UTF-8").to_owned();
    let all = [
        ("--tls-port", port.to_string()),
        ("--tls-cert-file", file(&shown.cert)),
        ("--tls-key-file", file(&shown.key)),
        ("--tls-ca-cert-file", file(authority)),
        ("--tls-auth-clients", clients.to_owned()),
    ];
    let all = all
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    all.collect()
}
