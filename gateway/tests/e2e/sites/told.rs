//! What apps, logs, metrics and operators are told of a site.

use rustix::process::Signal;
use serde_json::json;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Reply, Request, Stage};

use super::{log_in_at, set};

const SITES: &str = r#"
[[sites]]
name = "shop"
origin = "https://shop.test"
group = "all"
[[sites]]
name = "blog"
origin = "http://blog.test:8080"
hosts = ["blog.test:8080"]
group = "all"
cookie = { name = "blog" }
"#;

#[test]
fn an_app_is_told_the_site_of_each_request() {
    let stage = Stage::with([SITES]);
    let sid = set(&log_in_at(&stage, "shop.test", "alice@example.com"), "sid");
    for (host, cookie, path, state, site, proto, port) in [
        ("shop.test", "sid", "/x", "active", "shop", "https", "443"),
        (
            "blog.test:8080",
            "blog",
            "/x",
            "active",
            "blog",
            "http",
            "8080",
        ),
        (
            "blog.test:8080",
            "other",
            "/x",
            "anonymous",
            "blog",
            "http",
            "8080",
        ),
        (
            "shop.test",
            "sid",
            "/none/x",
            "none",
            "shop",
            "https",
            "443",
        ),
        (
            "blog.test:8080",
            "sid",
            "/none/x",
            "none",
            "blog",
            "http",
            "8080",
        ),
        ("shop.test", "sid", "/y", "active", "shop", "https", "443"),
    ] {
        let request = Request::get(path)
            .header("Host", host)
            .header("Cookie", &format!("{cookie}={sid}"));
        stage.send(&request).must_be(200);
        let received = stage.app.last_request();
        let claims = stage.app.assertion_in(&received);
        assert_eq!(claims["site"], site, "{host}{path}");
        assert_eq!(claims["state"], state, "{host}{path}");
        assert_eq!(received.header("x-forwarded-proto").as_deref(), Some(proto));
        assert_eq!(received.header("x-forwarded-port").as_deref(), Some(port));
        assert_eq!(received.header("host").as_deref(), Some(host));
    }
}

/// An event that names another site than that of its request is for another request.
#[test]
fn an_event_of_another_site_is_refused() {
    let stage = Stage::with([SITES]);
    for (claim, logs_in) in [
        (json!("shop"), true),
        (json!("blog"), false),
        (json!(7), false),
        (json!(null), false),
    ] {
        let claim = claim.clone();
        stage.on("/welcome", move |exchange| {
            let who = sidgate_testkit::app::identity("alice@example.com");
            let mut claims = exchange.event_claims(&json!([{"type": "login", "identity": who}]));
            claims["site"] = claim.clone();
            Reply::new(200, &[("X-Session-Event", &exchange.sign(&claims))], "")
        });
        let answer = stage.send(&Request::get("/welcome").header("Host", "shop.test"));
        assert_eq!(!answer.leaves_cookies_alone(), logs_in, "{answer:?}");
    }
}

