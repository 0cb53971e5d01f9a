//! Reloads that change how listeners, routes, servers and answers behave, one key after another, while visitors keep coming: each
//! of them gets the answer of the app.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sidgate_testkit::client::Connection;
use sidgate_testkit::config::merge;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::{Reply, Request, Stage};
use toml::{Table, Value};

/// Keys and their new values. `ROUTE` is the route of the visitors; `FOLDER` is that of the configuration.
const CHANGES: &[(&str, &str)] = &[
    ("upstreams.it.balance", "\"least_connections\""),
    ("upstreams.it.balance", "\"session\""),
    ("upstreams.it.max_connections", "100"),
    ("upstreams.it.websocket_idle", "\"10m\""),
    (
        "upstreams.it.retry",
        "{ on = [\"connect\", \"502\"], attempts = 3, connect_after = \"1s\" }",
    ),
    (
        "upstreams.it.passive",
        "{ failures = 5, eject = \"1s\", eject_max = \"2s\" }",
    ),
    (
        "upstreams.it.health",
        "{ path = \"/healthz\", interval = \"100ms\" }",
    ),
    ("server.name_servers", "[\"127.0.0.1:9\"]"),
    ("server.resolve_every", "\"2s\""),
    ("server.health_path", "\"/alive\""),
    ("server.acme_dir", "\"FOLDER/acme\""),
    ("server.proxy_protocol_from", "[\"192.0.2.0/24\"]"),
    ("ROUTE.methods", "[\"GET\"]"),
    ("ROUTE.hosts", "[\"localhost\"]"),
    ("ROUTE.strip_prefix", "true"),
    ("ROUTE.encoded_slashes", "\"pass\""),
    ("ROUTE.read_timeout", "\"30s\""),
    ("ROUTE.max_body_bytes", "\"1MiB\""),
    ("ROUTE.log", "\"errors\""),
    (
        "ROUTE.response_headers",
        "{ \"X-Frame-Options\" = \"DENY\" }",
    ),
    ("ROUTE.compress", "\"always\""),
    ("compression.algorithms", "[\"zstd\", \"gzip\"]"),
    ("pages.dir", "\"FOLDER/pages\""),
    ("maintenance.retry_after", "\"1m\""),
    ("access_log.fields", "[\"status\", \"server\", \"bytes\"]"),
    ("access_log.headers", "[\"Accept-Language\"]"),
    ("access_log.file", "\"FOLDER/access.log\""),
];

const ROUTES: &str = "routes";

fn set(config: &mut Table, key: &str, value: Value) {
    let (route, rest) = match key.strip_prefix("ROUTE.") {
        Some(rest) => (true, rest),
        None => (false, key),
    };
    if route {
        let routes = config[ROUTES].as_array_mut().unwrap();
        let ours = routes
            .iter_mut()
            .find(|route| route["path"].as_str() == Some("/it"));
        ours.unwrap()
            .as_table_mut()
            .unwrap()
            .insert(rest.to_owned(), value);
        return;
    }
    let nested = rest.rsplit('.').fold(value, |value, name| {
        Value::Table(Table::from_iter([(name.to_owned(), value)]))
    });
    merge(config, nested.as_table().unwrap().clone());
}

/// Asks until it is over. How many requests there were.
fn visit(stage: &Stage, is_over: &AtomicBool) -> usize {
    let (address, host) = (stage.address(), stage.host());
    let mut connection = Connection::open(address);
    let mut asked = 0;
    while !is_over.load(Ordering::Relaxed) {
        connection.write(&Request::get("/it").bytes(&host));
        let answer = connection.read(false);
        assert_eq!((answer.status, answer.text().as_str()), (200, "well"));
        asked += 1;
        // Others want to compute as well.
        thread::sleep(Duration::from_millis(5));
    }
    asked
}

#[test]
fn no_visitor_notices_a_reload_of_any_key() {
    let servers = [0, 1].map(|_| RecordingUpstream::start(|_| Reply::new(200, &[], "well")));
    let addresses: Vec<String> = servers.iter().map(|it| it.address().to_string()).collect();
    let stage = Stage::with([
        &format!("[upstreams.it]\nservers = {addresses:?}\n"),
        "[[routes]]\npath = \"/it\"\nupstream = \"it\"\nsession = \"optional\"\n",
    ]);
    let folder = stage.folder().display().to_string();
    for name in ["acme", "pages"] {
        std::fs::create_dir(stage.folder().join(name)).unwrap();
    }
    let (is_over, asked) = (AtomicBool::new(false), Arc::<AtomicUsize>::default());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| asked.fetch_add(visit(&stage, &is_over), Ordering::Relaxed));
        }
        for (key, value) in CHANGES {
            let value = value.replace("FOLDER", &folder);
            let parsed: Table = format!("value = {value}").parse().unwrap();
            stage.reconfigure(|_, text| {
                let mut config: Table = text.parse().unwrap();
                set(&mut config, key, parsed["value"].clone());
                config.to_string()
            });
            let answer = stage.send_to_admin(&Request::post("/api/admin/reload"));
            assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > CHANGES.len());
}
