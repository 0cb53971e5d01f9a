//! An app that knows users and speaks the gateway's language, and can be told to do it wrongly.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::token;
use super::upstream::{Received, RecordingUpstream, Reply};
use super::wait::unix_now;

/// Name of the app in the gateway's configuration.
pub const NAME: &str = "app";

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// Where the gateway asks who somebody is.
const AUTHENTICATE: &str = "/__sidgate__/authenticate";

type Page = Arc<dyn Fn(&Exchange<'_>) -> Reply + Send + Sync>;

/// A request, and what is needed to answer it as an app of this gateway.
pub struct Exchange<'a> {
    pub received: &'a Received,
    key: Vec<u8>,
}

impl Exchange<'_> {
    /// The claims of an `X-Session-Event` that is right in every way.
    pub fn event_claims(&self, events: &Value) -> Value {
        let request_id = self.received.header("x-request-id").unwrap_or_default();
        json!({"iss": NAME, "aud": "sidgate", "iat": unix_now(), "req": request_id, "ev": events})
    }

    /// The key of this app.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// `claims` signed with the key of this app.
    pub fn sign(&self, claims: &Value) -> String {
        token::sign(&self.key, claims)
    }

    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.received.body).unwrap_or_default()
    }
}

/// The app.
pub struct App {
    upstream: RecordingUpstream,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    key: Mutex<Vec<u8>>,
    pages: Mutex<HashMap<String, Page>>,
}

impl App {
    /// Starts the app. It recognises everybody who knows [`PASSWORD`], and answers all other paths with a plain 200.
    pub fn start() -> Self {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let upstream = RecordingUpstream::start(move |received| shared.answer(received));
        let app = Self { upstream, state };
        app.on(AUTHENTICATE, |exchange| check_password(&exchange.json()));
        app
    }

    pub fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// The key that the gateway's operator has given to this app.
    pub fn set_key(&self, key: Vec<u8>) {
        *self.state.key.lock().unwrap() = key;
    }

    pub fn key(&self) -> Vec<u8> {
        self.state.key.lock().unwrap().clone()
    }

    /// From now on requests for `path` are answered by `page`.
    pub fn on(&self, path: &str, page: impl Fn(&Exchange<'_>) -> Reply + Send + Sync + 'static) {
        let mut pages = self.state.pages.lock().unwrap();
        pages.insert(path.to_owned(), Arc::new(page));
    }

    /// From now on the gateway's question who somebody is gets this answer.
    pub fn on_authenticate(&self, reply: Reply) {
        self.on(AUTHENTICATE, move |_| reply.clone());
    }

    /// From now on requests for `path` are answered with a good event.
    pub fn says(&self, path: &str, events: Value) {
        self.on(path, move |exchange| {
            let token = exchange.sign(&exchange.event_claims(&events));
            Reply::new(200, &[("X-Session-Event", &token)], "event")
        });
    }

    /// What browsers asked for, in order.
    pub fn requests(&self) -> Vec<Received> {
        let mut received = self.upstream.received();
        received.retain(|request| !is_internal(request));
        received
    }

    /// The only request that came through.
    pub fn only_request(&self) -> Received {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "exactly one request: {requests:?}");
        requests[0].clone()
    }

    /// The last request that came through.
    pub fn last_request(&self) -> Received {
        self.requests().pop().expect("a request")
    }

    /// The claims of the assertion in a request that came through; it must be signed for this app.
    pub fn assertion_in(&self, received: &Received) -> Value {
        let assertion = received.header("x-session-assertion");
        token::verify(&self.key(), &assertion.expect("an assertion"))
    }

    /// What the gateway itself asked, in order.
    pub fn backend_calls(&self) -> Vec<Received> {
        let mut received = self.upstream.received();
        received.retain(is_internal);
        received
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.upstream.connections()
    }

    /// Waits until as many requests of either kind have come.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        self.upstream.wait_for(count)
    }
}

impl State {
    fn answer(&self, received: &Received) -> Reply {
        let target = received.target();
        let path = target.split('?').next().unwrap_or_default();
        let page = self.pages.lock().unwrap().get(path).cloned();
        let exchange = Exchange {
            received,
            key: self.key.lock().unwrap().clone(),
        };
        if is_internal(received) && !is_from_gateway(&exchange) {
            return Reply::new(404, &[], "not the gateway");
        }
        page.map_or_else(Reply::ok, |page| page(&exchange))
    }
}

fn is_internal(received: &Received) -> bool {
    received.target().starts_with("/__sidgate__/")
}

/// What an app must check before it believes the gateway.
fn is_from_gateway(exchange: &Exchange<'_>) -> bool {
    let Some(token) = exchange.received.header("x-sidgate-request") else {
        return false;
    };
    token::try_verify(&exchange.key, &token).is_ok_and(|claims| {
        claims["iss"] == "sidgate"
            && claims["aud"] == format!("{NAME}:backend")
            && claims["exp"].as_i64().is_some_and(|exp| exp > unix_now())
            && claims["bh"] == token::body_hash(&exchange.received.body)
    })
}

fn check_password(credentials: &Value) -> Reply {
    if credentials["password"] != PASSWORD {
        return Reply::json(401, &json!({"code": "invalid_credentials"}));
    }
    Reply::json(
        200,
        &identity(credentials["email"].as_str().unwrap_or_default()),
    )
}

/// Who somebody is: everything before the `@` is the id.
pub fn identity(email: &str) -> Value {
    let id = email.split('@').next().unwrap_or_default();
    json!({
        "user": {"id": id, "email": email, "name": format!("The {id}")},
        "tenant_id": "t1",
        "needs_onboarding": false,
        "attributes": {"plan": "free", "roles": ["reader"]},
        "auth_hash": "ah-1"
    })
}
