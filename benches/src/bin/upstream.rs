//! An app that is never the bottleneck: every request gets the same small answer at once. It also is the backend that knows
//! the users: whoever asks is somebody, and so is every old login (the cookie `old_session`). `/received` answers with the
//! headers that it was asked with, so that a bench can see what a proxy gave to the app.
//!
//! `upstream LISTEN THREADS`

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::services::listening::Service;
use serde_json::{Value, json};
use session_core::clock::{Clock as _, SystemClock};
use sidgate_benches::{Fault, somebody};

/// What a page of an app's JSON API weighs.
const PAGE_LEN: usize = 1024;

struct App {
    page: Vec<u8>,
}

#[async_trait]
impl ServeHttp for App {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        // Read to its end, or the connection cannot be used again.
        let mut body = Vec::new();
        while let Ok(Some(part)) = session.read_request_body().await {
            body.extend_from_slice(&part);
        }
        let request = session.req_header();
        let told = match request.uri.path() {
            "/__sidgate__/authenticate" => who(&body, "/email"),
            "/__sidgate__/introspect" => who(&body, "/cookies/old_session").map(begun_now),
            "/received" => Some(received(&request.headers)),
            _ => None,
        };
        let page = told.map_or_else(|| self.page.clone(), |told| told.to_string().into_bytes());
        let length = page.len();
        let mut response = Response::new(page);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        headers.insert(CONTENT_LENGTH, length.into());
        response
    }
}

/// The user whose name stands there in the question.
fn who(question: &[u8], place: &str) -> Option<Value> {
    let question: Value = serde_json::from_slice(question).ok()?;
    let name = question.pointer(place)?.as_str()?;
    let mut known = somebody(0);
    *known.pointer_mut("/user/id")? = json!(name);
    Some(known)
}

/// An old login that does not say when it began counts as older than every revocation.
fn begun_now(mut known: Value) -> Value {
    let seconds = SystemClock.wall().as_micros() / 1_000_000;
    if let Some(login) = known.as_object_mut() {
        login.insert("auth_time".to_owned(), json!(seconds));
    }
    known
}

/// Every header by its name; of a name that came twice, the values in their order.
fn received(headers: &HeaderMap) -> Value {
    headers
        .keys()
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into());
            (name.as_str().to_owned(), Value::Array(values.collect()))
        })
        .collect()
}

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [listen, threads] = args.as_slice() else {
        return Err("usage: upstream LISTEN THREADS".into());
    };
    let conf = ServerConf {
        threads: threads.parse()?,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let app = App {
        page: serde_json::to_vec(&"x".repeat(PAGE_LEN - 2))?,
    };
    let mut service = Service::new("upstream".to_owned(), app);
    service.add_tcp(listen);
    server.add_service(service);
    server.run_forever();
}