#[test]
fn lines_metrics_and_operators_name_the_site() {
    let stage = Stage::with([SITES]);
    log_in_at(&stage, "shop.test", "alice@example.com");
    log_in_at(&stage, "blog.test:8080", "alice@example.com");
    stage.send(&Request::get("/x").header("Host", "blog.test:8080"));
    let count = |site: &str, outcome: &str| {
        stage.sum(
            "sidgate_site_requests_total",
            &[("site", site), ("outcome", outcome)],
        )
    };
    until_true("requests to be counted", LONG, || {
        count("shop", "login") == 1.0
            && count("blog", "login") == 1.0
            && count("blog", "anonymous") == 1.0
    });
    until_true("the line", LONG, || {
        stage.stdout().contains("\"site\":\"blog\"")
    });
    let found = |query: &str| {
        let answer = stage
            .admin(&format!("/api/admin/sessions{query}"))
            .must_be(200)
            .json();
        let sites = answer["sessions"].as_array().unwrap().iter();
        sites
            .map(|session| session["site"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("?site=blog"), ["blog"]);
    assert_eq!(found("").len(), 2);
    assert!(found("?site=nowhere").is_empty());
    // A host that nobody serves is of no site, and its metrics are not a client's to make.
    stage.send(&Request::get("/x").header("Host", "evil.test"));
    let metrics = stage.admin("/metrics").must_be(200).text();
    assert!(!metrics.contains("evil"));
}

/// The backend is asked under the name of the site that the visitor is at.
#[test]
fn logins_are_judged_at_the_site_where_they_are_tried() {
    let stage = Stage::with([SITES]);
    log_in_at(&stage, "shop.test", "alice@example.com");
    log_in_at(&stage, "blog.test:8080", "alice@example.com");
    let calls = stage.app.backend_calls();
    let hosts: Vec<_> = calls
        .iter()
        .map(|call| call.header("host").unwrap())
        .collect();
    assert_eq!(hosts, ["shop.test", "blog.test:8080"]);
}

/// A reload takes over what the list says: hosts, cookies, groups.
#[test]
fn a_reload_takes_sites_over() {
    let stage = Stage::with([SITES]);
    let at = |host: &str| stage.send(&Request::get("/x").header("Host", host)).status;
    assert_eq!(at("new.test"), 421);
    let sid = set(&log_in_at(&stage, "shop.test", "alice@example.com"), "sid");
    stage.reconfigure(|_, text| {
        text + "\n[[sites]]\nname = \"new\"\norigin = \"https://new.test\"\ngroup = \"all\"\n"
    });
    stage.signal(Signal::HUP);
    until_true("the new site", LONG, || at("new.test") == 200);
    assert!(super::seen_at(&stage, "new.test", &format!("sid={sid}")));
    // The group of a site is another one: the sessions that were made in it are none there.
    stage.reconfigure(|_, text| {
        let (before, new) = text.rsplit_once("[[sites]]").unwrap();
        format!("{before}[[sites]]{}", new.replace("\"all\"", "\"own\""))
    });
    stage.signal(Signal::HUP);
    until_true("the new group", LONG, || {
        !super::seen_at(&stage, "new.test", &format!("sid={sid}"))
    });
    assert!(super::seen_at(&stage, "shop.test", &format!("sid={sid}")));
}

/// `explain` names the keys of the site that is asked for.
#[test]
fn explain_speaks_of_the_site() {
    let stage = Stage::with([SITES]);
    let explained = |url: &str| {
        let asked = json!({"method": "GET", "url": url});
        let answer = stage.send_to_admin(&Request::post("/api/admin/explain").json(&asked));
        answer.must_be(200).text()
    };
    assert!(explained("https://shop.test/x").contains("sites[0].origin"));
    assert!(explained("http://blog.test:8080/x").contains("sites[1].hosts"));
    assert!(explained("https://evil.test/x").contains("host_unknown"));
}

/// A whole name is more specific than a wildcard, whichever site it belongs to.
#[test]
fn explain_gives_a_sid_to_the_site_that_serves_the_host() {
    let stage = Stage::with([r#"
[[sites]]
name = "shop"
origin = "https://www.shop.test"
hosts = ["www.shop.test", "*.shop.test"]
[[sites]]
name = "vip"
origin = "https://vip.shop.test"
cookie = { name = "vip" }
"#]);
    let sid = set(
        &log_in_at(&stage, "vip.shop.test", "alice@example.com"),
        "vip",
    );
    let asked = json!({"url": "https://vip.shop.test/required", "sid": sid});
    let explained = stage.send_to_admin(&Request::post("/api/admin/explain").json(&asked));
    let text = explained.must_be(200).text();
    assert!(!text.contains("there is none"), "{text}");
    assert!(text.contains("sites[1].cookie.name"), "{text}");
}

/// Every name that the gateway tells in the name of a site is one of the list.
#[test]
fn a_redirect_of_an_app_stays_at_the_host_of_its_visitor() {
    let stage = Stage::with([SITES]);
    let address = stage.app.address();
    stage.on("/moved", move |_| {
        Reply::new(302, &[("Location", &format!("http://{address}/there"))], "")
    });
    for (host, expected) in [
        ("shop.test", "https://shop.test/there"),
        ("blog.test:8080", "http://blog.test:8080/there"),
    ] {
        let answer = stage.send(&Request::get("/moved").header("Host", host));
        assert_eq!(answer.header("location"), Some(expected));
    }
}
