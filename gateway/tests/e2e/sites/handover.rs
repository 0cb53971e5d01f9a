//! One login for several domains: what a browser sees of a handover.

use sidgate_testkit::{Reply, Request, Response, Stage, Traveller};

use super::{log_in_at, set};

/// A house with a login page of its own, and two products on other domains.
pub(super) const HOUSE: &str = r#"
[[sites]]
name = "accounts"
origin = "https://accounts.test"
group = "house"
[[sites]]
name = "shop"
origin = "https://shop.test"
login_url = "https://accounts.test/login"
group = "house"
cookie = { name = "__Host-shop" }
[[sites]]
name = "blog"
origin = "https://blog.test"
hosts = ["blog.test", "*.blog.test"]
login_url = "https://accounts.test/login"
group = "house"
[[routes]]
path = "/login"
upstream = "app"
session = "optional"
"#;

/// Logs the traveller in at the site with the login page.
pub(super) fn log_in(stage: &Stage, traveller: &mut Traveller<'_>) -> String {
    let response = log_in_at(stage, "accounts.test", "alice@example.com").must_be(201);
    for cookie in response.all("set-cookie") {
        traveller.keep("accounts.test", cookie);
    }
    set(&response, "sid")
}

/// Logs the traveller in at the page of this URL, which then sends its visitor on to `next`: where that leads.
fn log_in_and_go_on(stage: &Stage, traveller: &mut Traveller<'_>, url: &str) -> (String, Response) {
    let next = form_decoded(url.split("next=").nth(1).unwrap());
    log_in(stage, traveller);
    traveller.open(&format!("https://accounts.test{next}"))
}

#[test]
fn a_login_at_one_site_is_one_at_the_others() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    let sid = log_in(&stage, &mut browser);

    let (url, page) = browser.open("https://shop.test/required/orders?page=2");

    assert_eq!(
        (url.as_str(), page.status),
        ("https://shop.test/required/orders?page=2", 200)
    );
    let received = stage.app.last_request();
    assert_eq!(
        received.header("x-session-state").as_deref(),
        Some("active")
    );
    assert_eq!(received.header("host").as_deref(), Some("shop.test"));
    // One session, with a cookie for each domain.
    assert_eq!(
        browser.cookie("shop.test", "__Host-shop").as_deref(),
        Some(&*sid)
    );
    assert_eq!(
        browser.cookie("accounts.test", "sid").as_deref(),
        Some(&*sid)
    );
    let hosts: Vec<_> = browser
        .steps
        .iter()
        .map(|step| step.url.split('/').nth(2).unwrap())
        .collect();
    assert_eq!(
        hosts,
        [
            "shop.test",
            "shop.test",
            "accounts.test",
            "shop.test",
            "shop.test"
        ]
    );
    for step in &browser.steps[1..4] {
        assert_eq!(
            step.response.header("cache-control"),
            Some("no-store"),
            "{step:?}"
        );
        assert_eq!(
            step.response.header("referrer-policy"),
            Some("no-referrer"),
            "{step:?}"
        );
        assert!(!step.url.contains(&sid), "the sid stands in no URL");
    }
    // From now on the site needs nobody.
    let (_, page) = browser.open("https://shop.test/required/orders");
    assert_eq!((page.status, browser.steps.len()), (200, 1));
}

#[test]
fn whoever_is_not_logged_in_is_sent_to_the_login_page_and_back() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    let (url, _) = browser.open("https://shop.test/required/cart");
    assert!(
        url.starts_with("https://accounts.test/login?next="),
        "{url}"
    );
    let (url, page) = log_in_and_go_on(&stage, &mut browser, &url);
    assert_eq!(
        (url.as_str(), page.status),
        ("https://shop.test/required/cart", 200)
    );
}

/// Cookies that the operator allows do not keep the secret of a handover from being found.
#[test]
fn it_works_beside_as_many_cookies_as_are_allowed() {
    let stage = Stage::with([HOUSE, "[edge]\nmax_cookies = 200\n"]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    for number in 0..100 {
        browser.keep("shop.test", &format!("c{number}=1"));
    }
    let (url, page) = browser.open("https://shop.test/required");
    assert_eq!(
        (url.as_str(), page.status),
        ("https://shop.test/required", 200)
    );
}

#[test]
fn a_button_of_any_page_begins_it() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let (url, _) = browser.open("https://blog.test/api/auth/handover?next=/post/7");
    assert_eq!(url, "https://blog.test/post/7");
    assert!(browser.cookie("blog.test", "sid").is_some());
    let (url, _) = browser.open("https://acme.blog.test/required");
    assert_eq!(url, "https://acme.blog.test/required");
    // Where the login page is the site's own, the button leads to it.
    let (url, _) = browser.open("https://accounts.test/api/auth/handover?next=/x");
    assert_eq!(url, "https://accounts.test/login?next=/x");
}

#[test]
fn a_logout_on_one_domain_is_one_on_all() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    for site in ["shop.test", "blog.test"] {
        browser.open(&format!("https://{site}/required"));
    }
    let logout = Request::delete("/api/auth/session-v2");
    browser.send("blog.test", logout).must_be(204);
    for site in ["accounts.test", "shop.test", "blog.test"] {
        let view = browser
            .send(site, Request::get("/api/auth/session-v2"))
            .json();
        assert_eq!(view["authenticated"], false, "{site}");
    }
    let (url, _) = browser.open("https://shop.test/required");
    assert!(url.starts_with("https://accounts.test/login"), "{url}");
}

