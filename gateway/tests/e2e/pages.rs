//! Whoever navigates gets a page, whatever they did to get there; programs never do.

use sidgate_testkit::app::NAME;
use sidgate_testkit::{Reply, Request, Response, Stage};

const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// As a browser sends it that shows the answer in its window.
fn by_a_person(request: Request) -> Request {
    request
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Accept", ACCEPT)
}

fn form(path: &str) -> Request {
    by_a_person(Request::post(path))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("canary=canary")
}

/// The page that must have come with this status.
fn page(response: &Response, status: u16) -> String {
    assert_eq!(response.status, status, "{response:?}");
    let kind = response.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"), "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(
        response.header("content-security-policy"),
        Some("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    );
    let page = response.text();
    let id = response.header("x-request-id").unwrap();
    assert!(
        page.contains(&format!("Status {status}. Request <code>{id}</code>")),
        "{page}"
    );
    for forbidden in ["<script", "<style", " style=", "canary"] {
        assert!(!page.contains(forbidden), "{page}");
    }
    page
}

#[test]
fn a_form_without_a_session_is_answered_with_a_page_that_leads_to_the_login() {
    let stage = Stage::with([&format!(
        "[[routes]]\npath = \"/pages\"\nupstream = \"{NAME}\"\non_missing = \"redirect\""
    )]);
    let origin = stage.origin();
    let none = String::new();
    for (path, referer, next) in [
        ("/required/send?a=1", &none, "/required/send"),
        ("/pages/send", &none, "/pages/send"),
        (
            "/required/send",
            &format!("{origin}/required/form?id=7&x=%20y"),
            "/required/form%3Fid%3D7%26x%3D%2520y",
        ),
        (
            "/required/send",
            &"https://evil.test/form".to_owned(),
            "/required/send",
        ),
        (
            "/required/send",
            &format!("{origin}.evil.test/form"),
            "/required/send",
        ),
        (
            "/required/send",
            &format!("{origin}//evil.test/form"),
            "/required/send",
        ),
        (
            "/required/send",
            &format!("{origin}/\\evil.test"),
            "/required/send",
        ),
        (
            "/required/send",
            &format!("{origin}/api/auth/session-v2"),
            "/required/send",
        ),
        (
            "/required/send",
            &format!("{origin}/login"),
            "/required/send",
        ),
    ] {
        let request = form(path);
        let request = match referer.as_str() {
            "" => request,
            referer => request.header("Referer", referer),
        };
        let response = stage.send(&request);
        let page = page(&response, 401);
        assert_eq!(
            response.header("location"),
            None,
            "no redirect that drops the body"
        );
        assert!(page.contains("<p>Your form was not sent.</p>"), "{page}");
        let link = format!("<a href=\"/login?next={next}\">Log in</a>");
        assert!(page.contains(&link), "{referer}: {page}");
        assert!(response.leaves_cookies_alone());
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn every_method_gets_a_page_when_somebody_navigates() {
    let stage = Stage::with(["[edge]\nmax_body_bytes = 10"]);
    stage.on("/gone", |_| Reply::hang_up());
    for (request, status) in [
        (form("/gone").body("x=1"), 502),
        (form("/app").body("x".repeat(11)), 413),
        (form("/app//x").body("x=1"), 400),
        (form("/api/auth/nothing").body("x=1"), 404),
        (by_a_person(Request::new("PUT", "/required")), 401),
        (by_a_person(Request::delete("/required")), 401),
        (by_a_person(Request::new("TRACE", "/app")), 405),
        (
            by_a_person(Request::get("/app")).header("Host", "evil.test"),
            421,
        ),
        (
            by_a_person(Request::new("PATCH", "/api/auth/session-v2")),
            405,
        ),
    ] {
        let response = stage.send(&request);
        let page = page(&response, status);
        let is_sent = page.contains("Your form was not sent.");
        let is_unknown = page.contains("not known whether your form has arrived");
        let is_read = status == 421;
        assert_eq!(
            (is_sent, is_unknown),
            (status != 502 && !is_read, status == 502),
            "{page}"
        );
    }
    let read = stage.send(&by_a_person(Request::get("/gone")));
    let page = page(&read, 502);
    assert!(page.contains("Try again in 1 second."), "{page}");
    assert!(page.contains("<a href=\"\">Try again</a>"), "{page}");
}

#[test]
fn too_many_tries_and_other_sites_get_pages_too() {
    let config = format!(
        "[[routes]]\npath = \"/checked\"\nupstream = \"{NAME}\"\nsession = \"optional\"\ncsrf = \"check\"\n\
         [edge]\nmisses_per_client = \"1/h\""
    );
    let stage = Stage::with([&config]);
    let foreign = Request::post("/checked")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-Site", "cross-site");
    let page_of = page(&stage.send(&foreign), 403);
    assert!(
        page_of.contains("This was sent from another website"),
        "{page_of}"
    );
    let unknown = |number| {
        let sid = sidgate_testkit::sids::sealed_sid(&stage, number);
        stage.send(&form("/required").sid(&sid))
    };
    page(&unknown(0), 401);
    let limited = unknown(1);
    let page = page(&limited, 429);
    let wait = limited.header("retry-after").unwrap();
    assert!(
        page.contains(&format!("Try again in {wait} seconds.")),
        "{page}"
    );
}

#[test]
fn programs_never_get_html() {
    let stage = Stage::start();
    stage.on("/gone", |_| Reply::hang_up());
    let fetch = |mode: &str| {
        Request::post("/required")
            .header("Sec-Fetch-Mode", mode)
            .header("Sec-Fetch-Dest", "empty")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Accept", ACCEPT)
    };
    for request in [
        fetch("cors"),
        fetch("same-origin"),
        fetch("no-cors"),
        Request::post("/required"),
        Request::post("/required").header("Accept", "*/*"),
        Request::post("/required").header("Accept", "application/json, text/plain, */*"),
        Request::post("/required")
            .header("Accept", ACCEPT)
            .header("X-Requested-With", "XMLHttpRequest"),
    ] {
        assert_eq!(
            stage.send(&request).problem(401),
            "unauthenticated",
            "{request:?}"
        );
    }
    let gone = Request::post("/gone").header("Sec-Fetch-Mode", "cors");
    assert_eq!(stage.send(&gone).problem(502), "bad_gateway");
}

/// Browsers without fetch metadata, and whatever loads a page inside of another.
#[test]
fn frames_and_old_browsers_get_pages() {
    let stage = Stage::start();
    let old = Request::post("/required").header("Accept", ACCEPT);
    page(&stage.send(&old), 401);
    for dest in ["iframe", "frame", "embed", "object"] {
        let inside = Request::post("/required")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", dest);
        page(&stage.send(&inside), 401);
    }
    let image = Request::get("/required")
        .header("Sec-Fetch-Mode", "no-cors")
        .header("Sec-Fetch-Dest", "image");
    assert_eq!(stage.send(&image).problem(401), "unauthenticated");
}
