//! What users do, and what must be true afterwards. Each step fails if the answer is another one than a user may expect:
//! a session that has ended and is still admitted is an error like any other.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use goose::goose::GooseResponse;
use goose::metrics::GooseRequestMetric;
use goose::prelude::*;
use serde_json::{Value, json};

const SESSION: &str = "/api/auth/session-v2";
const DEVICES: &str = "/api/auth/sessions";
const COOKIE: &str = "sid";
/// The cookie of the old login that the runner's configuration names.
const OLD_COOKIE: &str = "old_session";

static EMAIL: LazyLock<String> = LazyLock::new(|| env("LOAD_EMAIL", "user{}@example.com"));
static PASSWORD: LazyLock<String> = LazyLock::new(|| env("LOAD_PASSWORD", "correct horse battery"));
static PAGE: LazyLock<String> =
    LazyLock::new(|| env("LOAD_PAGE", "/reports/2026/11?page=2&sort=-created_at"));

/// The gateway's other nodes, beside the host that goose knows.
static OTHER_NODES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let named = env("LOAD_OTHER_NODES", "");
    named.split_whitespace().map(str::to_owned).collect()
});

/// Where a path is asked for: each request goes to another node than the one before, as a load balancer sends it.
fn somewhere(path: &str) -> String {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % (OTHER_NODES.len() + 1);
    // What is no URL is seen from the host that goose knows.
    let node = turn.checked_sub(1).and_then(|at| OTHER_NODES.get(at));
    format!("{}{path}", node.map_or("", String::as_str))
}

fn env(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// A number that is new each time, also in the next run against the same gateway.
fn fresh() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_millis() as u64);
        AtomicU64::new(start * 1_000)
    });
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a browser remembers between two pages.
#[derive(Clone, Default)]
struct Visitor {
    email: String,
    cookie: String,
    /// The cookie of a second browser of the same user.
    other: String,
}

fn visitor(user: &GooseUser) -> Visitor {
    user.get_session_data::<Visitor>()
        .cloned()
        .unwrap_or_default()
}

/// One request as a browser sends it.
struct Ask<'a> {
    method: GooseMethod,
    path: &'a str,
    name: &'a str,
    cookie: &'a str,
    body: Option<Value>,
    expect: u16,
}

impl<'a> Ask<'a> {
    fn get(path: &'a str, name: &'a str, cookie: &'a str) -> Self {
        Self {
            method: GooseMethod::Get,
            path,
            name,
            cookie,
            body: None,
            expect: 200,
        }
    }

    fn expecting(self, expect: u16) -> Self {
        Self { expect, ..self }
    }

    async fn send(self, user: &mut GooseUser) -> Result<GooseResponse, Box<TransactionError>> {
        let mut request = user
            .get_request_builder(&self.method, &somewhere(self.path))?
            .header("accept", "application/json")
            .header(
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            );
        if !self.cookie.is_empty() {
            request = request.header("cookie", self.cookie);
        }
        if let Some(body) = self.body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let asked = GooseRequest::builder()
            .method(self.method)
            .path(self.path)
            .name(self.name)
            .expect_status_code(self.expect)
            .error_on_fail()
            .set_request_builder(request)
            .build();
        user.request(asked).await
    }
}

/// The session cookie that an answer sets, as it is sent back.
fn cookie_of(answer: &GooseResponse) -> Option<String> {
    let headers = answer.response.as_ref().ok()?.headers();
    headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|line| line.to_str().ok()?.split(';').next())
        .find(|pair| pair.starts_with(COOKIE) && pair.len() > COOKIE.len())
        .map(str::to_owned)
}

/// Counts a request as failed although its status was right.
fn failed(user: &mut GooseUser, request: &mut GooseRequestMetric, what: &str) -> TransactionResult {
    user.set_failure(what, request, None, None)
}

async fn log_in_as(
    user: &mut GooseUser,
    email: &str,
    name: &str,
) -> Result<String, Box<TransactionError>> {
    let body = json!({"email": email, "password": *PASSWORD});
    let ask = Ask {
        method: GooseMethod::Post,
        path: SESSION,
        name,
        cookie: "",
        body: Some(body),
        expect: 201,
    };
    let mut answer = ask.send(user).await?;
    let cookie = cookie_of(&answer).unwrap_or_default();
    if cookie.is_empty() {
        failed(user, &mut answer.request, "a login without a cookie")?;
    }
    Ok(cookie)
}

/// A login by somebody who was not there before.
pub async fn log_in(user: &mut GooseUser) -> TransactionResult {
    user.set_session_data(Visitor::default());
    let email = EMAIL.replace("{}", &fresh().to_string());
    let cookie = log_in_as(user, &email, "log in").await?;
    user.set_session_data(Visitor {
        email,
        cookie,
        ..Visitor::default()
    });
    Ok(())
}

