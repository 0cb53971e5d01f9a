//! What a browser has left, as a jar that obeys RFC 6265 sees it.

use cookie_store::CookieStore;
use session_testing::TestPostgres;

use sidgate_testkit::legacy::{MIGRATION, knows_old_logins, questions};
use sidgate_testkit::stores::store_config;
use sidgate_testkit::{Gateway, Request, Response, Stage};

const ORIGIN: &str = "https://www.app.test";

/// A browser on `www.app.test`.
struct Browser<'a> {
    gateway: &'a Gateway,
    jar: CookieStore,
}

impl<'a> Browser<'a> {
    fn new(gateway: &'a Gateway) -> Self {
        Self {
            gateway,
            jar: CookieStore::default(),
        }
    }

    /// What the old system has set.
    fn has(&mut self, cookie: &str, path: &str) {
        let url = format!("{ORIGIN}{path}").parse().unwrap();
        self.jar.parse(cookie, &url).unwrap();
    }

    fn open(&mut self, path: &str) -> Response {
        let line = self.line(path);
        let request = Request::get(path).header("Host", "www.app.test");
        let response = self.gateway.send(&request.header("Cookie", &line));
        let url = format!("{ORIGIN}{path}").parse().unwrap();
        for cookie in response.all("set-cookie") {
            // Fails for a cookie that is to be removed and is not there.
            let _absent = self.jar.parse(cookie, &url);
        }
        response
    }

    fn line(&self, path: &str) -> String {
        let url = format!("{ORIGIN}{path}").parse().unwrap();
        let pairs = self.jar.get_request_values(&url);
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn names(&self) -> Vec<String> {
        let alive = self.jar.iter_unexpired();
        let mut names: Vec<_> = alive.map(|cookie| cookie.name().to_owned()).collect();
        names.sort();
        names
    }
}

/// Bytes of the head of a response, as it was on the wire.
fn head_bytes(response: &Response) -> usize {
    let fields = response.headers.iter();
    fields
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum()
}

fn gateway(database: &str) -> Stage {
    let stage = Stage::with([
        MIGRATION,
        "[server]\npublic_origin = \"https://www.app.test\"",
        "[migration]\nclear_domains = [\".app.test\"]\nclear_paths = [\"/\", \"/app\"]",
        database,
    ]);
    knows_old_logins(&stage.app);
    stage
}

#[test]
fn eighteen_cookies_over_two_domains_become_one() {
    let database = TestPostgres::shared().database();
    let stage = gateway(&store_config(&database));
    let mut browser = Browser::new(&stage);
    let big = "x".repeat(1_300);
    browser.has(&format!("dott_auth_session=alice.{big}; Path=/"), "/");
    browser.has(
        &format!("session_token=alice.{big}; Domain=app.test; Path=/"),
        "/",
    );
    browser.has(
        "onboarding_status={\"step\":3}; Domain=app.test; Path=/",
        "/",
    );
    browser.has("businessInfoCompleted=true; Path=/app", "/app");
    browser.has("onboardingStep=3; Path=/", "/");
    for number in 0..13 {
        let domain = if number % 2 == 0 {
            "; Domain=app.test"
        } else {
            ""
        };
        let filler = "y".repeat(80);
        browser.has(&format!("dott_pref_{number}={filler}; Path=/{domain}"), "/");
    }
    assert_eq!(browser.names().len(), 18);
    let before = browser.line("/app").len();

    let response = browser.open("/app").must_be(200);

    assert_eq!(browser.names(), ["sid"], "{response:?}");
    let (after, head) = (browser.line("/app").len(), head_bytes(&response));
    println!("cookies: {before} bytes before, {after} after; head of the answer: {head} bytes");
    assert!(before > 3_800 && after == "sid=".len() + 36);
    assert!(head < 8 * 1024, "{head}");
    assert_eq!(stage.app.only_request().user().unwrap(), "alice");
    assert_eq!(browser.open("/app").status, 200);
    assert_eq!(questions(&stage.app).len(), 2, "once for each credential");
}

#[test]
fn many_cookies_are_cleared_over_several_answers() {
    let stage = gateway("");
    let mut browser = Browser::new(&stage);
    browser.has("session_token=alice.1; Domain=app.test; Path=/", "/");
    for number in 0..50 {
        browser.has(
            &format!("dott_some_preference_{number}=1; Domain=app.test; Path=/"),
            "/",
        );
    }
    let mut answers = 0;
    while browser.names() != ["sid"] {
        let left = browser.names().len();
        let response = browser.open("/");
        assert!(head_bytes(&response) < 8 * 1024);
        assert!(
            browser.names().len() < left || answers == 0,
            "{:?}",
            browser.names()
        );
        answers += 1;
        assert!(answers < 10);
    }
    assert!(answers > 1);
}

#[test]
fn a_cookie_that_stays_is_looked_for_elsewhere() {
    let stage = gateway("");
    let mut browser = Browser::new(&stage);
    browser.has("session_token=alice.1; Path=/", "/");
    browser.has("dott_deep=1; Path=/shop/cart", "/shop/cart");
    browser.open("/shop/cart");
    assert_eq!(
        browser.names(),
        ["dott_deep", "sid"],
        "not at any configured path"
    );

    sidgate_testkit::wait::until_true("the second try", sidgate_testkit::wait::LONG, || {
        browser.open("/shop/cart");
        browser.names() == ["sid"]
    });
}

#[test]
fn a_cookie_that_cannot_be_cleared_is_counted_once() {
    let stage = gateway("");
    let mut browser = Browser::new(&stage);
    browser.has("session_token=alice.1; Path=/", "/");
    browser.open("/");
    let sid = browser.line("/");
    let counted = || stage.sum("sidgate_migration_uncleared_total", &[]);
    let send = || {
        let request = Request::get("/").header("Host", "www.app.test");
        let response = stage.send(&request.header("Cookie", &format!("{sid}; dott_stuck=1")));
        assert_eq!(response.status, 200);
        response
    };
    sidgate_testkit::wait::until_true("giving up", sidgate_testkit::wait::LONG, || {
        send();
        counted() == 1.0
    });
    assert!(send().leaves_cookies_alone());
    assert_eq!(counted(), 1.0);
    assert_eq!(
        stage.app.last_request().header("cookie"),
        None,
        "hidden all the same"
    );
}
