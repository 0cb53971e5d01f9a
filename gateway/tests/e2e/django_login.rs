//! A real Django with allauth and a second factor: the gateway's login asks for what the site's own page asks for, and nothing
//! that is stored or told is a login.

mod site;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sidgate_testkit::browser::Browser;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::secrets;
use sidgate_testkit::{Request, Response, SESSION};

use self::site::Site;

const LOGIN_PAGE: &str = "/accounts/login/";

fn log_in(site: &Site, user: &str, otp: Option<&str>) -> Response {
    let mut body =
        json!({"email": format!("{user}@example.com"), "password": format!("pw-{user}")});
    if let Some(otp) = otp {
        body["otp"] = otp.into();
    }
    site.gateway.send(&Request::post(SESSION).json(&body))
}

fn log_in_at_the_page(browser: &mut Browser<'_>, user: &str) -> Response {
    let password = format!("pw-{user}");
    browser.submit(LOGIN_PAGE, &[("login", user), ("password", &password)])
}

fn who(site: &Site, sid: &str) -> Value {
    site.gateway.get_as(sid, "/who").json()
}

#[test]
fn a_password_alone_opens_nothing() {
    let site = Site::start(&[], "");

    let refused = log_in(&site, "victim", None);
    assert_eq!(refused.problem(401), "mfa_required");
    assert!(refused.leaves_cookies_alone());
    assert_eq!(refused.json()["flows"], json!(["totp"]));
    let wrong = log_in(&site, "victim", Some("000000"));
    assert_eq!(wrong.problem(401), "invalid_credentials");

    let mut browser = Browser::of(&site.gateway);
    let page = log_in_at_the_page(&mut browser, "victim");
    assert_eq!(page.header("location"), Some("/accounts/2fa/authenticate/"));
    assert_eq!(browser.sid(), None);
    assert_eq!(browser.open("/who").json()["user"], Value::Null);
}

#[test]
fn a_code_completes_it_once() {
    let site = Site::start(&[], "");
    let code = site.code();

    let sid = log_in(&site, "victim", Some(&code)).new_sid();
    assert_eq!(who(&site, &sid)["user"], "victim");

    let again = log_in(&site, "victim", Some(&code));
    assert_eq!(again.problem(401), "invalid_credentials");
    assert_eq!(log_in(&site, "other", None).status, 201, "needs no code");
}

#[test]
fn an_address_that_is_not_confirmed_opens_nothing() {
    let site = Site::start(&[("SITE_EMAIL_VERIFICATION", "mandatory")], "");

    let refused = log_in(&site, "plain", None);

    assert_eq!(refused.problem(401), "mfa_required");
    assert_eq!(refused.json()["flows"], json!(["verify_email"]));
    assert_eq!(log_in(&site, "other", None).status, 201);
}

#[test]
fn pages_that_are_cached_by_cookie_are_ones_own() {
    let site = Site::start(&[], "");
    let sids = ["other", "plain"].map(|user| log_in(&site, user, None).new_sid());
    let seen = |request: Request| site.gateway.send(&request).text();
    let page = |sid: &str| seen(Request::get("/cached").sid(sid));

    let first: Vec<String> = sids.iter().map(|sid| page(sid)).collect();
    assert!(first[0].starts_with("other "), "{first:?}");
    assert!(first[1].starts_with("plain "), "{first:?}");
    let again: Vec<String> = sids.iter().map(|sid| page(sid)).collect();
    assert_eq!(again, first, "cached");

    let handle = site.gateway.session_of(&sids[0])["session"]["id"].clone();
    let forged = format!("sidgate={}", handle.as_str().unwrap());
    assert!(seen(Request::get("/cached")).starts_with("nobody "));
    let page = seen(Request::get("/cached").header("Cookie", &forged));
    assert!(page.starts_with("nobody "), "{page}");
    secrets::forget(handle.as_str().unwrap());
    let cookies = who(&site, &sids[0])["cookies"].clone();
    assert_eq!(cookies, forged, "what the app sees");
}

/// What somebody can read who reads the gateway's store, this session's assertions, and the site's own table.
fn readable(site: &Site, sids: &[&str]) -> BTreeSet<String> {
    let mut strings: BTreeSet<String> = site.texts_of_the_store().into_iter().collect();
    for sid in sids {
        if let Some(reference) = who(site, sid)["ref"].as_str() {
            strings.insert(reference.to_owned());
            strings.insert(reference.trim_start_matches("first-").to_owned());
        }
    }
    let stored = site.gateway.get("/stored").json();
    let stored = stored["strings"].as_array().unwrap().clone();
    strings.extend(stored.iter().map(|text| text.as_str().unwrap().to_owned()));
    strings
        .retain(|text| text.len() < 200 && text.bytes().all(|b| b.is_ascii_graphic() && b != b';'));
    strings
}

fn opens_nothing(site: &Site, strings: &BTreeSet<String>) {
    assert!(strings.len() > 10, "{strings:?}");
    for text in strings {
        for name in ["sid", "sessionid", "visitor", "sidgate"] {
            let request = Request::get("/who").header("Cookie", &format!("{name}={text}"));
            let response = site.gateway.send(&request);
            assert!(
                response
                    .all("set-cookie")
                    .iter()
                    .all(|line| !line.starts_with("sid=") || line.contains("Max-Age=0")),
                "{name}={text}: {response:?}"
            );
            if response.status == 200 {
                assert_eq!(response.json()["user"], Value::Null, "{name}={text}");
                assert_eq!(response.json()["cart"], Value::Null, "{name}={text}");
            }
        }
    }
}

#[test]
fn nothing_that_is_stored_or_told_is_a_login() {
    let site = Site::start(&[], "[edge]\nmisses_per_client = \"100000/m\"");
    let mut at_page = Browser::of(&site.gateway);
    at_page.open("/cart");
    log_in_at_the_page(&mut at_page, "other");
    at_page.open("/cart");
    let by_page = at_page.sid().expect("a login").to_owned();
    let by_json = log_in(&site, "victim", Some(&site.code())).new_sid();
    site.gateway.get_as(&by_json, "/cart");
    let mut old = Browser::of(&site.gateway);
    old.open("/old-login?user=plain");
    let old_login = old.open("/who");
    assert_eq!(old_login.json()["cart"], "old", "it goes on");
    let migrated = old.sid().expect("a migrated session").to_owned();
    let sids = [&*by_page, &*by_json, &*migrated];
    for (sid, user) in sids.iter().zip(["other", "victim", "plain"]) {
        assert_eq!(who(&site, sid)["user"], user);
        assert!(who(&site, sid)["cart"].is_string());
    }

    let strings = readable(&site, &sids);
    opens_nothing(&site, &strings);

    assert_eq!(site.gateway.log_out(&by_page).status, 204);
    let config = site.gateway.config_file();
    let revoke = ["sessions", "revoke", "--all", "--config"];
    let mut arguments = revoke.to_vec();
    arguments.push(config.to_str().unwrap());
    sidgate(site.folder(), &arguments).success();
    opens_nothing(&site, &strings);
    // Ids and names are in the log, as they should be.
    site.texts_of_the_store()
        .iter()
        .for_each(|text| secrets::forget(text));
}
