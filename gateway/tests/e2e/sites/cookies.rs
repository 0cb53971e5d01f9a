//! A cookie for each site: its name, its domain, and what siblings can plant.

use sidgate_testkit::{Reply, Request, Stage};

use super::{log_in_at, seen_at, set};

const SITES: &str = r#"
[[sites]]
name = "shop"
origin = "https://shop.example.com"
hosts = ["shop.example.com", "www.shop.example.com"]
cookie = { name = "shop", domain = "shop.example.com", same_site = "none" }
group = "all"
[[sites]]
name = "admin"
origin = "https://admin.example.com"
cookie = { name = "__Host-admin" }
group = "all"
"#;

#[test]
fn each_site_gives_its_own() {
    let stage = Stage::with([SITES]);
    let shop = log_in_at(&stage, "www.shop.example.com", "alice@example.com").must_be(201);
    let admin = log_in_at(&stage, "admin.example.com", "alice@example.com").must_be(201);
    let line =
        |response: &sidgate_testkit::Response| response.header("set-cookie").unwrap().to_owned();
    let after = |line: &str| line.split_once(';').unwrap().1.to_owned();
    let (of_shop, of_admin) = (line(&shop), line(&admin));
    assert!(of_shop.starts_with("shop="), "{of_shop}");
    assert!(
        after(&of_shop).contains("Domain=shop.example.com"),
        "{of_shop}"
    );
    assert!(after(&of_shop).contains("SameSite=None"), "{of_shop}");
    assert!(of_admin.starts_with("__Host-admin="), "{of_admin}");
    assert!(!after(&of_admin).contains("Domain"), "{of_admin}");
    // What clears a cookie has to name it as what set it.
    let cookie = format!("shop={}", set(&shop, "shop"));
    let request = Request::delete("/api/auth/session-v2")
        .header("Host", "shop.example.com")
        .header("Cookie", &cookie);
    let cleared = line(&stage.send(&request).must_be(204));
    assert!(
        cleared.starts_with("shop=;") && cleared.contains("Domain=shop.example.com"),
        "{cleared}"
    );
}

/// Category B of the catalogue, between siblings: what is planted for a common domain never gets anybody in or out.
#[test]
fn cookies_that_a_sibling_plants_do_nothing() {
    let stage = Stage::with([SITES]);
    let shop = set(
        &log_in_at(&stage, "shop.example.com", "alice@example.com"),
        "shop",
    );
    let mallory = set(
        &log_in_at(&stage, "admin.example.com", "mallory@example.com"),
        "__Host-admin",
    );
    // The name of another site means nothing here, whichever group its value is of.
    assert!(!seen_at(
        &stage,
        "admin.example.com",
        &format!("shop={shop}")
    ));
    assert!(!seen_at(
        &stage,
        "shop.example.com",
        &format!("__Host-admin={mallory}")
    ));
    assert!(seen_at(
        &stage,
        "shop.example.com",
        &format!("__Host-admin={mallory}; shop={shop}")
    ));
    // Two of the own name, of two domains, in either order, and one of them perhaps empty: nobody can say which is ours.
    for pair in [
        format!("shop={shop}; shop={mallory}"),
        format!("shop={mallory}; shop={shop}"),
        format!("shop={shop}; shop="),
        format!("shop={shop}; shop"),
    ] {
        let request = Request::get("/page")
            .header("Host", "shop.example.com")
            .header("Cookie", &pair);
        assert_eq!(stage.send(&request).problem(400), "cookies");
    }
}

#[test]
fn no_app_sees_a_session_cookie_of_any_site_nor_sets_one() {
    let stage = Stage::with([SITES]);
    let fields = [
        ("Set-Cookie", "shop=evil; Path=/"),
        ("Set-Cookie", "__Host-admin=evil; Path=/; Secure"),
        ("Set-Cookie", "theme=1"),
    ];
    stage.on("/page", move |_| Reply::new(200, &fields, "ok"));
    let request = Request::get("/page")
        .header("Host", "admin.example.com")
        .header("Cookie", "a=1; shop=x; __Host-admin=y; b=2");
    let answer = stage.send(&request).must_be(200);
    assert_eq!(
        stage.app.last_request().header("cookie").as_deref(),
        Some("a=1; b=2")
    );
    assert_eq!(answer.all("set-cookie"), ["theme=1"]);
}
