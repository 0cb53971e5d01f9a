//! Tests of the configuration, by the question they answer; this file is what they share.

mod addresses;
mod advice;
mod answers;
mod contradictions;
mod defaults;
mod documentation;
mod environment;
mod faults;
mod hints;
mod limits;
mod names;
mod properties;
mod route_hosts;
mod route_keys;
mod routes;
mod secrets;
mod servers;
mod sites;
mod telemetry;
mod told;
mod values;
mod ways;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Config, Faults};

/// Random, for tests only.
pub(super) const KEY_A: &str = "ozd2ZakiWLkQMLTBZ8PWs2d30gtukSkdwkqTfMtVOhU=";
pub(super) const KEY_B: &str = "w9kwAFacFDaZWcJdLRyXfN22y/6sDNMsolbV0A6i6Qc=";

/// A certificate and its key.
pub(super) const CERT: &str = include_str!("../../../testkit/tls/localhost.pem");
pub(super) const KEY: &str = include_str!("../../../testkit/tls/localhost.key");

/// The smallest file that loads.
pub(super) const MINIMAL: &str = r#"
[backend]
upstream = "django"
[upstreams.django]
servers = ["127.0.0.1:8000"]
[[routes]]
path = "/"
upstream = "django"
session = "optional"
"#;

/// A folder with a configuration, its files and an environment.
pub(super) struct Place {
    folder: tempfile::TempDir,
    env: HashMap<String, String>,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            env: HashMap::new(),
        }
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn file(self, name: &str, text: &str) -> Self {
        self.file_with_mode(name, text, 0o600)
    }

    pub(super) fn file_with_mode(self, name: &str, text: &str, mode: u32) -> Self {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("write a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set its mode");
        self
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn load(&self, text: &str) -> Result<Config, Faults> {
        let path = self.folder.path().join("sidgate.toml");
        fs::write(&path, text).expect("write the configuration");
        Config::load(&path, &|name| self.env.get(name).cloned())
    }

    /// Loads a file that must be right.
    pub(super) fn good(&self, text: &str) -> Config {
        self.load(text)
            .unwrap_or_else(|faults| panic!("{faults}\n{text}"))
    }

    /// Loads a file that must be wrong; each fault as `key: message`.
    pub(super) fn bad(&self, text: &str) -> Vec<String> {
        let Err(faults) = self.load(text) else {
            panic!("there should be a fault in\n{text}");
        };
        faults
            .iter()
            .map(|fault| format!("{}: {}", fault.key, fault.message))
            .collect()
    }

    /// Loads a file with exactly one fault, which begins with `key` and mentions `hint`.
    #[track_caller]
    pub(super) fn one_fault(&self, text: &str, key: &str, hint: &str) {
        let faults = self.bad(text);
        match faults.as_slice() {
            [fault] if fault.starts_with(&format!("{key}: ")) && fault.contains(hint) => {}
            _ => panic!("wanted one fault of {key} with {hint:?}, got {faults:#?} for\n{text}"),
        }
    }
}

/// A file as keys and values, so that a test says only what it is about.
#[derive(Clone)]
pub(super) struct Draft(BTreeMap<String, String>);

impl Draft {
    /// [`MINIMAL`], as keys.
    pub(super) fn minimal() -> Self {
        Self(BTreeMap::new())
            .set("backend.upstream", "\"django\"")
            .set("upstreams.django.servers", "[\"127.0.0.1:8000\"]")
            .set("routes[].path", "\"/\"")
            .set("routes[].upstream", "\"django\"")
            .set("routes[].session", "\"optional\"")
    }

    /// Sets `section.key`, where the section `routes[]` is the list of routes. An empty value takes the key out.
    pub(super) fn set(mut self, key: &str, value: &str) -> Self {
        if value.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut current = "";
        let split = |(key, value)| {
            let (section, name) = str::rsplit_once(key, '.').expect("section.key");
            (section, name, value)
        };
        let mut keys: Vec<_> = self
            .0
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .map(split)
            .collect();
        // A table within another one stands behind it.
        keys.sort();
        for (section, name, value) in keys {
            if section != current {
                let header = match section.strip_suffix("[]") {
                    Some(list) => format!("[[{list}]]"),
                    None => format!("[{}]", section.replace("[]", "")),
                };
                writeln!(text, "{header}").expect("text");
                current = section;
            }
            writeln!(text, "{name} = {value}").expect("text");
        }
        text
    }
}

/// `MINIMAL` with one more key.
pub(super) fn with(key: &str, value: &str) -> String {
    Draft::minimal().set(key, value).text()
}

/// Each value alone makes exactly one fault of `key` (or of its first entry).
#[track_caller]
pub(super) fn refuses(key: &str, values: &[&str]) {
    let list = [
        "listen",
        "hosts",
        "trusted_proxies",
        "passthrough_headers",
        "servers",
        "credentials",
        "companions",
    ];
    let name = key.rsplit('.').next().expect("a name");
    let is_list = list.contains(&name) || name.starts_with("clear_");
    let reported = key.replace("[]", "[0]");
    for value in values {
        let (value, reported) = match is_list {
            true => (format!("[{value:?}]"), format!("{reported}[0]")),
            false => (format!("{value:?}"), reported.clone()),
        };
        Place::new().one_fault(&with(key, &value), &reported, "");
    }
}
