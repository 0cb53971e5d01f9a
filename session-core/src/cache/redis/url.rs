//! What a Redis URL says. fred reads it too, and passes over what it does not know.
//!
//! No message made here contains more of a URL than the name of a parameter.

use std::net::IpAddr;

use fred::types::config::Config;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::cause::parameter;
use crate::credentials::Account;
use crate::secret::SecretString;
use crate::trust::TrustError;

/// How the Redis servers are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// `redis://`, `rediss://`
    Single,
    /// `redis-cluster://`, `rediss-cluster://`
    Cluster,
    /// `redis-sentinel://`, `rediss-sentinel://`
    Sentinel,
}

/// A URL that was understood.
#[derive(Clone, Debug)]
pub struct RedisUrl {
    /// How the servers are arranged.
    pub topology: Topology,
    /// Whether connections use TLS.
    pub tls: bool,
    /// fred's settings, without TLS.
    pub(super) config: Config,
}

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRedisUrl {
    /// It is one of something else.
    #[error("is not a redis://, rediss://, redis-cluster:// or redis-sentinel:// URL")]
    Scheme,
    /// It names no host.
    #[error("names no host")]
    NoHost,
    /// fred cannot read it. What it says may quote a password.
    #[error("is not a usable Redis URL: host and port must be right")]
    Address,
    /// What stands behind the slash is no number.
    #[error(
        "has something behind the slash that is no database: it must be a number from 0 to 255"
    )]
    Database,
    /// A cluster has no databases.
    #[error("has a database behind the slash, and a cluster has none")]
    ClusterDatabase,
    /// What begins with `#` means nothing.
    #[error("has a #, which begins nothing here; in a password it is written as %23")]
    Fragment,
    /// Sentinels are asked for a service.
    #[error("needs ?sentinelServiceName=NAME, as every sentinel URL does")]
    NoService,
    /// Another server is not `host:port`.
    #[error("has a node= that is not host:port")]
    Node,
    /// A parameter that has no place here.
    #[error("has the parameter {name}, which has no place here: {instead}")]
    Parameter {
        /// Its name.
        name: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A parameter that nobody knows.
    #[error("has the parameter {name}, which is unknown{known}")]
    Unknown {
        /// Its name.
        name: String,
        /// Those that such a URL may have.
        known: &'static str,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(TrustError),
    /// A parameter is there twice.
    #[error("has the parameter {0} twice")]
    Twice(String),
}

/// What parameters of other programs mean, and what to write here.
const INSTEAD: [(&str, &str); 20] = [
    ("ca", "set cache.ca"),
    ("ca_file", "set cache.ca"),
    ("cacert", "set cache.ca"),
    ("sslrootcert", "set cache.ca"),
    ("ssl_ca_certs", "set cache.ca"),
    ("ssl_certfile", "set cache.client_cert"),
    ("ssl_keyfile", "set cache.client_key"),
    ("cert", "set cache.client_cert"),
    ("key", "set cache.client_key"),
    ("ssl", "write rediss://"),
    ("tls", "write rediss://"),
    (
        "ssl_cert_reqs",
        "certificates are always verified; authorities of your own go into cache.ca",
    ),
    (
        "insecure",
        "certificates are always verified; authorities of your own go into cache.ca",
    ),
    (
        "skip_verify",
        "certificates are always verified; authorities of your own go into cache.ca",
    ),
    ("db", "write the database behind a slash"),
    ("username", "write the user in front of the host"),
    (
        "password",
        "write the password in front of the host, or set cache.password",
    ),
    ("timeout", "set cache.command_timeout"),
    ("socket_timeout", "set cache.command_timeout"),
    ("socket_connect_timeout", "set cache.connect_timeout"),
];

impl Topology {
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Single => &[],
            Self::Cluster => &["node"],
            Self::Sentinel => &[
                "node",
                "sentinelServiceName",
                "sentinelUsername",
                "sentinelPassword",
            ],
        }
    }

    const fn known(self) -> &'static str {
        match self {
            Self::Single => "; such a URL has none",
            Self::Cluster => "; known is node",
            Self::Sentinel => {
                "; known are node, sentinelServiceName, sentinelUsername and sentinelPassword"
            }
        }
    }
}

