//! The vectors again, in front of the servers that apps really run on: what such an app sees is what the gateway has decided,
//! and never more.
//!
//! Names are compared as WSGI folds them (`X_Session` and `X-Session` are one), values as apps get them: several of one name
//! joined. A server may decline what the gateway has sent; how often it does is printed, and must be rare.

mod server;

use std::collections::BTreeMap;

use sidgate_testkit::client::Connection;
use sidgate_testkit::{App, Gateway, h2};

use self::server::{Kind, Seen, Server};
use crate::vectors::case::{File, Upstream, Values};
use crate::vectors::sent::Sent;

const FILES: [&str; 5] = [
    include_str!("../vectors/a-headers.toml"),
    include_str!("../vectors/b-cookies.toml"),
    include_str!("../vectors/c-framing.toml"),
    include_str!("../vectors/d-targets.toml"),
    include_str!("../vectors/e-sites.toml"),
];

#[test]
fn gunicorn_of_many_a_running_site() {
    run(Kind::OldGunicorn);
}

#[test]
fn gunicorn_of_today() {
    run(Kind::Gunicorn);
}

#[test]
fn gunicorn_at_a_unix_socket() {
    run(Kind::GunicornSocket);
}

#[test]
fn uvicorn() {
    run(Kind::Uvicorn);
}

#[test]
fn node() {
    run(Kind::Node);
}

fn run(kind: Kind) {
    let mut tally = Tally::default();
    for text in FILES {
        let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        let stage = Stage::set(kind, &file.config);
        for case in &file.cases {
            for (id, values) in case.instances(&stage.values) {
                let sent = Sent {
                    case,
                    id: &id,
                    values,
                };
                stage.check(&sent, &mut tally);
            }
        }
    }
    println!("{kind:?}: {tally}");
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    assert!(
        tally.seen > 100 && tally.declined * 20 < tally.seen,
        "{kind:?} has seen too little of it for this to prove much: {tally}"
    );
}

/// What became of the vectors.
#[derive(Default)]
struct Tally {
    refused: usize,
    seen: usize,
    declined: usize,
    failures: Vec<String>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            refused,
            seen,
            declined,
            failures,
        } = self;
        write!(
            f,
            "{refused} refused by the gateway, {seen} seen by the app as decided, {declined} declined by the server, {} failures",
            failures.len()
        )
    }
}

struct Stage {
    server: Server,
    gateway: Gateway,
    values: Vec<(&'static str, String)>,
    /// Knows who may log in.
    _app: App,
}

impl Stage {
    fn set(kind: Kind, config: &str) -> Self {
        let app = App::start();
        let server = Server::start(kind);
        let gateway = Gateway::in_front_of(&app)
            .with(config)
            .routes_to(server.address())
            .start();
        let [sid, bob] = ["alice@example.com", "bob@example.com"].map(|user| gateway.log_in(user));
        let values = vec![
            ("host", gateway.host()),
            ("port", gateway.public_port().to_string()),
            ("origin", gateway.origin()),
            ("N", "sid".to_owned()),
            ("sid", sid),
            ("bob", bob),
        ];
        Self {
            server,
            gateway,
            values,
            _app: app,
        }
    }

    fn check(&self, sent: &Sent<'_>, tally: &mut Tally) {
        if sent.case.h2.is_none() {
            let mut connection = Connection::open(self.gateway.address());
            let bytes = sent.h1_bytes();
            connection.write(&bytes);
            drop(connection.try_read(sent.is_head()));
            self.judge(sent, "h1", tally);
        }
        if sent.case.h1.is_none() {
            let (fields, body) = sent.h2_fields();
            h2::send(self.gateway.address(), &fields, body.as_deref());
            self.judge(sent, "h2", tally);
        }
    }

    /// The answer has come, so whatever the app has seen is written down.
    fn judge(&self, sent: &Sent<'_>, protocol: &str, tally: &mut Tally) {
        let verdict = match (&sent.case.upstream, &*self.server.seen()) {
            (None, []) => {
                tally.refused += 1;
                Ok(())
            }
            (Some(_), []) => {
                tally.declined += 1;
                Ok(())
            }
            (Some(expected), [seen]) => {
                tally.seen += 1;
                self.compare(sent, expected, seen)
            }
            (_, seen) => Err(format!("the app saw {} requests: {seen:?}", seen.len())),
        };
        if let Err(why) = verdict {
            let id = sent.id;
            tally.failures.push(format!("{id} over {protocol}: {why}"));
        }
    }

    fn compare(&self, sent: &Sent<'_>, expected: &Upstream, seen: &Seen) -> Result<(), String> {
        let line = latin1(&sent.values, &expected.line);
        let body = latin1(&sent.values, &expected.body);
        if (&seen.line, &seen.body) != (&line, &body) {
            return Err(format!("{seen:?} instead of {line:?} with {body:?}"));
        }
        let fields = expected
            .fields
            .iter()
            .map(|field| latin1(&sent.values, field));
        let mut wanted = folded(fields.map(|field| {
            let (name, value) = field.split_once(": ").unwrap_or((&field, ""));
            (name.to_owned(), value.to_owned())
        }));
        let mut got = folded(seen.fields.iter().cloned());
        let states = identity(&expected.seen_as);
        for (name, value) in &states {
            wanted.insert((*name).to_owned(), (*value).to_owned());
        }
        for (name, value) in &mut got {
            let written = wanted.get(name).is_some_and(|wanted| wanted == "*");
            if written && !value.is_empty() && !value.contains(',') {
                "*".clone_into(value);
            }
        }
        // Over chunks a server may say the length it has counted, or none.
        for fields in [&mut wanted, &mut got] {
            fields.remove("CONTENT_LENGTH");
            fields.remove("TRANSFER_ENCODING");
        }
        if got == wanted {
            Ok(())
        } else {
            Err(format!("the app saw\n  {got:?}\ninstead of\n  {wanted:?}"))
        }
    }
}

/// What the gateway writes on every request; `*` is one value of its choice.
fn identity(seen_as: &str) -> Vec<(&'static str, &str)> {
    let state = if seen_as == "alice" {
        "active"
    } else {
        seen_as
    };
    let mut fields = vec![
        ("HOST", "*"),
        ("X_FORWARDED_FOR", "127.0.0.1"),
        ("X_FORWARDED_PROTO", "http"),
        ("X_FORWARDED_HOST", "*"),
        ("X_FORWARDED_PORT", "*"),
        ("X_REQUEST_ID", "*"),
        ("X_SIDGATE_HOP", "*"),
        ("X_SESSION_STATE", state),
        ("X_SESSION_ASSERTION", "*"),
    ];
    if seen_as == "alice" {
        fields.extend([
            ("X_SESSION_ID", "*"),
            ("X_SESSION_USER_ID", "alice"),
            ("X_SESSION_TENANT_ID", "t1"),
            ("X_SESSION_EXPIRES_AT", "*"),
            ("X_SESSION_EMAIL", "alice@example.com"),
        ]);
    }
    fields
}

/// As WSGI has it: upper case, `_` for `-`, several values joined.
fn folded(fields: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut folded = BTreeMap::<String, String>::new();
    for (name, value) in fields {
        folded
            .entry(name.to_uppercase().replace('-', "_"))
            .and_modify(|joined| *joined = format!("{joined},{value}"))
            .or_insert(value);
    }
    folded
}

/// One character for each byte that `text` stands for, as servers hand bytes to apps.
fn latin1(values: &Values, text: &str) -> String {
    values.bytes(text).into_iter().map(char::from).collect()
}