/// The same user, in another browser.
pub async fn log_in_again(user: &mut GooseUser) -> TransactionResult {
    let mut visitor = visitor(user);
    if visitor.cookie.is_empty() {
        return Ok(());
    }
    visitor.other = log_in_as(user, &visitor.email, "log in again").await?;
    look_at_page(user, &visitor.other, 200, "browse").await?;
    user.set_session_data(visitor);
    Ok(())
}

/// A page that needs a session.
pub async fn browse(user: &mut GooseUser) -> TransactionResult {
    let Visitor { cookie, .. } = visitor(user);
    if cookie.is_empty() {
        return Ok(());
    }
    look_at_page(user, &cookie, 200, "browse").await
}

async fn look_at_page(
    user: &mut GooseUser,
    cookie: &str,
    expect: u16,
    name: &str,
) -> TransactionResult {
    let answer = Ask::get(&PAGE, name, cookie)
        .expecting(expect)
        .send(user)
        .await?;
    // Read to its end, as a browser does.
    answer.response?.bytes().await?;
    Ok(())
}

/// A tab that gets the focus asks who is logged in.
pub async fn revalidate(user: &mut GooseUser) -> TransactionResult {
    let Visitor { cookie, .. } = visitor(user);
    if cookie.is_empty() {
        return Ok(());
    }
    be_logged_in(user, &cookie, true, "revalidate").await
}

async fn be_logged_in(
    user: &mut GooseUser,
    cookie: &str,
    wanted: bool,
    name: &str,
) -> TransactionResult {
    let mut answer = Ask::get(SESSION, name, cookie).send(user).await?;
    let view: Value = answer.response?.json().await?;
    if view.get("authenticated") != Some(&json!(wanted)) {
        return failed(
            user,
            &mut answer.request,
            "the gateway is wrong about a session",
        );
    }
    Ok(())
}

/// Somebody looks where they are logged in.
pub async fn list_devices(user: &mut GooseUser) -> TransactionResult {
    let Visitor { cookie, .. } = visitor(user);
    if cookie.is_empty() {
        return Ok(());
    }
    let mut answer = Ask::get(DEVICES, "list devices", &cookie)
        .send(user)
        .await?;
    let view: Value = answer.response?.json().await?;
    let listed = view
        .get("sessions")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if listed == 0 {
        return failed(
            user,
            &mut answer.request,
            "a device list without the device itself",
        );
    }
    Ok(())
}

/// The session ends, and is refused from then on.
pub async fn log_out(user: &mut GooseUser) -> TransactionResult {
    let Visitor { cookie, .. } = visitor(user);
    if cookie.is_empty() {
        return Ok(());
    }
    user.set_session_data(Visitor::default());
    let ask = Ask {
        method: GooseMethod::Delete,
        path: SESSION,
        name: "log out",
        cookie: &cookie,
        body: None,
        expect: 204,
    };
    ask.send(user).await?;
    be_logged_in(user, &cookie, false, "revalidate, logged out").await
}

/// An old login becomes a session: one, however often its cookie is sent.
pub async fn migrate(user: &mut GooseUser) -> TransactionResult {
    user.set_session_data(Visitor::default());
    let old = format!("{OLD_COOKIE}=old-{}", fresh());
    let mut first = Ask::get(&PAGE, "migrate", &old).send(user).await?;
    let cookie = cookie_of(&first).unwrap_or_default();
    if cookie.is_empty() {
        return failed(
            user,
            &mut first.request,
            "an old login that was not migrated",
        );
    }
    // A second tab that was open all the time.
    let mut second = Ask::get(&PAGE, "migrate, second tab", &old)
        .send(user)
        .await?;
    if cookie_of(&second).as_ref() != Some(&cookie) {
        return failed(user, &mut second.request, "two sessions of one old login");
    }
    user.set_session_data(Visitor {
        cookie,
        ..Visitor::default()
    });
    Ok(())
}

/// Everywhere else is logged out. When the answer is there, the other browser is refused.
pub async fn end_others(user: &mut GooseUser) -> TransactionResult {
    let Visitor { cookie, other, .. } = visitor(user);
    if cookie.is_empty() || other.is_empty() {
        return Ok(());
    }
    let path = format!("{DEVICES}?scope=others");
    let ask = Ask {
        method: GooseMethod::Delete,
        path: &path,
        name: "end the others",
        cookie: &cookie,
        body: None,
        expect: 200,
    };
    let mut answer = ask.send(user).await?;
    let receipt: Value = answer.response?.json().await?;
    if receipt.get("revoked") != Some(&json!(1)) {
        return failed(
            user,
            &mut answer.request,
            "another number of sessions ended than there were",
        );
    }
    look_at_page(user, &other, 401, "browse, ended").await
}
