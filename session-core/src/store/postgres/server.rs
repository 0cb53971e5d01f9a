//! One of the servers that a URL names, with the settings that are asked of all.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

use crate::cause::Peer;
use crate::credentials::Account;
use crate::entropy::{self, SystemEntropy};

const DEFAULT_PORT: u16 = 5432;

/// One server.
pub(super) struct Server {
    config: Config,
    /// `host:port`, or the folder of its socket.
    address: String,
}

impl Server {
    /// Each server of `config`, in the order in which they are to be tried.
    pub(super) fn each_of(config: &Config) -> Vec<Self> {
        let hosts = config.get_hosts();
        let mut servers: Vec<Self> = (0..hosts.len())
            .filter_map(|at| Self::nth(config, at))
            .collect();
        if config.get_load_balance_hosts() == LoadBalanceHosts::Random && !servers.is_empty() {
            // Without entropy the order is that of the URL.
            let [byte] = entropy::bytes(&SystemEntropy).unwrap_or([0]);
            let first = usize::from(byte) % servers.len();
            servers.rotate_left(first);
        }
        servers
    }

    fn nth(config: &Config, at: usize) -> Option<Self> {
        let host = config.get_hosts().get(at)?;
        let ports = config.get_ports();
        let port = ports.get(at).or(ports.first()).copied();
        let port = port.unwrap_or(DEFAULT_PORT);
        let mut one = settings_of(config);
        one.port(port);
        if let Some(address) = config.get_hostaddrs().get(at) {
            one.hostaddr(*address);
        }
        let address = match host {
            Host::Tcp(name) => {
                one.host(name);
                format!("{name}:{port}")
            }
            Host::Unix(folder) => {
                one.host_path(folder);
                format!("{}/.s.PGSQL.{port}", folder.display())
            }
        };
        Some(Self {
            config: one,
            address,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Settings of a new connection, which logs in as `account` if there is one.
    pub(super) fn config_of(&self, account: Option<&Account>) -> Config {
        let mut config = self.config.clone();
        if let Some(account) = account {
            if let Some(password) = &account.password {
                config.password(password.expose());
            }
            if let Some(user) = &account.user {
                config.user(user);
            }
        }
        config
    }

    pub(super) fn peer(&self) -> Peer<'_> {
        Peer {
            address: Some(&self.address),
            authorities: Some("store.ca"),
            certificate: Some("store.client_cert"),
        }
    }

    #[cfg(test)]
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }
}

/// Everything of a configuration but its servers. The driver has no way to take them out.
fn settings_of(config: &Config) -> Config {
    let mut one = Config::new();
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding());
    if let Some(interval) = config.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(database) = config.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = config.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = config.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    one
}

/// Whether nobody can listen on the way.
pub(super) fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}
