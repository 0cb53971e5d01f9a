//! An app for tests.

use crate::config::{Config, Upstream};

/// An app called `app`, with this one server.
pub(super) fn upstream(server: &str) -> Upstream {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        "[backend]\nupstream = \"app\"\n[upstreams.app]\nservers = [\"{server}\"]\n\
         [[routes]]\npath = \"/\"\nsession = \"optional\"\nupstream = \"app\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file, &|_| None).unwrap();
    (*config.backend.upstream).clone()
}