impl RedisUrl {
    /// The servers that it names, as `host:port`.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        let hosts = self.config.server.hosts();
        let hosts = hosts.iter();
        hosts
            .map(|server| format!("{}:{}", server.host, server.port))
            .collect()
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, never what was written.
    pub fn read(url: &SecretString) -> Result<Self, BadRedisUrl> {
        let (scheme, rest) = url.expose().split_once("://").ok_or(BadRedisUrl::Scheme)?;
        let (tls, topology) = scheme_of(scheme)?;
        if rest.contains('#') {
            return Err(BadRedisUrl::Fragment);
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_once('/').unwrap_or((before, ""));
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        if host.is_empty() || host.starts_with(':') {
            return Err(BadRedisUrl::NoHost);
        }
        check_database(path, topology)?;
        check_query(query, topology)?;
        // fred would read the system's authorities by itself, and fail at the first odd one.
        let family = scheme.replacen("rediss", "redis", 1);
        let text = SecretString::new(format!("{family}://{rest}"));
        let config = Config::from_url(text.expose()).map_err(|_error| BadRedisUrl::Address)?;
        Ok(Self {
            topology,
            tls,
            config,
        })
    }

    /// Whether it holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.password.is_some()
    }

    /// Whether it names a user. Redis is not told who that is without a password.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.config.username.is_some()
    }

    /// Whether all servers that it names are on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.config.server.hosts().iter().all(|server| {
            let host: &str = &server.host;
            let address = host.trim_matches(['[', ']']).parse();
            host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
        })
    }
}

/// User and password of a URL.
pub(super) fn account(url: &SecretString) -> Option<Account> {
    let config = RedisUrl::read(url).ok()?.config;
    Some(Account {
        user: config.username,
        password: config.password.map(SecretString::new),
    })
}

fn scheme_of(scheme: &str) -> Result<(bool, Topology), BadRedisUrl> {
    let (family, topology) = match scheme.split_once('-') {
        None => (scheme, Topology::Single),
        Some((family, "cluster")) => (family, Topology::Cluster),
        Some((family, "sentinel")) => (family, Topology::Sentinel),
        Some(_) => return Err(BadRedisUrl::Scheme),
    };
    match family {
        "redis" => Ok((false, topology)),
        "rediss" => Ok((true, topology)),
        _ => Err(BadRedisUrl::Scheme),
    }
}

fn check_database(path: &str, topology: Topology) -> Result<(), BadRedisUrl> {
    match (path, topology) {
        ("", _) => Ok(()),
        (_, Topology::Cluster) => Err(BadRedisUrl::ClusterDatabase),
        (number, _) => match number.parse::<u8>() {
            Ok(_number) => Ok(()),
            Err(_error) => Err(BadRedisUrl::Database),
        },
    }
}

fn check_query(query: &str, topology: Topology) -> Result<(), BadRedisUrl> {
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        check_name(name, topology)?;
        if name == "node" {
            check_node(value)?;
        } else if seen.contains(&name) {
            return Err(BadRedisUrl::Twice(name.to_owned()));
        } else if !value.is_empty() {
            seen.push(name);
        }
    }
    if topology == Topology::Sentinel && !seen.contains(&"sentinelServiceName") {
        return Err(BadRedisUrl::NoService);
    }
    Ok(())
}

fn check_name(name: &str, topology: Topology) -> Result<(), BadRedisUrl> {
    if topology.parameters().contains(&name) {
        return Ok(());
    }
    let instead = INSTEAD.iter().find(|(known, _)| *known == name);
    Err(match instead {
        Some((_, instead)) => BadRedisUrl::Parameter {
            name: name.to_owned(),
            instead,
        },
        None => BadRedisUrl::Unknown {
            name: parameter(name),
            known: topology.known(),
        },
    })
}

fn check_node(value: &str) -> Result<(), BadRedisUrl> {
    let value = percent_decode_str(value).decode_utf8_lossy();
    let port = value.split_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_port)) => Ok(()),
        _ => Err(BadRedisUrl::Node),
    }
}

#[cfg(test)]
mod tests;
