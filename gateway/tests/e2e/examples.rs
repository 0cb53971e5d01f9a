//! The files of `deploy/examples` are what `sidgate check` calls good.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sidgate_testkit::cli::sidgate_with;
use tempfile::TempDir;

const CERT: &str = include_str!("../../testkit/tls/localhost.pem");
const KEY: &str = include_str!("../../testkit/tls/localhost.key");
const MASTER: &str = "LQ0dY7DnWEgItp3sIf+sAv38CT0ypVFHMApCF4JZSt4=";

/// What examples leave to the environment.
const SECRETS: [(&str, &str); 2] = [
    ("SIDGATE_DB_PASSWORD", "of-the-database"),
    ("SIDGATE_REDIS_PASSWORD", "of-the-cache"),
];

/// Copies files and folders, for their owner alone.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            write(&target, &fs::read_to_string(&path).unwrap());
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The certificates and keys that an example names, by the names that it gives them.
fn add_certificates(text: &str, folder: &Path) {
    for name in text
        .split('"')
        .filter(|name| !name.contains(['/', ' ', '\n']))
    {
        if name == "file:master.key" {
            write(&folder.join("master.key"), MASTER);
        } else if name.ends_with(".key") || name.ends_with("key.pem") {
            write(&folder.join(name), KEY);
        } else if name.ends_with(".pem") {
            write(&folder.join(name), CERT);
        }
    }
}

#[test]
fn every_example_is_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    let folder = TempDir::new().unwrap();
    copy(&examples, folder.path());
    let secrets = SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut checked = Vec::new();
    for entry in fs::read_dir(&examples).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".toml") {
            continue;
        }
        let text = fs::read_to_string(folder.path().join(&name)).unwrap();
        add_certificates(&text, folder.path());
        let outcome = sidgate_with(&secrets, folder.path(), &["check", "--config", &name]);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.output());
        checked.push(name);
    }
    assert!(checked.len() >= 15, "{checked:?}");
}
