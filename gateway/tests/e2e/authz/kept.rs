//! The listener of questions lives as the others do: reloads, another process that takes over, an end.

use std::fs;

use sidgate_testkit::cli::sidgate;

use super::asking::{Asked, WAYS, Way};

#[test]
fn who_may_ask_changes_with_a_reload_and_where_does_not() {
    let asked = Asked::start();
    asked.ask(Way::Nginx, "/page", &[]).must_be(200);
    let change = |from: &str, to: &str| {
        let file = asked.stage.config_file();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        let config = file.to_str().unwrap();
        sidgate(asked.stage.folder(), &["reload", "--config", config])
    };
    let listen = format!("listen = [\"127.0.0.1:{}\"]", asked.port);
    let others = format!("{listen}\ntrusted_edges = [\"192.0.2.1\"]");
    change(&listen, &others).success();
    assert_eq!(asked.ask(Way::Nginx, "/page", &[]).status, 403);
    change(
        "trusted_edges = [\"192.0.2.1\"]",
        "trusted_edges = [\"loopback\"]",
    )
    .success();
    asked.ask(Way::Nginx, "/page", &[]).must_be(200);
    let moved = change(&listen, "listen = [\"127.0.0.1:1\"]");
    assert_ne!(moved.code, Some(0));
    assert!(moved.output().contains("authz.listen"), "{moved:?}");
}

#[test]
fn another_process_takes_it_over() {
    let mut asked = Asked::start();
    let sid = asked.stage.log_in("alice@example.com");
    asked.ask_as(Way::Forward, &sid, "/required").must_be(200);
    assert!(asked.stage.hand_over().success());
    for way in WAYS {
        let told = asked.ask_as(way, &sid, "/required").must_be(200);
        assert_eq!(told.header("x-session-user-id"), Some("alice"));
    }
}

#[test]
fn an_end_leaves_nobody_waiting() {
    let mut asked = Asked::start();
    asked.ask(Way::Nginx, "/page", &[]).must_be(200);
    assert!(asked.stage.stop().success());
    assert!(!sidgate_testkit::gateway::is_open(asked.port));
}
