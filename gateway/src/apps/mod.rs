//! The apps behind the gateway: their servers, what each may ask for, and the signed client of the one that knows the users.

pub(crate) mod address;
pub(crate) mod app;
pub(crate) mod backend;
mod balance;
pub(crate) mod client;
pub(crate) mod http_client;
mod names;
pub(crate) mod own_addresses;
pub(crate) mod pool;
pub(crate) mod probe;
pub(crate) mod resolver;
pub(crate) mod server;
mod shared_assertion;
pub(crate) mod standing;
mod tls_fault;
pub(crate) mod upstream_fault;
pub(crate) mod way;

/// An app called `app`, with this one server.
#[cfg(test)]
fn test_upstream(server: &str) -> crate::config::Upstream {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        "[backend]\nupstream = \"app\"\n[upstreams.app]\nservers = [\"{server}\"]\n\
         [[routes]]\npath = \"/\"\nsession = \"optional\"\nupstream = \"app\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = crate::config::Config::load(&file, &|_| None).unwrap();
    (*config.backend.upstream).clone()
}
