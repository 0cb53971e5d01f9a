use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;

const CERT: &str = include_str!("../../../testkit/tls/localhost.pem");
const KEY: &str = include_str!("../../../testkit/tls/localhost.key");
const RENEWED_CERT: &str = include_str!("../../../testkit/tls/renewed.pem");
const RENEWED_KEY: &str = include_str!("../../../testkit/tls/renewed.key");
const LOCKED: &str = include_str!("../../../testkit/tls/locked.key");
const LOCKED_OLDER: &str = include_str!("../../../testkit/tls/locked-older.key");

const SERIAL: &str = "2b5e5aeff12b92a7af4c35acc5a6aba4cc06a0c1";
const FINGERPRINT: &str = "58d02a9504559e68727b59dcda97330b";
const ENDS: i64 = 4_949_540_004;

fn files(cert: &str, key: &str) -> (TempDir, CertificateFiles) {
    let folder = tempfile::tempdir().unwrap();
    let files = CertificateFiles {
        cert: folder.path().join("c.pem"),
        key: folder.path().join("k.pem"),
        in_shared_folder: false,
        table: "server.tls".to_owned(),
    };
    fs::write(&files.cert, cert).unwrap();
    fs::write(&files.key, key).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    (folder, files)
}

#[test]
fn a_pair_says_what_it_is_for_and_until_when() {
    let (_folder, files) = files(RENEWED_CERT, RENEWED_KEY);
    let facts = files.read().unwrap().facts;
    // As `openssl x509 -serial -fingerprint -sha256 -enddate` has it.
    assert_eq!(facts.names, "localhost, renewed.test, 127.0.0.1");
    assert_eq!(facts.serial, SERIAL);
    assert_eq!(facts.fingerprint, FINGERPRINT);
    assert_eq!(facts.not_after, ENDS);
}

#[test]
fn a_pair_is_the_same_only_by_its_content() {
    let (_one, one) = files(CERT, KEY);
    let (_two, two) = files(CERT, KEY);
    let (_other, other) = files(RENEWED_CERT, RENEWED_KEY);
    let (_chain, chain) = files(&format!("{CERT}{RENEWED_CERT}"), KEY);
    let one = one.read().unwrap();
    assert!(one.is_same(&two.read().unwrap()));
    assert!(!one.is_same(&other.read().unwrap()));
    let chain = chain.read().unwrap();
    assert!(!one.is_same(&chain), "the same certificate, another chain");
    assert_eq!(chain.facts.names, one.facts.names, "the first one's");
    assert_eq!(chain.facts.not_after, one.facts.not_after, "the first end");
}

#[test]
fn what_is_no_pair_is_refused_with_its_cause_and_without_its_content() {
    let half = &CERT[..CERT.len() / 2];
    let half_key = &KEY[..KEY.len() / 2];
    for (cert, key, is_cert, words) in [
        ("", KEY, true, "is empty"),
        (half, KEY, true, "holds no certificate in PEM"),
        (KEY, KEY, true, "holds no certificate in PEM"),
        (CERT, "", false, "is empty"),
        (CERT, half_key, false, "holds no private key in PEM"),
        (CERT, CERT, false, "holds no private key in PEM"),
        (CERT, LOCKED, false, "is encrypted; decrypt it"),
        (CERT, LOCKED_OLDER, false, "is encrypted; decrypt it"),
        (
            CERT,
            RENEWED_KEY,
            false,
            "cannot be used with the certificate beside it",
        ),
        (
            RENEWED_CERT,
            KEY,
            false,
            "cannot be used with the certificate beside it",
        ),
    ] {
        let (_folder, files) = files(cert, key);
        let bad = files.read().unwrap_err();
        assert_eq!(matches!(bad, BadCertificate::Cert(_)), is_cert, "{bad}");
        assert!(bad.to_string().contains(words), "{bad}");
        for line in key.lines().filter(|line| line.len() > 20) {
            assert!(!format!("{bad:?}").contains(line));
        }
    }
}

#[test]
fn files_that_are_no_files_or_open_to_others_are_refused() {
    let (folder, files) = files(CERT, KEY);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let open = files.read().unwrap_err().to_string();
    assert!(open.contains("is open to others"), "{open}");
    fs::remove_file(&files.key).unwrap();
    let gone = files.read().unwrap_err().to_string();
    assert!(gone.contains("cannot be opened"), "{gone}");
    fs::create_dir(&files.key).unwrap();
    let not_plain = files.read().unwrap_err().to_string();
    assert!(not_plain.contains("is not a plain file"), "{not_plain}");
    fs::write(&files.cert, "x".repeat(1024 * 1024 + 1)).unwrap();
    let large = files.read().unwrap_err().to_string();
    assert!(large.contains("is too large"), "{large}");
    drop(folder);
}
