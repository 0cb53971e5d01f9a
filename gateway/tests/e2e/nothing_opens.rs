//! Nothing that is stored, or told to an app, is a login: not as a cookie, not as a credential, not as a header.
//!
//! The attack: somebody reads every table, or an app reads every assertion that it gets, and sends each text back under
//! every name under which a login may come. The app here is as trusting as an app can be: it takes its own reference for
//! a login, as an app does whose reference is the key of a session of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use session_testing::{TestDatabase, TestPostgres};

use sidgate_testkit::legacy::{MIGRATE, MIGRATION, knows_old_logins};
use sidgate_testkit::stores::{sql_text, store_config};
use sidgate_testkit::{App, Gateway, Request, app, secrets, token};

const OTHER: &str = "other";
/// What the app takes for a login of alice, see `sidgate_testkit::legacy`.
const REFERENCE: &str = "alice.key-of-the-apps-own-session";
const OLD: &str = "bob.old-login-that-was-migrated";
/// Where a login may come in.
const COOKIES: [&str; 4] = ["sid", "dott_auth_session", "session_token", "sessionid"];
const HEADERS: [&str; 5] = [
    "Authorization",
    "X-Session-User-Id",
    "X-Session-Assertion",
    "X-Session-Token",
    "X-Session-Event",
];

struct Stage {
    backend: App,
    other: App,
    gateway: Gateway,
    sids: Vec<String>,
}

impl Stage {
    /// Users of every kind are logged in.
    fn set(store: &str) -> Self {
        let (backend, other) = (App::start(), App::start());
        knows_old_logins(&backend);
        let gateway = Gateway::in_front_of(&backend)
            .with(store)
            .with(MIGRATION)
            .with(&format!(
                "[edge]\nmisses_per_client = \"1000000/m\"\n\
                 [migration]\nrollback_reissue = true\n\
                 [upstreams.{OTHER}]\nservers = [\"{}\"]\n\
                 [[routes]]\npath = \"/other/\"\nupstream = \"{OTHER}\"\nsession = \"optional\"\n",
                other.address()
            ))
            .start();
        other.set_key(gateway.upstream_key(OTHER));
        let mut login = json!({"type": "login", "identity": app::identity("alice@example.com")});
        login["identity"]["ref"] = REFERENCE.into();
        backend.says("/event", json!([login]));
        let by_event = gateway.send(&Request::post("/event")).new_sid();
        let by_password = gateway.log_in("alice@example.com");
        let old = Request::post(MIGRATE).header("Cookie", &format!("session_token={OLD}"));
        // The answer takes the old cookie away as well.
        let migrated = gateway.send(&old);
        let migrated = migrated.all("set-cookie").into_iter();
        let migrated = migrated.filter_map(|cookie| cookie.strip_prefix("sid=")?.get(..36));
        let migrated = migrated.map(str::to_owned).next().expect("a sid");
        Self {
            backend,
            other,
            gateway,
            sids: vec![by_event, by_password, migrated],
        }
    }

    /// Every text in the assertions that the other app gets.
    fn told(&self) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for sid in &self.sids {
            self.gateway.get_as(sid, "/other/seen");
            let seen = self.other.last_request();
            let assertion = seen.header("x-session-assertion").unwrap();
            collect(&token::verify(&self.other.key(), &assertion), &mut texts);
            texts.insert(assertion);
            texts.extend(seen.headers().into_iter().map(|(_, value)| value));
        }
        assert!(texts.contains("alice"), "something is told: {texts:?}");
        texts
    }

    /// Sends every text in every place. Nobody is let in.
    fn nothing_opens(&self, texts: &BTreeSet<String>) {
        let mut connection = self.gateway.connect();
        let host = self.gateway.host();
        let cookies = COOKIES.iter().flat_map(|name| {
            texts
                .iter()
                .map(move |text| ("Cookie", format!("{name}={text}")))
        });
        let headers = HEADERS.iter().flat_map(|name| {
            let scheme = if *name == "Authorization" {
                "Bearer "
            } else {
                ""
            };
            texts
                .iter()
                .map(move |text| (*name, format!("{scheme}{text}")))
        });
        for (name, value) in cookies.chain(headers) {
            if self.sids.iter().any(|sid| value.contains(sid)) {
                continue;
            }
            let request = Request::get("/required/x").header(name, &value);
            connection.write(&request.bytes(&host));
            let Some(response) = connection.try_read(false) else {
                connection = self.gateway.connect();
                continue;
            };
            assert!(response.status >= 400, "{name}: {value} -> {response:?}");
            let given = response.all("set-cookie");
            let is_sid =
                |cookie: &&str| cookie.starts_with("sid=") && !cookie.contains("Max-Age=0");
            assert!(!given.iter().any(is_sid), "{name}: {value} -> {given:?}");
            if response.header("connection") == Some("close") {
                connection = self.gateway.connect();
            }
        }
        // They were sent where secrets go; what is public among them is none.
        texts.iter().for_each(|text| secrets::forget(text));
        let reached = self.backend.requests();
        let inside = reached
            .iter()
            .any(|request| request.target() == "/required/x");
        assert!(!inside, "the app was reached");
    }

    fn revoke_everybody(&self) {
        for sid in &self.sids {
            let request = Request::delete("/api/auth/sessions?scope=all").sid(sid);
            self.gateway.send(&request);
            assert!(!self.gateway.knows(sid));
        }
    }
}

