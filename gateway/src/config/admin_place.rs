//! Where the admin listener of a running gateway is, by its configuration file.
//!
//! Whoever asks a running process to read its file again must not have to read the whole file first: it may have faults, which
//! are for that process to tell, and its secrets may be in an environment that only that process has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use session_core::secret::SecretString;
use toml::{Table, Value};

use super::admin::token;
use super::faults::{Fault, Faults};
use super::host::socket_addr;
use super::secret::Sources;
use super::server::loopback;
use super::variables::{self, Env};

/// Where the admin listener is, and what it asks for.
#[derive(Debug)]
pub struct AdminPlace {
    /// An address at which it can be reached from this machine.
    pub address: SocketAddr,
    /// Its bearer token, if it has one.
    pub token: Option<SecretString>,
}

impl AdminPlace {
    /// Reads `server.admin_listen` and `admin.token` of the file at `path`, and nothing else.
    ///
    /// # Errors
    /// When the file is not TOML, or one of the two cannot be used.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let file = File::read(path)?;
        Ok(Self {
            address: file.address(env)?,
            token: file.token(env)?,
        })
    }

    /// Reads `server.admin_listen` alone, for what is told without a token.
    ///
    /// # Errors
    /// When the file is not TOML, or the address cannot be used.
    pub fn address(
        path: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<SocketAddr, Faults> {
        File::read(path)?.address(env)
    }
}

/// The file as it is written.
struct File<'a> {
    path: &'a Path,
    table: Table,
}

impl<'a> File<'a> {
    fn read(path: &'a Path) -> Result<Self, Faults> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| fault(path, "", format!("cannot be read: {error}")))?;
        // The error's own `Display` quotes the line, which may hold a password.
        let table =
            toml::from_str(&text).map_err(|error| fault(path, "", error.message().to_owned()))?;
        Ok(Self { path, table })
    }

    fn address(&self, env: Env<'_>) -> Result<SocketAddr, Faults> {
        match self.said("server", "admin_listen")? {
            Some(text) => listen(text, env)
                .map(reachable)
                .map_err(|message| fault(self.path, "server.admin_listen", message)),
            None => Ok(loopback(9901)),
        }
    }

    fn token(&self, env: Env<'_>) -> Result<Option<SecretString>, Faults> {
        let sources = Sources::new(self.path.parent().unwrap_or(Path::new("")), env);
        match self.said("admin", "token")? {
            Some(text) => {
                token(text, &sources).map_err(|message| fault(self.path, "admin.token", message))
            }
            None => Ok(None),
        }
    }

    fn said(&self, section: &str, key: &str) -> Result<Option<&str>, Faults> {
        let value = self.table.get(section).and_then(|section| section.get(key));
        match value {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(fault(
                self.path,
                &format!("{section}.{key}"),
                "must be a string".to_owned(),
            )),
        }
    }
}

fn fault(path: &Path, key: &str, message: String) -> Faults {
    let key = key.to_owned();
    let line = None;
    Faults::new(path, vec![Fault { key, line, message }])
}

/// The address that `written` means. A fault repeats no variable.
fn listen(written: &str, env: Env<'_>) -> Result<SocketAddr, String> {
    let expanded = variables::expand(written, env)?;
    socket_addr(&expanded.text).map_err(|message| expanded.told(message))
}

/// A listener on every address is reached by way of the loopback interface.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, listen.port()).into()
}
