//! Where a database is, for logs: what a URL says of it without user and password.

use tokio_postgres::config::Host;

use super::url::PostgresUrl;
use crate::secret::SecretString;

/// Port of PostgreSQL.
const PORT: u16 = 5_432;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its servers as `host:port`, or folders of sockets.
    pub servers: Vec<String>,
    /// Its name; `None`: that of the user.
    pub database: Option<String>,
}

/// Where the database of `url` is. `None` when that cannot be read.
#[must_use]
pub fn place(url: &SecretString) -> Option<Place> {
    let config = PostgresUrl::read(url).ok()?.config;
    let ports = config.get_ports();
    let servers = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(PORT);
        match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => folder.display().to_string(),
        }
    });
    Some(Place {
        servers: servers.collect(),
        database: config.get_dbname().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_servers_and_a_name_and_no_account() {
        let of = |url: &str| place(&SecretString::new(url.to_owned())).unwrap();
        let one = of("postgres://gw:hunter2@db.internal/sidgate?sslmode=verify-full&sslrootcert=x");
        assert_eq!(one.servers, ["db.internal:5432"]);
        assert_eq!(one.database.as_deref(), Some("sidgate"));
        assert!(!format!("{one:?}").contains("hunter2"));
        let two = of("postgresql://gw@a:1,b:2/x?target_session_attrs=read-write");
        assert_eq!(two.servers, ["a:1", "b:2"]);
        let none = of("postgres://gw@[::1]:7");
        assert_eq!(none.servers, ["[::1]:7"]);
        assert_eq!(none.database, None);
    }
}
