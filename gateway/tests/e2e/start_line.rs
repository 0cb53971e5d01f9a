//! What the log says of a process as a whole: when it listens, when it ends, and in whose words.

use rustix::process::Signal;
use serde_json::{Value, json};

use sidgate_testkit::cli::sidgate;
use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{Gateway, Reply, Stage, tls};

use crate::causes::lines;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The only line that says that the gateway has started.
fn started(gateway: &Gateway) -> Value {
    let output = gateway.stdout();
    let mut all = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.starts_with("sidgate ") && message.ends_with(" started")
        });
    let line = all.next().unwrap_or_else(|| panic!("no line: {output}"));
    assert!(all.next().is_none(), "once: {output}");
    line
}

#[test]
fn the_start_is_one_line_with_all_that_tells_installations_apart() {
    let port = free_port();
    let (cert, key) = tls::files();
    let other = "[upstreams.other]\nservers = [\"127.0.0.1:1\", \"other.test:2\"]";
    let stage = Stage::with([
        &format!(
            "[server]\npublic_origin = \"https://localhost:{port}\"\n\
             [server.tls]\nlisten = [\"127.0.0.1:{port}\"]\ncert = {cert:?}\nkey = {key:?}\n"
        ),
        other,
        "[cache]\nredis_url = \"redis://gw:s3cret-of-redis@127.0.0.1:1/3\"",
    ]);

    let line = started(&stage);

    let commit = line["commit"].as_str().expect("a commit");
    assert_eq!(
        line["message"],
        format!("sidgate {VERSION} ({commit}) started")
    );
    assert_eq!(line["version"], VERSION);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["http"], stage.address().to_string());
    assert_eq!(line["tls"], format!("127.0.0.1:{port}"));
    assert_eq!(line["admin"], stage.admin_address().to_string());
    assert_eq!(line["origin"], format!("https://localhost:{port}"));
    let hosts = line["hosts"].as_str().expect("hosts");
    assert!(
        hosts
            .split(' ')
            .any(|host| host == format!("localhost:{port}")),
        "{hosts}"
    );
    assert_eq!(line["store"], "sqlite");
    let database = line["store_database"].as_str().expect("a file");
    assert!(database.ends_with("/sidgate.db"), "{database}");
    assert_eq!(line["redis"], "single");
    assert_eq!(line["redis_host"], "127.0.0.1:1");
    let upstreams = format!("app={} other=127.0.0.1:1,other.test:2", stage.app.address());
    assert_eq!(line["upstreams"], upstreams);
    assert_eq!(line["config"], stage.config_file().display().to_string());
    assert!(line["pid"].as_u64().is_some_and(|pid| pid > 1), "{line:#}");
    let nodes = stage.admin("/api/admin/nodes").must_be(200).json();
    assert!(
        nodes
            .to_string()
            .contains(line["node"].as_str().expect("a node")),
        "{nodes} {line:#}"
    );
    assert!(!stage.output().contains("s3cret-of-redis"));
}

#[test]
fn what_there_is_not_is_not_in_the_line() {
    let stage = Stage::start();

    let line = started(&stage);

    assert_eq!(line["redis"], "none");
    for name in ["tls", "store_host", "redis_host"] {
        assert_eq!(line.get(name), None, "{name}");
    }
}

#[test]
fn a_postgres_store_is_named_without_its_account() {
    // Nobody listens there: the line does not wait for the store.
    let stage = Stage::built(|it| {
        it.with("[store]\nurl = \"${DATABASE}\"")
            .env("DATABASE", "postgres://gw-role:s3cret@127.0.0.1:1/shop")
            .not_ready()
    });

    let line = started(&stage);

    assert_eq!(line["store"], "postgres");
    assert_eq!(line["store_host"], "127.0.0.1:1");
    assert_eq!(line["store_database"], "shop");
    assert!(!stage.output().contains("s3cret"), "{}", stage.output());
    assert!(!stage.output().contains("gw-role"), "{}", stage.output());
}

#[test]
fn the_end_is_a_line_with_its_reason() {
    for (signal, reason) in [(Signal::TERM, "terminated"), (Signal::INT, "interrupted")] {
        let stage = Stage::start();
        stage.signal(signal);

        let ended = until("its end", LONG, || lines(&stage, "stopped").pop());

        assert_eq!(ended["reason"], reason);
        assert!(ended["uptime_seconds"].is_u64(), "{ended:?}");
    }
}

#[test]
fn a_replaced_process_says_so() {
    let mut stage = Stage::start();
    stage.hand_over();

    let ended = lines(&stage, "stopped");

    assert_eq!(ended[0]["reason"], "replaced");
    let output = stage.output();
    assert!(!output.contains("\"ERROR\""), "{output}");
    assert_eq!(output.matches(") started\"").count(), 2, "{output}");
}

#[test]
fn the_command_line_names_version_and_commit() {
    let stage = Stage::start();
    let line = started(&stage);

    let said = sidgate(stage.folder(), &["--version"]).success();

    let commit = line["commit"].as_str().unwrap();
    assert_eq!(said, format!("sidgate {VERSION} ({commit})\n"));
    let labels = [("version", VERSION), ("commit", commit)];
    assert_eq!(stage.sum("sidgate_build_info", &labels), 1.0);
}

/// The line of a library is written like ours: it names no file of the machine that built the program.
#[test]
fn lines_of_libraries_name_no_file_of_the_build() {
    let stage = Stage::start();
    // More than it has announced.
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more";
    stage.on("/too-much", |_| Reply::Last(answer.to_vec()));
    let line = until("a line of Pingora's", LONG, || {
        stage.get("/too-much");
        let output = stage.stdout();
        let mut lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| {
            line["target"]
                .as_str()
                .is_some_and(|target| target.starts_with("pingora"))
        })
    });

    let names: Vec<_> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        json!(names),
        json!(["level", "message", "target", "timestamp"])
    );
    let output = stage.output();
    assert!(!output.contains(".cargo"), "{output}");
    assert!(!output.contains(".rs\""), "{output}");
}
