//! The configuration that tests start from, and how they change it.

use std::net::SocketAddr;

use toml::{Table, Value};

use super::app;
use super::port::free_port;

/// The ports that a gateway is to listen on.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub public: u16,
    pub admin: u16,
}

impl Ports {
    /// Ports on which nobody listens.
    pub fn free() -> Self {
        Self {
            public: free_port(),
            admin: free_port(),
        }
    }
}

/// SQLite, no Redis, one app; a path for each kind of route.
pub fn defaults(ports: Ports, app: SocketAddr) -> Table {
    let Ports { public, admin } = ports;
    let name = app::NAME;
    let text = format!(
        r#"
        [server]
        listen = ["127.0.0.1:{public}"]
        admin_listen = "127.0.0.1:{admin}"
        public_origin = "http://localhost:{public}"
        threads = 2
        drain_timeout = "0s"
        [keys]
        master = "file:master.key"
        [store]
        url = "sqlite:sidgate.db"
        [login_limits]
        per_account = "1000/m"
        per_client = "1000/m"
        [backend]
        upstream = "{name}"
        timeout = "1s"
        [identity.headers]
        "X-Session-Email" = "user.email"
        [upstreams.{name}]
        servers = ["{app}"]
        [[routes]]
        path = "/"
        upstream = "{name}"
        session = "optional"
        [[routes]]
        path = "/required"
        upstream = "{name}"
        session = "required"
        [[routes]]
        path = "/none"
        upstream = "{name}"
        session = "none"
        "#
    );
    text.parse().unwrap()
}

/// Lays `over` onto `base`: tables are merged key by key, lists of tables get longer, everything else is replaced.
pub fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if new.iter().all(Value::is_table) => {
                old.extend(new);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
