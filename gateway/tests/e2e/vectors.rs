//! Vectors as data: `gateway/tests/vectors/*.toml`, one test for each file, over HTTP/1 and HTTP/2.
//!
//! Each vector is sent on a connection of its own. Then status and rule must be the expected ones, the app must have
//! received exactly one request made of exactly the expected fields, or nothing at all, and no more look-ups may have been
//! made than allowed. And `explain` must say of it what has happened.

mod answer;
pub(crate) mod case;
mod explained;
mod listener;
mod seen;
pub(crate) mod sent;
mod to;

use tempfile::TempDir;

use sidgate_testkit::client::Connection;
use sidgate_testkit::front::Front;
use sidgate_testkit::wire::Way;
use sidgate_testkit::{App, Gateway, Reply, Request, h2};

use self::answer::{Came, check_answer, check_counts};
use self::case::File;
use self::explained::check_explained;
use self::listener::{By, on_listener};
use self::sent::Sent;
use self::to::To;

#[test]
fn headers_of_category_a() {
    run(include_str!("../vectors/a-headers.toml"));
}

#[test]
fn cookies_of_category_b() {
    run(include_str!("../vectors/b-cookies.toml"));
}

#[test]
fn framing_of_category_c() {
    run(include_str!("../vectors/c-framing.toml"));
}

#[test]
fn targets_of_category_d() {
    run(include_str!("../vectors/d-targets.toml"));
}

/// Where one route lets slashes pass, nothing else changes, and every other rule holds there too.
#[test]
fn targets_of_category_d_beside_a_route_that_passes_slashes() {
    let passes = "[[routes]]\npath = \"/slashes\"\nupstream = \"app\"\nencoded_slashes = \"pass\"";
    let mut file = read(include_str!("../vectors/d-targets.toml"));
    file.config.push_str(passes);
    run_file(&file);
}

#[test]
fn sites_of_category_e() {
    run(include_str!("../vectors/e-sites.toml"));
}

#[test]
fn answers_of_apps() {
    run(include_str!("../vectors/answers.toml"));
}

/// How apps are spoken to changes nothing of what they are told.
#[test]
fn headers_over_a_unix_socket() {
    run_over(
        By::Port,
        To::Unix,
        &read(include_str!("../vectors/a-headers.toml")),
    );
}

#[test]
fn headers_under_tls() {
    run_over(
        By::Port,
        To::Tls,
        &read(include_str!("../vectors/a-headers.toml")),
    );
}

#[test]
fn headers_by_http2() {
    run_over(
        By::Port,
        To::Http2,
        &read(include_str!("../vectors/a-headers.toml")),
    );
}

#[test]
fn cookies_by_http2() {
    run_over(
        By::Port,
        To::Http2,
        &read(include_str!("../vectors/b-cookies.toml")),
    );
}

/// Who may say what does not depend on the kind of the listener.
#[test]
fn headers_and_cookies_on_other_listeners() {
    for by in [By::Unix, By::Proxy, By::MutualTls] {
        run_over(
            by,
            To::Tcp,
            &read(include_str!("../vectors/a-headers.toml")),
        );
        run_over(
            by,
            To::Tcp,
            &read(include_str!("../vectors/b-cookies.toml")),
        );
    }
}

