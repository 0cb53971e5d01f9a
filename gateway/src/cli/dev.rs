//! `sidgate dev`: a gateway on this machine, in one line.
//!
//! Its configuration, key and database are in one folder, so that sessions and keys outlive a restart.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use session_core::keys::MasterKey;

use super::say;
use crate::config::MasterSource;
use crate::run::server;
use crate::run::wiring::{self, WiringError};
use crate::telemetry::build::Build;
use crate::telemetry::logs;

/// What a Django app usually answers beside another one.
const OF_DJANGO: [&str; 4] = ["/accounts/", "/admin/", "/api/", "/static/"];
/// How far the admin listener is from the public one: 9901 beside 3000.
const TO_ADMIN: u16 = 6_901;

/// A gateway for development: SQLite, no TLS, a key for each app, on this machine alone.
#[derive(Args)]
pub(super) struct Dev {
    /// An app, [NAME=][HOST:]PORT[/PATH,/PATH...]; the first one knows the users. NAME is `django` on port 8000 and `next`
    /// elsewhere. Without paths the last app answers everything, one before it /accounts/, /admin/, /api/ and /static/.
    #[arg(long = "upstream", required = true, value_parser = DevApp::parse)]
    upstreams: Vec<DevApp>,
    /// Port to open in the browser.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..=i64::from(u16::MAX - TO_ADMIN)))]
    port: u16,
    /// Folder for configuration, key and database.
    #[arg(long, default_value = ".sidgate")]
    folder: PathBuf,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DevApp {
    name: String,
    server: String,
    paths: Vec<String>,
}

impl DevApp {
    /// Its name among the upstreams.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it runs.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text),
        };
        let (address, paths) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = address.rsplit_once(':').unwrap_or(("127.0.0.1", address));
        let number = port.parse::<u16>().ok().filter(|port| *port > 0);
        let number = number.ok_or_else(|| format!("{port:?} is not a port, 1 to 65535"))?;
        let by_port = if number == 8000 { "django" } else { "next" };
        Ok(Self {
            name: name.unwrap_or(by_port).to_owned(),
            server: format!("{host}:{number}"),
            paths: paths
                .split(',')
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }
}

impl Dev {
    pub(super) fn run(self, build: Build) -> Result<(), WiringError> {
        let file = self
            .prepare()
            .map_err(|error| WiringError::Process(format!("{}: {error}", self.folder.display())))?;
        let config = wiring::load_to_run(&file)?;
        let MasterSource::Key(master) = &config.keys.master else {
            return Err(WiringError::NoKey);
        };
        say(&self.greeting(master))?;
        let lines = logs::start().map_err(WiringError::Log)?;
        server::run(&file, false, &lines, build)
    }

    /// Writes the configuration, and returns where.
    fn prepare(&self) -> std::io::Result<PathBuf> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&self.folder)?;
        // The folder holds a key and a database, so git must ignore it.
        fs::write(self.folder.join(".gitignore"), "*\n")?;
        let file = self.folder.join("sidgate.toml");
        fs::write(&file, self.config())?;
        Ok(file)
    }

    fn config(&self) -> String {
        let Self { port, .. } = self;
        let admin = port.saturating_add(TO_ADMIN);
        let text = |text: &str| toml::Value::from(text).to_string();
        let backend = self.upstreams.first().map(|app| app.name.as_str());
        let mut config = format!(
            "# Written by `sidgate dev` at each start: copy it to begin a configuration of your own.\n\
             [server]\n\
             listen = [\"127.0.0.1:{port}\"]\n\
             admin_listen = \"127.0.0.1:{admin}\"\n\
             public_origin = \"http://localhost:{port}\"\n\
             drain_timeout = \"0s\"\n\
             [backend]\n\
             upstream = {}\n\
             # Development servers compile what is asked for first.\n\
             timeout = \"30s\"\n\
             [endpoints]\n\
             password_login = true\n",
            text(backend.unwrap_or_default())
        );
        for (at, app) in self.upstreams.iter().enumerate() {
            let name = text(&app.name);
            let server = text(&app.server);
            let is_last = at + 1 == self.upstreams.len();
            // Writing to a string cannot fail.
            let _ = writeln!(config, "[upstreams.{name}]\nservers = [{server}]");
            for path in app.paths(is_last) {
                let path = text(path);
                let _ = writeln!(
                    config,
                    "[[routes]]\npath = {path}\nupstream = {name}\nsession = \"optional\""
                );
            }
        }
        config
    }

    /// What a developer has to know, with the keys for the apps on this machine.
    fn greeting(&self, master: &MasterKey) -> String {
        let Self { port, folder, .. } = self;
        let mut greeting = format!(
            "Open http://localhost:{port} (configuration, key and database are in {})\n",
            folder.display()
        );
        for (at, app) in self.upstreams.iter().enumerate() {
            let DevApp { name, server, .. } = app;
            let key = STANDARD.encode(master.upstream(name).expose());
            let knows = if at == 0 {
                ", which knows the users"
            } else {
                ""
            };
            let _ = write!(
                greeting,
                "\nThe app {name:?} at http://{server}{knows}, reads:\n  \
                 export SIDGATE_UPSTREAM={name} SIDGATE_UPSTREAM_KEY={key} SIDGATE_KEY={key}\n"
            );
        }
        greeting
    }
}

impl DevApp {
    /// What it answers.
    pub(super) fn paths(&self, is_last: bool) -> Vec<&str> {
        match self.paths.as_slice() {
            [] if is_last => vec!["/"],
            [] => OF_DJANGO.to_vec(),
            paths => paths.iter().map(String::as_str).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_written_shortly_or_in_full() {
        let app = |name: &str, server: &str, paths: &[&str]| DevApp {
            name: name.to_owned(),
            server: server.to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        for (text, expected) in [
            ("8000", app("django", "127.0.0.1:8000", &[])),
            ("3001", app("next", "127.0.0.1:3001", &[])),
            ("web=3001", app("web", "127.0.0.1:3001", &[])),
            ("api.internal:80/", app("next", "api.internal:80", &["/"])),
            (
                "a=[::1]:8000/api,/x",
                app("a", "[::1]:8000", &["/api", "/x"]),
            ),
        ] {
            assert_eq!(DevApp::parse(text), Ok(expected), "{text}");
        }
        for wrong in ["", "0", "65536", "django", "a=b=1", "localhost:"] {
            assert!(DevApp::parse(wrong).is_err(), "{wrong}");
        }
    }
}
