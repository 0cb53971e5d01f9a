use super::*;
use crate::diagnosis::finding::{Question, Topic};

fn findings() -> Vec<Finding> {
    let ask = |topic, subject: &str| Question::new(topic, subject, "a question");
    vec![
        ask(Topic::Store, "store").ok("PostgreSQL 15.6"),
        ask(Topic::Redis, "redis").fail("connection refused\n\x1b[31m(127.0.0.1:6399)", "start it"),
        ask(Topic::Bypass, "app").skipped("not from here"),
    ]
}

#[test]
fn one_line_for_each_thing() {
    let text = lines(&findings(), Detail::Line);

    assert_eq!(
        text,
        "store  ok    PostgreSQL 15.6\nredis  FAIL  connection refused [31m(127.0.0.1:6399)\napp    skip  not from here\n"
    );
    assert_eq!(
        summary(&findings()),
        "3 asked, 1 well, 1 not judged, 1 failed"
    );
    assert_eq!(failed(&findings()), 1);
}

#[test]
fn advice_stands_under_what_is_not_well() {
    let text = lines(&findings(), Detail::Advice);

    assert_eq!(text.matches("why: ").count(), 1);
    assert!(text.contains("    do:    start it\n"), "{text}");
}

#[test]
fn the_document_says_the_same() {
    let document = document(&["a word".to_owned()], &findings());

    assert_eq!(document["ok"], false);
    assert_eq!(document["advice"][0], "a word");
    assert_eq!(document["findings"][1]["topic"], "redis");
    assert_eq!(document["findings"][1]["verdict"], "fail");
    assert_eq!(document["findings"][1]["do"], "start it");
    assert!(document["findings"][1]["why"].is_string());
    assert_eq!(document["findings"][0]["do"], Value::Null);
}
