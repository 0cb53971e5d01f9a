//! A day in the life of a gateway at the highest log level, with every secret known; afterwards none of them is found
//! anywhere but where it belongs (O01, O02). What each single test writes is searched as well, see `sidgate_testkit::secrets`.

use std::fs;
use std::net::SocketAddr;

use serde_json::json;
use session_testing::{TestDatabase, TestPostgres, TestRedis};

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::cli::sidgate_with;
use sidgate_testkit::front::{Front, Tls, client_key, file};
use sidgate_testkit::legacy::{MIGRATE, MIGRATION, knows_old_logins};
use sidgate_testkit::port::free_port;
use sidgate_testkit::spans::SpanReceiver;
use sidgate_testkit::stores::{redis_config, redis_values, sql_text};
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway, Reply, Request, Response, SESSION, Stage, login};

use crate::tracing::{traced, url};

const STORE_PASSWORD: &str = "canary-store-password";
const TOKEN: &str = "canary-admin-token-canary-admin-token";
const OLD: [&str; 2] = ["alice.canary-old-login", "nobody.canary-refused-login"];
/// Must be nowhere; the sids and keys come to these.
const SECRETS: [&str; 14] = [
    PASSWORD,
    TOKEN,
    STORE_PASSWORD,
    "canary-authorization",
    "canary-cookie",
    OLD[0],
    OLD[1],
    "canary-wrong-password",
    "canary-query",
    "canary-csrf",
    "canary-redis-password",
    "canary-body",
    "canary-capability",
    "canary-referer",
];

/// Every field of access lines, and headers that clients choose.
const EVERYTHING_LOGGED: &str = r#"[access_log]
fields = ["request_id", "method", "path", "host", "protocol", "tls", "route", "outcome", "status", "reason", "field",
    "session", "tier", "client", "user_agent", "upstream", "server", "first_byte_us", "received", "bytes", "duration_us"]
headers = ["Accept", "Accept-Language", "Content-Type", "Origin", "X-Forwarded-For", "DNT"]
"#;

/// What is told to clients, and the sids that were.
#[derive(Default)]
struct Told {
    answers: Vec<Response>,
    sids: Vec<String>,
}

impl Told {
    fn send(&mut self, gateway: &Gateway, request: Request) {
        let request = request
            .header("X-CSRFToken", "canary-csrf")
            .header("Authorization", "Bearer canary-authorization");
        let response = gateway.send(&request);
        let cookies = response.all("set-cookie");
        let sids = cookies
            .iter()
            .filter_map(|it| it.strip_prefix("sid=")?.get(..36));
        self.sids.extend(sids.map(str::to_owned));
        self.answers.push(response);
    }

    /// Everything but the cookies that are a client's own.
    fn text(&self) -> String {
        let fields = |it: &Response| {
            let others = it
                .headers
                .iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
            others
                .map(|(name, value)| format!("{name}: {value}\n"))
                .collect::<String>()
                + &it.text()
        };
        self.answers.iter().map(fields).collect()
    }
}

