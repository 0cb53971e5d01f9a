//! An app can only change what its configuration says: an app that was taken over is not everybody in every other one.

use serde_json::{Value, json};

use sidgate_testkit::upstream::Received;
use sidgate_testkit::wait::{LONG, unix_now, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, Response, app};

const OTHER: &str = "other";

/// The app that knows the users, and another one below `/other/`.
struct Stage {
    other: App,
    gateway: Gateway,
    backend: App,
}

impl Stage {
    fn set(configuration: &str) -> Self {
        let (backend, other) = (App::start(), App::start());
        let address = other.address();
        let gateway = Gateway::in_front_of(&backend)
            .with(&format!(
                "[upstreams.{OTHER}]\nservers = [\"{address}\"]\n\
                 [[routes]]\npath = \"/other/\"\nupstream = \"{OTHER}\"\nsession = \"optional\"\n"
            ))
            .with(configuration)
            .start();
        other.set_key(gateway.upstream_key(OTHER));
        Self {
            other,
            gateway,
            backend,
        }
    }

    /// The browser with this sid gets an answer of the other app with these events.
    fn hear(&self, sid: &str, events: Value) -> Response {
        self.other.on("/other/event", move |exchange| {
            let mut claims = exchange.event_claims(&events);
            claims["iss"] = OTHER.into();
            let token = exchange.sign(&claims);
            Reply::new(200, &[("X-Session-Event", &token)], "event")
        });
        let response = self.gateway.send(&Request::post("/other/event").sid(sid));
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("x-session-event"), None);
        assert_eq!(response.header("cache-control"), Some("private, no-store"));
        response
    }

    /// What an app was told last.
    fn told(app: &App) -> Value {
        let seen: Received = app.last_request();
        app.assertion_in(&seen)
    }

    /// What the app that knows the users is told about the session of this sid.
    fn seen(&self, sid: &str) -> Value {
        self.gateway.get_as(sid, "/seen");
        Self::told(&self.backend)
    }

    /// There is a line that says which app it was, and in whose request.
    fn was_noted(&self, event: &str, reason: &str) {
        until_true("the line", LONG, || {
            let events = self.gateway.security_events();
            let found = |line: &&Value| {
                line["event"] == event
                    && line["reason"] == reason
                    && line["app"] == OTHER
                    && line["user"] == "alice"
            };
            events.iter().any(|line| found(&line))
        });
    }
}

fn login_of(name: &str) -> Value {
    json!({"type": "login", "identity": app::identity(&format!("{name}@example.com"))})
}

#[test]
fn another_app_logs_nobody_in_and_changes_nobody() {
    let stage = Stage::set("");
    let sid = stage.gateway.log_in("alice@example.com");
    for (event, kind) in [
        (login_of("bob"), "login"),
        (
            json!({"type": "update", "identity": {"user": {"name": "x"}}}),
            "update",
        ),
        (json!({"type": "ref", "ref": "alice.planted"}), "ref"),
    ] {
        // What is allowed beside it is not done either.
        let events = json!([{"type": "logout", "scope": "all"}, event]);
        let response = stage.hear(&sid, events);
        assert_eq!(response.all("set-cookie"), Vec::<&str>::new(), "{kind}");
        let seen = stage.seen(&sid);
        assert_eq!(
            (&seen["sub"], &seen["ref"]),
            (&json!("alice"), &Value::Null)
        );
        stage.was_noted("event_refused", kind);
        let metrics = stage.gateway.metrics();
        let labels = [("event", kind), ("result", "not_permitted")];
        let refused = metrics.sum("sidgate_session_events_total", &labels);
        assert_eq!(refused, 1.0);
    }
}

#[test]
fn another_app_may_end_and_renew_a_session() {
    let stage = Stage::set("");
    let sid = stage.gateway.log_in("alice@example.com");
    let renewed = stage.hear(&sid, json!([{"type": "rotate"}])).new_sid();
    assert!(!stage.gateway.knows(&sid) && stage.gateway.knows(&renewed));
    stage.hear(&renewed, json!([{"type": "logout", "scope": "this"}]));
    assert!(!stage.gateway.knows(&renewed));
}