fn read(text: &str) -> File {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn run(text: &str) {
    run_file(&read(text));
}

fn run_file(file: &File) {
    run_over(By::Port, To::Tcp, file);
}

fn run_over(by: By, to: To, file: &File) {
    let mut failures = Vec::new();
    let names = match by {
        By::Port => file.cookie_names.as_slice(),
        _ => &file.cookie_names[..1],
    };
    for name in names {
        let app = App::start();
        let folder = TempDir::new().unwrap();
        let front = to.front(folder.path(), app.address());
        let servers = front.as_ref().map_or_else(String::new, Front::config);
        let stage = Stage::set(&app, (by, to), &(file.config.clone() + &servers), name);
        for case in &file.cases {
            for (id, values) in case.instances(&stage.values()) {
                let sent = Sent {
                    case,
                    id: &id,
                    values,
                };
                failures.extend(stage.check_all(&sent).err());
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures on {by:?}, to {to:?}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

struct Stage<'a> {
    app: &'a App,
    gateway: Gateway,
    cookie: String,
    sids: [String; 2],
    by: By,
    to: To,
    h1: Way,
    h2: Way,
    _folder: TempDir,
}

impl<'a> Stage<'a> {
    fn set(app: &'a App, (by, to): (By, To), config: &str, cookie: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("http.sock");
        let builder = Gateway::in_front_of(app)
            .with(&format!("[cookie]\nname = {cookie:?}"))
            .with(config);
        let (builder, ways) = on_listener(by, builder, &socket);
        let gateway = builder.start();
        let [h1, h2] = ways(gateway.address());
        let sids = ["alice@example.com", "bob@example.com"].map(|email| {
            let response = gateway.try_login(email);
            let cookie = response.header("set-cookie").expect("a session");
            let (pair, _) = cookie.split_once(';').unwrap();
            pair.split_once('=').unwrap().1.to_owned()
        });
        // The first look reads the store; what a vector costs must not depend on who comes first.
        for sid in &sids {
            let known = Request::get("/").header("Cookie", &format!("{cookie}={sid}"));
            assert_eq!(gateway.send(&known).status, 200);
        }
        Self {
            app,
            gateway,
            cookie: cookie.to_owned(),
            sids,
            by,
            to,
            h1,
            h2,
            _folder: folder,
        }
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        vec![
            ("host", self.gateway.host()),
            ("port", self.gateway.public_port().to_string()),
            ("origin", self.gateway.origin()),
            ("N", self.cookie.clone()),
            ("sid", self.sids[0].clone()),
            ("bob", self.sids[1].clone()),
        ]
    }

    fn check_all(&self, sent: &Sent<'_>) -> Result<(), String> {
        let case = sent.case;
        if case.h2.is_none() {
            self.check(sent, "h1", |stage| stage.over_h1(sent))?;
        }
        if case.h1.is_none() {
            self.check(sent, "h2", |stage| stage.over_h2(sent))?;
        }
        Ok(())
    }

    fn check(
        &self,
        sent: &Sent<'_>,
        protocol: &str,
        send: impl FnOnce(&Self) -> Came,
    ) -> Result<(), String> {
        let before = (self.gateway.metrics(), self.app.requests().len());
        let came = send(self);
        let seen = self.app.requests().split_off(before.1);
        let verdict = check_answer(sent, &came)
            .and_then(|()| self.check_seen(sent, &seen, protocol))
            .and_then(|()| check_counts(sent.case, &came, &before.0, &self.gateway.metrics()))
            .and_then(|()| match self.by {
                By::Port => check_explained(&self.gateway, sent, protocol, &came),
                _ => Ok(()),
            });
        verdict.map_err(|why| format!("{} over {protocol}: {why}", sent.id))
    }

    fn over_h1(&self, sent: &Sent<'_>) -> Came {
        let mut connection = Connection::by(&self.h1).unwrap();
        if let Some(reply) = &sent.case.reply {
            let bytes = sent.values.bytes(reply);
            self.app.on("/reply", move |_| Reply::Last(bytes.clone()));
        }
        connection.write(&sent.h1_bytes());
        let bytes = if sent.case.reply.is_some() {
            connection.read_ahead()
        } else {
            Vec::new()
        };
        let Some(response) = connection.try_read(sent.is_head()) else {
            return Came {
                status: 0,
                body: String::new(),
                response: None,
                bytes,
            };
        };
        let refused = (400..600).contains(&response.status) && sent.case.reason.is_some();
        if refused {
            let rest = connection.read_to_end();
            assert!(rest.is_empty(), "{}: a second answer: {rest:?}", sent.id);
        }
        Came {
            status: response.status,
            body: response.text(),
            response: Some(response),
            bytes,
        }
    }

    fn over_h2(&self, sent: &Sent<'_>) -> Came {
        let (fields, body) = sent.h2_fields();
        let answer = h2::send_by(&self.h2, &fields, body.as_deref());
        let status = answer.status();
        let body = match answer {
            h2::Answer::Response { body, .. } => body,
            h2::Answer::Reset => String::new(),
        };
        Came {
            status,
            body,
            response: None,
            bytes: Vec::new(),
        }
    }
}
