//! An app behind an edge logs people in and out: it asks the gateway itself.

use serde_json::{Value, json};
use sidgate_testkit::wait::unix_now;
use sidgate_testkit::{Request, Response, token};

use super::asking::{Asked, Way};

/// What an app has got by an edge.
struct Got {
    id: String,
    assertion: String,
}

impl Got {
    /// A request to `path`, with this Cookie line.
    fn by(asked: &Asked, path: &str, cookie: &str) -> Self {
        let fields: &[(&str, &str)] = if cookie.is_empty() {
            &[]
        } else {
            &[("Cookie", cookie)]
        };
        let answer = asked.ask(Way::Nginx, path, fields).must_be(200);
        Self {
            id: answer.header("x-request-id").unwrap().to_owned(),
            assertion: answer.header("x-session-assertion").unwrap().to_owned(),
        }
    }

    fn event(&self, asked: &Asked, events: &Value) -> Request {
        let claims = json!({"iss": "app", "aud": "sidgate", "iat": unix_now(), "req": self.id, "ev": events});
        let token = token::sign(&asked.stage.app.key(), &claims);
        Request::post("/authz/event")
            .header("X-Session-Event", &token)
            .header("X-Session-Assertion", &self.assertion)
            .header("X-Request-Id", &self.id)
            .header("X-Forwarded-Host", &asked.stage.host())
            .header("X-Forwarded-For", "192.0.2.7")
            .header(
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            )
    }

    fn say(&self, asked: &Asked, events: &Value) -> Response {
        asked.send(&self.event(asked, events))
    }
}

fn login() -> Value {
    json!([{"type": "login", "identity": {"user": {"id": "bob", "email": "bob@example.com"}}}])
}

#[test]
fn a_login_gives_the_cookie_that_the_app_passes_on() {
    let asked = Asked::start();
    let got = Got::by(&asked, "/login", "");
    let answer = got.say(&asked, &login()).must_be(204);
    let sid = answer.new_sid();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = asked.ask_as(Way::Forward, &sid, "/required").must_be(200);
    assert_eq!(told.header("x-session-user-id"), Some("bob"));
    let devices = asked
        .stage
        .send(&Request::get("/api/auth/sessions").sid(&sid))
        .json();
    let device = &devices["sessions"][0];
    assert_eq!(device["ip"], "192.0.2.7", "{devices}");
}

#[test]
fn an_id_counts_once_and_only_for_whom_it_was_given() {
    let asked = Asked::start();
    let got = Got::by(&asked, "/login", "");
    got.say(&asked, &login()).must_be(204);
    let again = got.say(&asked, &login());
    assert_eq!(again.status, 409);
    assert_eq!(again.header("x-sidgate-code"), Some("replayed"));
    for id in ["", "abc", &got.id[1..], &got.id.replace(".0.", ".ff.")] {
        let forged = Got {
            id: id.to_owned(),
            assertion: got.assertion.clone(),
        };
        let answer = forged.say(&asked, &login());
        assert!(matches!(answer.status, 400 | 409), "{id}: {answer:?}");
        assert!(answer.leaves_cookies_alone());
    }
    let counted = asked
        .stage
        .sum("sidgate_authz_refused_total", &[("reason", "replayed")]);
    assert_eq!(counted, 1.0);
}

#[test]
fn a_logout_everywhere_ends_every_session_before_the_app_has_its_answer() {
    let asked = Asked::start();
    let (here, there) = (
        asked.stage.log_in("alice@example.com"),
        asked.stage.log_in("alice@example.com"),
    );
    let got = Got::by(&asked, "/logout", &format!("sid={here}"));
    let answer = got
        .say(&asked, &json!([{"type": "logout", "scope": "all"}]))
        .must_be(204);
    assert!(answer.clears_the_sid(), "{answer:?}");
    for sid in [here, there] {
        assert_eq!(asked.ask_as(Way::Envoy, &sid, "/required").status, 401);
    }
}

/// Somebody ends this session while the app works on the request that ends all others.
#[test]
fn a_logout_everywhere_needs_no_session_that_is_still_there() {
    let asked = Asked::start();
    let (here, there) = (
        asked.stage.log_in("alice@example.com"),
        asked.stage.log_in("alice@example.com"),
    );
    let got = Got::by(&asked, "/logout", &format!("sid={here}"));
    let logout = Request::delete(sidgate_testkit::SESSION).sid(&here);
    assert!(asked.stage.send(&logout).status < 300);
    got.say(&asked, &json!([{"type": "logout", "scope": "all"}]))
        .must_be(204);
    assert_eq!(asked.ask_as(Way::Envoy, &there, "/required").status, 401);
}

#[test]
fn an_event_that_is_not_believed_or_not_permitted_changes_nothing() {
    let asked = Asked::start();
    let sid = asked.stage.log_in("alice@example.com");
    let cookie = format!("sid={sid}");
    let got = Got::by(&asked, "/a", &cookie);
    let foreign = token::sign(
        b"another key that is long enough for it",
        &json!({"iss": "app", "aud": "sidgate", "iat": unix_now(), "req": got.id, "ev": login()}),
    );
    let question = Request::post("/authz/event")
        .header("X-Session-Event", &foreign)
        .header("X-Request-Id", &got.id)
        .header("X-Forwarded-Host", &asked.stage.host());
    let answer = asked.send(&question);
    assert_eq!(answer.status, 400);
    assert!(answer.leaves_cookies_alone());
    // The assertion of somebody else's request.
    let other = Got {
        id: Got::by(&asked, "/a", &cookie).id,
        assertion: "a.b.c".to_owned(),
    };
    let answer = other.say(&asked, &json!([{"type": "logout", "scope": "all"}]));
    assert_eq!(answer.status, 400);
    assert!(asked.stage.knows(&sid));
}

#[test]
fn a_login_that_a_revocation_has_overtaken_is_refused() {
    let asked = Asked::start();
    let before = asked.stage.log_in("bob@example.com");
    let got = Got::by(&asked, "/login", "");
    // Somebody ends all sessions of bob while the app checks his old password.
    let ending = Got::by(&asked, "/logout", &format!("sid={before}"));
    ending
        .say(&asked, &json!([{"type": "logout", "scope": "all"}]))
        .must_be(204);
    let answer = got.say(&asked, &login());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.leaves_cookies_alone());
}
