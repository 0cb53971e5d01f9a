//! Sites over several nodes: a code of a handover counts once, and a session of one group is admitted by no node on a site of
//! another.

use std::sync::Barrier;
use std::thread;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{Gateway, Request, Response, Traveller, login};

use crate::harness::{Layout, scaled};

const SITES: &str = r#"
[[sites]]
name = "accounts"
origin = "https://accounts.test"
group = "house"
[[sites]]
name = "shop"
origin = "https://shop.test"
login_url = "https://accounts.test/login"
group = "house"
[[sites]]
name = "admin"
origin = "https://admin.test"
"#;

fn at(node: &Gateway, host: &str, request: Request) -> Response {
    node.send(&request.header("Host", host))
}

fn log_in(node: &Gateway, host: &str) -> String {
    at(node, host, login("alice@example.com", PASSWORD))
        .must_be(201)
        .new_sid()
}

/// Two hundred windows bring the same code to three nodes at once. One of them gets the session cookie.
#[test]
fn a_code_counts_once_over_all_nodes() {
    let cluster = Layout::new().with(SITES).start();
    let first = &cluster.nodes[0].gateway;
    let mut browser = Traveller::of(first);
    let sid = log_in(first, "accounts.test");
    browser.keep("accounts.test", &format!("sid={sid}; Path=/; Secure"));
    let mut next = "https://shop.test/api/auth/handover?next=/required".to_owned();
    for _ in 0..2 {
        let answer = browser.ask(&next, &[]).must_be(303);
        next = answer.header("location").unwrap().to_owned();
    }
    let target = next.strip_prefix("https://shop.test").unwrap();
    let cookies = browser.cookies_for("shop.test");
    // A busy store answers 503, and a browser asks again.
    let redeem = |node: &Gateway| {
        until("an answer to the code", LONG, || {
            let request = Request::get(target)
                .header("Accept", "text/html")
                .header("Cookie", &cookies);
            let answer = at(node, "shop.test", request);
            (answer.status != 503).then(|| answer.must_be(303))
        })
    };
    let windows = 200;
    let together = Barrier::new(windows);
    let answers: Vec<Response> = thread::scope(|scope| {
        let redeem = |window: usize| {
            let node = &cluster.nodes[window % cluster.nodes.len()].gateway;
            let together = &together;
            scope.spawn(move || {
                together.wait();
                redeem(node)
            })
        };
        let asked: Vec<_> = (0..windows).map(redeem).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let with_cookie = answers
        .iter()
        .filter(|answer| !answer.leaves_cookies_alone());
    assert_eq!(with_cookie.count(), 1);
    for answer in &answers {
        assert_eq!(answer.header("location"), Some("/required"));
    }
}

/// Whatever a node has in its caches, and whoever filled them.
#[test]
fn no_node_admits_a_session_on_a_site_of_another_group() {
    let cluster = Layout::new().with(SITES).start();
    for round in 0..scaled(5, 50) {
        let [home, other] = match round % 2 {
            0 => ["shop.test", "admin.test"],
            _ => ["admin.test", "accounts.test"],
        };
        let login_host = if home == "shop.test" {
            "accounts.test"
        } else {
            home
        };
        let maker = &cluster.nodes[round % cluster.nodes.len()].gateway;
        let sid = log_in(maker, login_host);
        for node in &cluster.nodes {
            for _ in 0..3 {
                let asked =
                    |host| at(&node.gateway, host, Request::get("/required").sid(&sid)).status;
                assert_eq!(asked(other), 401, "{other} at home at {home}");
                assert_eq!(asked(login_host), 200);
                assert_eq!(asked(home), 200);
            }
        }
    }
}
