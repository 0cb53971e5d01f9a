//! Sessions end by themselves, and keys are changed without ending any.

use std::fs;
use std::time::Duration;

use serde_json::json;

use sidgate_testkit::app::{self, NAME};
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::wait::{instant, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage, token};

fn admits(gateway: &Gateway, sid: &str) -> bool {
    let response = gateway.get_as(sid, "/required");
    assert!([200, 401].contains(&response.status), "{response:?}");
    response.status == 200
}

#[test]
fn session_in_use_ends_at_its_absolute_end() {
    const LIFE: Duration = Duration::from_secs(3);
    let stage = Stage::with(["[session]\nabsolute_timeout = \"3s\""]);
    let begun = instant();
    let sid = stage.log_in("alice@example.com");
    assert!(admits(&stage, &sid));

    until_true("the end of the session", Duration::from_secs(10), || {
        let asked = begun.elapsed();
        let admitted = admits(&stage, &sid);
        // The session began after the clock of this test did.
        let late = Duration::from_millis(500);
        assert!(
            !admitted || asked < LIFE + late,
            "admitted {asked:?} after the login"
        );
        assert!(
            admitted || begun.elapsed() >= LIFE - Duration::from_secs(1),
            "ended early"
        );
        !admitted
    });

    assert!(!stage.knows(&sid));
}

#[test]
fn session_that_is_not_used_ends_after_the_idle_time() {
    let (stage, sid) = Stage::with(["[session]\nidle_timeout = \"2s\""]).and_alice();
    let config = stage.config_file();

    // Asking the gateway would be a use.
    until_true("the end of the session", Duration::from_secs(10), || {
        let arguments = ["sessions", "list", "--user", "alice", "--config"];
        let arguments = [&arguments[..], &[config.to_str().unwrap()]].concat();
        sidgate(stage.folder(), &arguments).success().is_empty()
    });

    assert!(!admits(&stage, &sid));
}

/// Gives the gateway a new master key and keeps the old one as previous.
fn rotate_master(gateway: &mut Gateway) {
    gateway.stop();
    gateway.reconfigure(|folder, config| {
        let (key, old) = (folder.join("master.key"), folder.join("old.key"));
        fs::rename(&key, old).unwrap();
        let out = key.to_str().unwrap();
        sidgate(folder, &["keys", "generate", "--out", out]).success();
        let before = "master = \"file:master.key\"";
        assert!(config.contains(before), "{config}");
        config.replace(before, &format!("{before}\nprevious = [\"file:old.key\"]"))
    });
    gateway.start_again();
}

#[test]
fn sids_and_tokens_under_the_previous_master_stay_valid() {
    let (mut stage, sid) = Stage::start().and_alice();
    let old_key = stage.app.key();

    rotate_master(&mut stage);

    let new_key = stage.upstream_key(NAME);
    assert_ne!(old_key, new_key);
    assert!(admits(&stage, &sid), "a sid of before");
    let assertion = stage
        .app
        .last_request()
        .header("x-session-assertion")
        .unwrap();
    assert_eq!(
        token::verify(&new_key, &assertion)["sub"],
        "alice",
        "signed anew"
    );

    for key in [old_key, new_key] {
        stage.on("/event", move |exchange| {
            let events = json!([{"type": "login", "identity": app::identity("bob@example.com")}]);
            let token = token::sign(&key, &exchange.event_claims(&events));
            Reply::new(200, &[("X-Session-Event", &token)], "")
        });
        let sid = stage.send(&Request::post("/event")).new_sid();
        assert!(admits(&stage, &sid));
    }
}

#[test]
fn sids_under_a_master_that_is_gone_are_forged() {
    let (mut stage, sid) = Stage::start().and_alice();
    stage.stop();
    stage.reconfigure(|folder, config| {
        let key = folder.join("master.key");
        fs::remove_file(&key).unwrap();
        sidgate(
            folder,
            &["keys", "generate", "--out", key.to_str().unwrap()],
        )
        .success();
        config
    });

    stage.start_again();

    assert!(!admits(&stage, &sid));
}