fn live(gateway: &Gateway, app: &App, redis: &mut TestRedis, told: &mut Told) {
    app.on("/hang-up", |_| Reply::hang_up());
    app.on("/rubbish", |_| Reply::Last(b"canary-body\r\n\r\n".to_vec()));
    let carol = app::identity("carol@example.com");
    app.says("/event", json!([{"type": "login", "identity": carol}]));
    let mut send = |request: Request| told.send(gateway, request);
    send(login("alice@example.com", PASSWORD));
    send(login("alice@example.com", "canary-wrong-password"));
    for old in OLD {
        send(
            Request::get("/page?token=canary-query")
                .header("Cookie", &format!("session_token={old}")),
        );
        send(Request::post(MIGRATE).header("Cookie", &format!("dott_auth_session={old}")));
    }
    send(Request::post("/event?token=canary-query").body("canary-body"));
    for path in ["/page", "/hang-up", "/rubbish", "/bad\\path", "//elsewhere"] {
        send(Request::get(&format!("{path}?token=canary-query")));
    }
    send(
        Request::get("/reset/MQ/canary-capability/?token=canary-query")
            .header("Referer", "http://localhost/canary-referer"),
    );
    send(Request::post("/reset/MQ/canary-capability/").body("canary-body"));
    send(Request::get("/").header("X_Odd", "canary-body"));
    send(Request::get("/").header("Transfer-Encoding", "canary-body"));
    send(Request::get("/").header("Connection", "cookie"));
    send(Request::get("/").header("Cookie", "other=canary-cookie"));
    send(
        Request::post(SESSION)
            .header("Content-Type", "application/json")
            .body("{canary-body"),
    );
    for reply in [
        Reply::hang_up(),
        Reply::new(500, &[], "canary-body"),
        Reply::json(200, &json!({"user": {"id": "canary-body "}})),
    ] {
        app.on_authenticate(reply);
        send(login("alice@example.com", PASSWORD));
    }
    app.on_authenticate(Reply::json(200, &app::identity("alice@example.com")));
    let garbage = "GET /canary-query HTTP/9.9\r\nCookie: other=canary-cookie\r\n\r\n";
    let mut connection = gateway.connect();
    connection.write(garbage.as_bytes());
    connection.try_read(false);
    let sid = told.sids.first().expect("a session").clone();
    let mut send = |request: Request| told.send(gateway, request.sid(&sid));
    send(Request::get("/required?token=canary-query"));
    send(Request::get(SESSION));
    send(Request::get("/").header("Cookie", &format!("sid={sid}")));
    redis.stop();
    send(Request::get("/required"));
    send(login("alice@example.com", PASSWORD));
    redis.restart();
    for token in [TOKEN, "canary-body"] {
        let call = Request::get("/api/admin/sessions?user=alice")
            .header("Authorization", &format!("Bearer {token}"));
        told.answers.push(gateway.send_to_admin(&call));
    }
}

/// All keys and values, of sessions among others.
fn what_is_in_redis(gateway: &Gateway, redis: &TestRedis, told: &mut Told) -> String {
    let shown = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
    };
    // Redis may still be connecting, or too slow once.
    until("a session in Redis", LONG, || {
        let sid = gateway.log_in("alice@example.com");
        gateway.get_as(&sid, "/page");
        told.sids.push(sid);
        Some(redis_values(redis)).filter(|values| !values.is_empty())
    })
    .iter()
    .map(|(key, value)| shown(key) + &shown(value))
    .collect()
}

#[test]
fn no_secret_is_anywhere_but_where_it_belongs() {
    a_day(|_| None);
}

/// Other libraries write the requests to such an app, and have things of their own to say.
#[test]
fn no_secret_is_anywhere_with_an_app_of_http2_under_tls() {
    let how = Tls {
        clients_of: Some("authority.pem"),
        protocols: &["h2"],
        ..Tls::default()
    };
    a_day(|app| Some(Front::http2(Some(how), app)));
}

/// What must not be found anywhere: what the test made up, keys, the private key of a PEM file, and the sids of sessions.
fn all_secrets(keys: &[String], pem: &str, sids: &[String]) -> Vec<String> {
    let mut secrets: Vec<String> = SECRETS.iter().map(|&secret| secret.to_owned()).collect();
    secrets.extend_from_slice(keys);
    let lines = pem.lines().filter(|line| !line.contains("---"));
    secrets.extend(lines.map(str::to_owned));
    for sid in sids {
        secrets.extend([sid.clone(), sid.replace('-', "")]);
    }
    secrets
}

/// A gateway that logs and traces all that it can, and has its secrets from the environment.
fn talkative(
    app: &App,
    way: &str,
    redis: &TestRedis,
    database: &TestDatabase,
    receiver: &SpanReceiver,
) -> Gateway {
    let with_password = redis
        .url()
        .replace("redis://", "redis://default:canary-redis-password@");
    let unlogged = "[[routes]]\npath = \"/reset\"\nupstream = \"app\"\n\
                    session = \"optional\"\nlog_path = false";
    Gateway::in_front_of(app)
        .with(MIGRATION)
        .with(way)
        .with("[store]\nurl = \"${CANARY_STORE_URL}\"")
        .with(&redis_config(redis).replace(&redis.url(), "${CANARY_REDIS_URL}"))
        .with("[admin]\ntoken = \"${CANARY_TOKEN}\"")
        .with(unlogged)
        .with(EVERYTHING_LOGGED)
        .with(&traced(&url(receiver)))
        .env(
            "CANARY_STORE_URL",
            &with_store_password(database.url().expose()),
        )
        .env("CANARY_REDIS_URL", &with_password)
        .env("CANARY_TOKEN", TOKEN)
        .env("RUST_LOG", "trace")
        .start()
}

