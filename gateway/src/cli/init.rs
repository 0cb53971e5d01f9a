//! `sidgate config init`: a first configuration, with comments, that `sidgate check` accepts.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::dev::DevApp;
use super::say;
use crate::config::{Config, Origin};
use crate::run::wiring::WiringError;

/// The port of the admin listener, and what is taken instead where the browser's is the same.
const ADMIN_PORTS: [u16; 2] = [9901, 9902];

#[derive(Args)]
pub(super) struct Init {
    /// An app, [NAME=][HOST:]PORT[/PATH,/PATH...]; the first one knows the users. Without paths the last app answers
    /// everything, one before it /accounts/, /admin/, /api/ and /static/.
    #[arg(long = "upstream", default_value = "app=8000", value_parser = DevApp::parse)]
    upstreams: Vec<DevApp>,
    /// What browsers have in their address bar.
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000", value_parser = Origin::parse)]
    origin: Origin,
    /// The store: sqlite:PATH, or postgres://USER:${PASSWORD_VARIABLE}@HOST/DATABASE.
    #[arg(long, value_name = "URL", default_value = "sqlite:sidgate.db")]
    store: String,
    /// For `sidgate demo-app`: passwords may be tried at POST /api/auth/session-v2, and /account needs a session.
    #[arg(long)]
    demo: bool,
    /// Write it to this file instead; an existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let text = self.text();
        let place = self.out.as_deref().unwrap_or(Path::new("sidgate.toml"));
        Config::check_draft(place, &text)?;
        match &self.out {
            None => say(text.trim_end()),
            Some(file) => write(file, &text),
        }
    }

    fn text(&self) -> String {
        let Self { origin, store, .. } = self;
        let is_local = origin.host.is_loopback() && !origin.is_https();
        let port = if is_local { origin.port } else { 3000 };
        let admin = if port == ADMIN_PORTS[0] {
            ADMIN_PORTS[1]
        } else {
            ADMIN_PORTS[0]
        };
        let cookie = if origin.is_https() {
            "__Host-sid"
        } else {
            "sid"
        };
        let backend = self.upstreams.first().map(DevApp::name).unwrap_or_default();
        let mut text = format!(
            "# Configuration of Sidgate. All keys: docs/configuration.md, or `sidgate config show --config FILE`.\n\
             # To find faults: `sidgate check --config FILE`. For editors: `sidgate config schema > sidgate.schema.json`,\n\
             # and the line `#:schema sidgate.schema.json` at the top of this file.\n\
             \n\
             [server]\n\
             # Where browsers, or the proxy in front, connect to.\n\
             listen = [\"127.0.0.1:{port}\"]\n\
             # Health, metrics and the admin API; beyond this machine it needs admin.token.\n\
             admin_listen = \"127.0.0.1:{admin}\"\n\
             # What browsers have in their address bar.\n\
             public_origin = {}\n\
             # Proxies in front that are believed about their client: networks, or \"private_ranges\".\n\
             trusted_proxies = []\n\
             \n\
             [keys]\n\
             # {}\n\
             master = \"file:master.key\"\n\
             \n\
             [store]\n\
             # sqlite:PATH for one node, postgres://USER:${{PASSWORD}}@HOST/DATABASE for any number.\n\
             url = {}\n\
             \n\
             [cookie]\n\
             # \"__Host-sid\" where public_origin is https: then nobody else can plant it.\n\
             name = \"{cookie}\"\n\
             \n\
             [backend]\n\
             # The app that checks passwords.\n\
             upstream = {}\n\
             \n\
             [endpoints]\n\
             # Whether a password can be tried at POST /api/auth/session-v2, beside the login page of the app.\n\
             password_login = {}\n",
            quoted(&origin.to_string()),
            self.about_the_key(),
            quoted(store),
            quoted(backend),
            self.demo,
        );
        text.push_str(&self.apps());
        text
    }

    /// The apps, and a route for each of their paths.
    fn apps(&self) -> String {
        let mut text = String::new();
        for app in &self.upstreams {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "\n[upstreams.{}]\n# Where the app runs: host:port, one for each of its servers.\nservers = [{}]",
                quoted_key(app.name()),
                quoted(app.server()),
            );
        }
        for (at, app) in self.upstreams.iter().enumerate() {
            let is_last = at + 1 == self.upstreams.len();
            for path in app.paths(is_last) {
                let _ = writeln!(
                    text,
                    "\n# Of several routes that cover a path the longest decides. session: required, optional or none.\n\
                     [[routes]]\npath = {}\nupstream = {}\nsession = \"optional\"",
                    quoted(path),
                    quoted(app.name()),
                );
            }
        }
        if self.demo {
            let backend = self.upstreams.first().map(DevApp::name).unwrap_or_default();
            let _ = writeln!(
                text,
                "# No page of another site can make a browser send a form to the app.\ncsrf = \"check\"\n\n\
                 [[routes]]\npath = \"/account\"\nupstream = {}\n\
                 # Nobody comes here without a session: people are sent to the login page, programs get 401.\n\
                 session = \"required\"",
                quoted(backend)
            );
        }
        text
    }

    fn about_the_key(&self) -> &'static str {
        if self.store.starts_with("sqlite:") {
            "32 random bytes; the first start makes them if the file is not there."
        } else {
            "32 random bytes, the same on each node: `sidgate keys generate --out master.key`."
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Writes a new file for its owner alone: it may come to hold more than it does now.
fn write(file: &Path, text: &str) -> Result<(), WiringError> {
    let failed = |error| WiringError::Process(format!("{}: {error}", file.display()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut created| created.write_all(text.as_bytes()))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: Init,
    }

    fn text(arguments: &[&str]) -> String {
        let arguments = ["init"].iter().chain(arguments);
        Line::try_parse_from(arguments).ok().unwrap().init.text()
    }

    #[test]
    fn what_is_written_loads_and_says_what_was_asked_for() {
        for arguments in [
            &[][..],
            &["--origin", "http://localhost:9901"],
            &[
                "--origin",
                "https://app.example.com",
                "--upstream",
                "10.0.0.1:8000",
            ],
            &["--upstream", "8000", "--upstream", "web=3001"],
            &["--upstream", "app=8001", "--demo"],
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("sidgate.toml");
            write(&file, &text(arguments)).unwrap();
            let config = Config::load(&file, &|_| None).unwrap_or_else(|faults| panic!("{faults}"));
            // An app that requires a session on one of its paths may serve the same page on another.
            let advice = usize::from(arguments.contains(&"--demo"));
            assert_eq!(config.advice().len(), advice, "{arguments:?}");
            let values = arguments.iter().filter(|word| !word.starts_with("--"));
            for value in values {
                let value = value.rsplit(['=', '/']).next().unwrap();
                assert!(text(arguments).contains(value), "{value}");
            }
            assert!(write(&file, "").is_err(), "it would be overwritten");
        }
    }

    #[test]
    fn the_file_of_the_quick_start_is_what_is_written_for_the_demo_app() {
        let file = include_str!("../../../deploy/quickstart.toml");
        assert_eq!(text(&["--demo"]), file);
    }

    #[test]
    fn a_store_on_another_host_needs_its_key() {
        let text = text(&["--store", "postgres://u:${PW}@db/x?sslmode=require"]);
        assert!(text.contains("keys generate --out master.key"), "{text}");
        Config::check_draft(Path::new("sidgate.toml"), &text)
            .unwrap_or_else(|faults| panic!("{faults}"));
        let odd = text.replace("postgres:", "mysql:");
        assert!(Config::check_draft(Path::new("sidgate.toml"), &odd).is_err());
    }
}