/// Every text in a document.
fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                collect(&inner, into);
            }
            // A column may hold several texts.
            into.extend(text.split([' ', ':', ',']).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.values().for_each(|member| collect(member, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every text of every table, also within documents; bytes in hex, in base64, and as the text that they may be.
fn tables(database: &TestDatabase) -> BTreeSet<String> {
    let names = sql_text(
        database,
        "SELECT string_agg(table_name, ',') FROM information_schema.tables WHERE table_schema = 'public'",
    );
    let mut texts = BTreeSet::new();
    for table in names.split(',') {
        let rows = sql_text(
            database,
            &format!("SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM {table} t"),
        );
        collect(&serde_json::from_str(&rows).unwrap(), &mut texts);
    }
    let bytes: Vec<String> = texts
        .iter()
        .filter_map(|text| text.strip_prefix("\\x"))
        .map(str::to_owned)
        .collect();
    texts.extend(bytes);
    texts
}

/// What can be sent at all.
fn sendable(texts: BTreeSet<String>) -> BTreeSet<String> {
    let fits = |text: &String| {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b";\",\\".contains(&byte);
        (1..=2_000).contains(&text.len()) && text.bytes().all(plain)
    };
    texts.into_iter().filter(fits).collect()
}

#[test]
fn nothing_that_postgres_holds_or_an_app_is_told_is_a_login() {
    let database = TestPostgres::shared().database();
    let stage = Stage::set(&store_config(&database));
    let told = stage.told();
    let mut texts = tables(&database);
    texts.extend(told);
    let texts = sendable(texts);
    for secret in [REFERENCE, OLD]
        .into_iter()
        .chain(stage.sids.iter().map(String::as_str))
    {
        assert!(
            !texts.iter().any(|text| text.contains(secret)),
            "{secret} is there to read"
        );
    }
    assert!(texts.len() > 20, "there is something to try: {texts:?}");
    stage.nothing_opens(&texts);
    stage.revoke_everybody();
    stage.nothing_opens(&texts);
}

#[test]
fn nothing_that_sqlite_holds_is_a_login() {
    let stage = Stage::set("");
    let folder = stage.gateway.folder();
    let files = ["sidgate.db", "sidgate.db-wal"].map(|name| std::fs::read(folder.join(name)));
    let bytes: Vec<u8> = files.into_iter().flatten().flatten().collect();
    let text = String::from_utf8_lossy(&bytes);
    for secret in [REFERENCE, OLD]
        .into_iter()
        .chain(stage.sids.iter().map(String::as_str))
    {
        assert!(!text.contains(secret), "{secret} is there to read");
    }
    // The rows, and not the text of the schema around them.
    let words = text.split(|c: char| !c.is_ascii_graphic() || "\"{}[]();,".contains(c));
    let words = words.filter(|word| word.len() > 4 && word.chars().any(|c| c.is_ascii_digit()));
    let texts = sendable(words.map(str::to_owned).collect());
    stage.nothing_opens(&texts);
    stage.revoke_everybody();
    stage.nothing_opens(&texts);
}