fn a_day(front: impl FnOnce(SocketAddr) -> Option<Front>) {
    let app = App::start();
    let front = front(app.address());
    let (cert, key) = (file("client.pem"), client_key());
    let way = front.as_ref().map_or_else(String::new, |front| {
        let shown = format!(", client_cert = {cert:?}, client_key = {key:?} }}");
        front.config().replace(" }", &shown)
    });
    let mut redis = TestRedis::start();
    let database = TestPostgres::shared().database();
    let receiver = SpanReceiver::start();
    let gateway = talkative(&app, &way, &redis, &database, &receiver);
    let mut stage = Stage { gateway, app };
    knows_old_logins(&stage.app);
    let mut told = Told::default();
    live(&stage, &stage.app, &mut redis, &mut told);
    let bearer = Request::get("/metrics").header("Authorization", &format!("Bearer {TOKEN}"));
    let metrics = until("metrics", LONG, || {
        Some(stage.send_to_admin(&bearer)).filter(|it| it.status == 200)
    });
    let command_line = stage.command_line();
    let tables = "SELECT string_agg(query_to_xml(format('SELECT * FROM %I', tablename), true, false, '')::text, '') \
                  FROM pg_tables WHERE tablename LIKE 'sidgate_%'";
    let sql = sql_text(&database, tables);
    let values = what_is_in_redis(&stage, &redis, &mut told);
    let upstream_key = stage.upstream_key(app::NAME);
    let master = fs::read_to_string(stage.folder().join("master.key")).unwrap();
    stage.stop();

    let spans: Vec<u8> = receiver
        .messages()
        .into_iter()
        .flat_map(|it| it.wire)
        .collect();
    let spans = String::from_utf8_lossy(&spans).into_owned();
    assert!(
        spans.contains("POST endpoint:session"),
        "the spans were sent"
    );
    assert!(sql.contains("alice"), "the sessions are there");
    assert!(
        told.sids.len() >= 3,
        "logins, a migration, an event: {:?}",
        told.sids
    );
    let log = stage.output();
    let is_at_trace = log.contains("\"TRACE\"") || log.contains("\"DEBUG\"");
    assert!(is_at_trace, "not at trace");
    let keys = [master.trim().to_owned(), base64(&upstream_key)];
    let secrets = all_secrets(&keys, &fs::read_to_string(&key).unwrap(), &told.sids);
    for (place, text) in [
        ("log", log),
        ("answers", told.text()),
        ("metrics", metrics.text()),
        ("command line", command_line),
        ("SQL", sql),
        ("Redis", values),
        ("spans", spans),
    ] {
        let leaked = secrets.iter().find(|secret| text.contains(secret.as_str()));
        assert_eq!(leaked, None, "in {place}");
    }
}

#[test]
fn passwords_of_a_store_that_is_away_are_not_shown() {
    let port = free_port();
    let url = with_store_password(&format!("postgres://sidgate@127.0.0.1:{port}/sidgate"));
    let mut stage = Stage::built(|it| {
        it.with("[store]\nurl = \"${CANARY_STORE_URL}\"")
            .env("CANARY_STORE_URL", &url)
            .not_ready()
    });
    stage.try_login("alice@example.com");
    let config = stage.config_file();
    let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
    let environment = [("CANARY_STORE_URL".to_owned(), url)];
    let outcome = sidgate_with(&environment, stage.folder(), &arguments);
    stage.stop();

    assert_eq!(
        outcome.code,
        Some(1),
        "not a fault of the file: {outcome:?}"
    );
    for output in [stage.output(), outcome.output()] {
        assert!(!output.contains(STORE_PASSWORD), "{output}");
    }
}

fn with_store_password(url: &str) -> String {
    let (user, rest) = url.split_once('@').unwrap();
    format!("{user}:{STORE_PASSWORD}@{rest}")
}

fn base64(key: &[u8]) -> String {
    use base64::Engine as _;

    base64::engine::general_purpose::STANDARD.encode(key)
}