/// The state cookie is the gateway's own business.
#[test]
fn no_app_sees_the_cookie_of_a_handover() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    browser.open("https://shop.test/required");
    assert!(
        browser
            .cookies_for("shop.test")
            .contains("__Host-sidgate-state=")
    );
    assert_eq!(stage.app.last_request().header("cookie"), None);
}

/// Two windows that were opened together both arrive where they wanted to go.
#[test]
fn two_windows_do_not_get_into_each_others_way() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let begin = |browser: &mut Traveller<'_>, page: &str| {
        let answer = browser.ask(
            &format!("https://shop.test/api/auth/handover?next={page}"),
            &[],
        );
        answer.must_be(303).header("location").unwrap().to_owned()
    };
    let one = begin(&mut browser, "/one");
    let other = begin(&mut browser, "/other");
    assert_eq!(browser.open(&one).0, "https://shop.test/one");
    assert_eq!(browser.open(&other).0, "https://shop.test/other");
}

#[test]
fn whoever_has_to_prove_it_again_does_so_at_the_login_page() {
    let fresh =
        "[[routes]]\npath = \"/vault\"\nupstream = \"app\"\nsession = \"required\"\nfresh = \"1s\"";
    let stage = Stage::with([HOUSE, fresh]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    browser.open("https://shop.test/required");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let (url, _) = browser.open("https://shop.test/vault");
    assert!(
        url.starts_with("https://accounts.test/login?reauth=1&next="),
        "{url}"
    );
    let (url, page) = log_in_and_go_on(&stage, &mut browser, &url);
    assert_eq!(
        (url.as_str(), page.status),
        ("https://shop.test/vault", 200)
    );
}

/// A new sid at the site with the login page reaches the others with the next page that somebody opens, also one that anybody
/// may see.
#[test]
fn a_session_that_was_renewed_is_fetched_unseen() {
    let renew = "[session]\nrotate_every = \"1s\"";
    let stage = Stage::with([HOUSE, renew]);
    let mut browser = Traveller::of(&stage);
    let first = log_in(&stage, &mut browser);
    browser.open("https://shop.test/required");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    // Another site gives no new sids.
    let page = browser.ask("https://shop.test/page", &[]);
    assert!(page.leaves_cookies_alone(), "{page:?}");
    let renewed = browser.ask("https://accounts.test/page", &[]).must_be(200);
    let second = set(&renewed, "sid");
    assert_ne!(first, second);
    sidgate_testkit::wait::until_true(
        "the former sid to be refused",
        sidgate_testkit::wait::LONG,
        || !super::seen_at(&stage, "shop.test", &format!("__Host-shop={first}")),
    );
    let (url, page) = browser.open("https://shop.test/page");
    assert_eq!((url.as_str(), page.status), ("https://shop.test/page", 200));
    assert_eq!(
        stage
            .app
            .last_request()
            .header("x-session-state")
            .as_deref(),
        Some("active")
    );
    assert_ne!(
        browser.cookie("shop.test", "__Host-shop").as_deref(),
        Some(&*first)
    );
    // Without a session anywhere the page is shown without one, and nobody is asked to log in.
    browser.forget("accounts.test");
    browser.keep("shop.test", &format!("__Host-shop={first}; Path=/; Secure"));
    let (url, page) = browser.open("https://shop.test/page");
    assert_eq!((url.as_str(), page.status), ("https://shop.test/page", 200));
    assert_eq!(
        stage
            .app
            .last_request()
            .header("x-session-state")
            .as_deref(),
        Some("anonymous")
    );
    assert_eq!(browser.cookie("shop.test", "__Host-shop"), None);
}

/// A program is told `401`, not sent anywhere; a page that is fetched in advance is not handed anything.
#[test]
fn programs_and_prefetches_are_not_handed_over() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let program = Request::get("/required").header("Accept", "application/json");
    assert_eq!(
        browser.send("shop.test", program).problem(401),
        "unauthenticated"
    );
    let begun = browser.ask("https://shop.test/api/auth/handover?next=/required", &[]);
    let ticket = begun.header("location").unwrap().to_owned();
    let given = browser.ask(&ticket, &[]);
    let code = given.header("location").unwrap().to_owned();
    for fields in [
        &[("Sec-Purpose", "prefetch")][..],
        &[("Sec-Purpose", "prefetch;prerender")],
    ] {
        browser.ask(&code, fields).must_be(400);
    }
    // In a frame, or as an image, nobody is handed anything either.
    for dest in ["iframe", "image", "empty"] {
        let (host, target) = code.trim_start_matches("https://").split_once('/').unwrap();
        let request = Request::get(&format!("/{target}"))
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", dest);
        browser.send(host, request).must_be(400);
    }
    // The code is still good for whoever opens the page.
    browser.ask(&code, &[]).must_be(303);
    assert!(browser.cookie("shop.test", "__Host-shop").is_some());
}

/// Also for a page with a long address: it loses its query, and then itself, before it loses the login.
#[test]
fn a_page_with_a_long_address_is_shortened() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let query = "q=".to_owned() + &"x".repeat(3000);
    let (url, _) = browser.open(&format!("https://shop.test/required/search?{query}"));
    assert_eq!(url, "https://shop.test/required/search");
    stage.on("/", |_| Reply::ok());
}

fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
