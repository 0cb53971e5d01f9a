use std::fs::File;
use std::time::Duration;

use serde_json::json;
use tempfile::tempdir;

use super::*;

fn written(line: &Value) -> String {
    String::from_utf8(entry(format!("{line}\n").as_bytes())).unwrap()
}

#[test]
fn line_stays_as_it_is_and_is_found_by_its_fields() {
    let line = json!({
        "timestamp": "2026-11-30T12:00:00Z",
        "level": "WARN",
        "message": "request failed",
        "target": "sidgate::proxy",
        "kind": "refused",
        "left": 2,
        "headers": {"a-b": "c"},
        "odd-name.1": true,
    });

    let entry = written(&line);

    let mut lines: Vec<_> = entry.lines().collect();
    assert_eq!(lines.remove(0), format!("MESSAGE={line}"));
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "PRIORITY=4",
            "SIDGATE_HEADERS={\"a-b\":\"c\"}",
            "SIDGATE_KIND=refused",
            "SIDGATE_LEFT=2",
            "SIDGATE_MESSAGE=request failed",
            "SIDGATE_ODD_NAME_1=true",
            "SIDGATE_TARGET=sidgate::proxy",
            "SYSLOG_IDENTIFIER=sidgate",
        ]
    );
}

#[test]
fn each_level_has_its_priority() {
    for (level, priority) in [
        ("ERROR", "3"),
        ("WARN", "4"),
        ("INFO", "6"),
        ("DEBUG", "7"),
        ("TRACE", "7"),
    ] {
        let entry = written(&json!({ "level": level }));
        assert!(
            entry.contains(&format!("\nPRIORITY={priority}\n")),
            "{entry}"
        );
    }
}

/// A value with a newline could add fields of its own, if it were written like the others.
#[test]
fn value_cannot_add_a_field() {
    let value = "one\nPRIORITY=0\n_UID=0";

    let entry = written(&json!({ "level": "INFO", "cause": value }));

    let mut expected = b"SIDGATE_CAUSE\n".to_vec();
    expected.extend_from_slice(&(value.len() as u64).to_le_bytes());
    expected.extend_from_slice(value.as_bytes());
    let at = entry.find("SIDGATE_CAUSE").unwrap();
    assert!(entry.as_bytes()[at..].starts_with(&expected), "{entry:?}");
    let message = entry.lines().next().unwrap();
    assert!(message.contains("one\\nPRIORITY=0"), "{message}");
}

#[test]
fn name_is_no_longer_than_the_journal_takes() {
    assert_eq!(known_as(&"n".repeat(100)).len(), NAME_MAX);
}

#[test]
fn stream_is_the_journal_only_if_it_is_the_file_that_systemd_names() {
    let file = fstat(File::open("/dev/null").unwrap()).unwrap();
    let named = |told: &str| names(told, &file);
    assert!(named(&format!("{}:{}", file.st_dev, file.st_ino)));
    assert!(!named(&format!("{}:{}", file.st_dev, file.st_ino + 1)));
    assert!(!named(""));
}

#[test]
fn lines_arrive_one_by_one() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let journal = UnixDatagram::bind(&path).unwrap();
    journal
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut sink = Journal::at(&path, Stream::Err).unwrap();

    assert_eq!(sink.write(b"{\"a\":1}\n{\"b\":2}\n"), 0);

    for expected in ["MESSAGE={\"a\":1}\n", "MESSAGE={\"b\":2}\n"] {
        let mut bytes = [0; 1_000];
        let length = journal.recv(&mut bytes).unwrap();
        assert!(bytes[..length].starts_with(expected.as_bytes()));
    }
}
