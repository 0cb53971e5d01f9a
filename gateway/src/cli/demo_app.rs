//! `sidgate demo-app`: an app to try the gateway with, before there is one of one's own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use session_core::keys::Keyring;
use session_core::secret::SecretKey;

use super::config_arg::ConfigArg;
use super::{say, small_runtime};
use crate::config::{Config, MasterSource};
use crate::demo_app::{DemoApp, USERS, serve};
use crate::run::wiring::{self, WiringError};

/// The name of the app where the environment has its key.
const NAME: &str = "app";
/// How long `sidgate run` has for its first start, which makes the master key.
const KEY_WAIT: Duration = Duration::from_secs(600);
/// Between two looks for it.
const LOOK: Duration = Duration::from_millis(100);

/// Run an app to try the gateway with: a demonstration, whose passwords everybody knows.
///
/// It is the app of [backend] in the configuration of `sidgate config init --demo`, and has the key of that app. With the
/// key in $SIDGATE_KEY (and the name in $SIDGATE_UPSTREAM, `app` if not set) no configuration is read.
#[derive(Args)]
pub(super) struct Demo {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Serve other machines too, although everybody knows the passwords: listen beyond loopback, and stand behind a
    /// gateway whose server.public_origin is no loopback name.
    #[arg(long)]
    allow_remote: bool,
    #[command(flatten)]
    config: ConfigArg,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let listen = self.listen;
        if !listen.ip().is_loopback() && !self.allow_remote {
            return Err(WiringError::Process(format!(
                "{listen} can be reached from other machines, and everybody knows the passwords of this app: \
                 listen on 127.0.0.1, or say --allow-remote"
            )));
        }
        say("This is a demonstration: everybody knows its passwords.")?;
        let app = match std::env::var("SIDGATE_KEY") {
            Ok(keys) => of_environment(&keys)?,
            Err(_) => self.of_configuration()?,
        };
        let served = small_runtime()?.block_on(serve(app, listen, || greet(listen)));
        served.map_err(|error| WiringError::Process(error.to_string()))
    }

    fn of_configuration(&self) -> Result<DemoApp, WiringError> {
        let path = self.config.path()?;
        // Before it waits for a key.
        self.check_is_local(&wiring::load(&path)?)?;
        let config = with_key(&path)?;
        self.check_is_local(&config)?;
        let MasterSource::Key(master) = &config.keys.master else {
            return Err(WiringError::NoKey);
        };
        let keys = Keyring::new(master.clone(), config.keys.previous.clone());
        let name = &config.backend.upstream.name;
        Ok(DemoApp::new(name, keys.upstream(name)))
    }

    /// The gateway forwards what comes from other machines to this app, wherever that listens.
    fn check_is_local(&self, config: &Config) -> Result<(), WiringError> {
        let mut origins = config.sites.iter().map(|site| &site.origin);
        let remote = origins.find(|origin| !origin.host.is_loopback());
        match remote {
            Some(origin) if !self.allow_remote => Err(WiringError::Process(format!(
                "this configuration serves {origin}, which other machines can reach, and everybody knows the passwords of \
                 this app: name another configuration with --config, or say --allow-remote"
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether the greeting is read is its reader's business.
fn greet(listen: SocketAddr) {
    let users = USERS.map(|user| format!("{} / {}", user.email, user.password));
    drop(say(&format!(
        "The demo app listens at {listen} and answers to the gateway alone. Users: {}",
        users.join(", ")
    )));
}

fn of_environment(keys: &str) -> Result<DemoApp, WiringError> {
    let wrong =
        || WiringError::Process("SIDGATE_KEY: not what `sidgate keys upstream` prints".to_owned());
    let keys = keys.split(',').map(|key| {
        let bytes = STANDARD.decode(key.trim()).ok()?;
        Some(SecretKey::new(bytes.try_into().ok()?))
    });
    let keys: Option<Vec<_>> = keys.collect();
    let name = std::env::var("SIDGATE_UPSTREAM").unwrap_or_else(|_| NAME.to_owned());
    Ok(DemoApp::new(&name, keys.ok_or_else(wrong)?))
}

/// The configuration once it has a master key. Where it has none yet, `sidgate run` is about to make it.
fn with_key(path: &Path) -> Result<Config, WiringError> {
    let has_key = |config: &Config| matches!(config.keys.master, MasterSource::Key(_));
    let config = wiring::load(path)?;
    if has_key(&config) {
        return Ok(config);
    }
    say("It waits for the master key, which `sidgate run` makes at its first start.")?;
    let wait = async {
        loop {
            tokio::time::sleep(LOOK).await;
            // A key that is half written is a fault that passes.
            if let Ok(config) = wiring::load(path)
                && has_key(&config)
            {
                return config;
            }
        }
    };
    let found = small_runtime()?.block_on(async { tokio::time::timeout(KEY_WAIT, wait).await });
    found.map_err(|_elapsed| WiringError::NoKey)
}