#[test]
fn an_app_may_be_allowed_less_also_the_one_that_knows_the_users() {
    let stage =
        Stage::set("[upstreams.app]\nevents = [\"login\"]\n[upstreams.other]\nevents = []\n");
    let sid = stage.gateway.log_in("alice@example.com");
    let logout = json!([{"type": "logout", "scope": "this"}]);
    stage.hear(&sid, logout.clone());
    assert!(stage.gateway.knows(&sid));
    stage.backend.says("/event", logout);
    stage.gateway.send(&Request::post("/event").sid(&sid));
    assert!(stage.gateway.knows(&sid));
}

#[test]
fn only_the_app_that_knows_the_users_makes_operators() {
    let stage = Stage::set(
        "[admin]\nclaim = \"attributes.rights.operator\"\n\
         [upstreams.other]\nevents = [\"login\", \"update\", \"logout\", \"rotate\", \"ref\"]\n",
    );
    let sid = stage.gateway.log_in("alice@example.com");
    let admin = Request::get("/api/admin/session-dashboard").sid(&sid);
    let rights = json!({"rights": {"operator": true}});
    let mut login = login_of("bob");
    login["identity"]["attributes"] = rights.clone();
    for event in [
        json!({"type": "update", "identity": {"attributes": rights}}),
        json!({"type": "update", "identity": {"attributes": {"rights": null}}}),
        login,
    ] {
        let response = stage.hear(&sid, json!([event]));
        assert_eq!(response.all("set-cookie"), Vec::<&str>::new());
        assert_ne!(stage.gateway.send(&admin).status, 200);
        assert_eq!(stage.seen(&sid)["sub"], "alice");
    }
    stage.was_noted("event_refused", "claim");
    // Nor does it touch what ends old sessions after a change of the password.
    stage.hear(
        &sid,
        json!([{"type": "update", "identity": {"auth_hash": null}}]),
    );
    stage.was_noted("event_refused", "auth_hash");
    assert_eq!(stage.seen(&sid)["ah"], "ah-1");
    // What lies beside the claim is the other app's to change, as it was allowed to.
    let beside = json!({"type": "update", "identity": {"attributes": {"plan": "pro"}}});
    stage.hear(&sid, json!([beside]));
    assert_eq!(stage.seen(&sid)["attrs"]["plan"], "pro");
    stage.was_noted("updated", "event");
    let own = json!({"type": "update", "identity": {"attributes": {"rights": {"operator": true}}}});
    stage.backend.says("/event", json!([own]));
    stage.gateway.send(&Request::post("/event").sid(&sid));
    assert_eq!(stage.gateway.send(&admin).status, 200);
}

#[test]
fn what_an_app_wants_to_find_again_is_told_to_it_alone() {
    let all = "[\"login\", \"update\", \"logout\", \"rotate\", \"ref\"]";
    let stage = Stage::set(&format!("[upstreams.other]\nevents = {all}\n"));
    let mut login = login_of("alice");
    login["identity"]["ref"] = "key-of-the-backend".into();
    stage.backend.says("/event", json!([login]));
    let sid = stage.gateway.send(&Request::post("/event")).new_sid();
    let seen_by_other = |sid: &str| {
        stage.gateway.get_as(sid, "/other/seen");
        Stage::told(&stage.other)
    };
    let told = stage.seen(&sid);
    assert_eq!(
        (&told["ref"], &told["ah"]),
        (&json!("key-of-the-backend"), &json!("ah-1"))
    );
    let other = seen_by_other(&sid);
    assert_eq!((&other["ref"], &other["ah"]), (&Value::Null, &Value::Null));
    assert!(other["exp"].as_i64().unwrap() > unix_now());
    // Each has its own, and neither takes the other's away.
    stage.hear(&sid, json!([{"type": "ref", "ref": "key-of-the-other"}]));
    assert_eq!(stage.seen(&sid)["ref"], "key-of-the-backend");
    assert_eq!(seen_by_other(&sid)["ref"], "key-of-the-other");
    let rotated = stage.hear(&sid, json!([{"type": "rotate"}])).new_sid();
    assert_eq!(stage.seen(&rotated)["ref"], "key-of-the-backend");
    stage.hear(&rotated, json!([{"type": "ref", "ref": null}]));
    assert_eq!(stage.seen(&rotated)["ref"], "key-of-the-backend");
    assert_eq!(seen_by_other(&rotated)["ref"], Value::Null);
}
