//! What somebody else can do with a ticket or a code: nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use session_core::entropy::SystemEntropy;
use session_core::keys::handover::Sealed;
use session_core::keys::{Keyring, MasterKey};
use sidgate_testkit::wait::unix_now;
use sidgate_testkit::{Request, Stage, Traveller};

use super::handover::{HOUSE, log_in};

/// The URL of the next step, for a browser that is at `url`.
fn step(browser: &mut Traveller<'_>, url: &str) -> String {
    let answer = browser.ask(url, &[]).must_be(303);
    answer.header("location").unwrap().to_owned()
}

const BEGIN: &str = "https://shop.test/api/auth/handover?next=/required";

/// A code for the shop, made for this browser and not used yet.
fn code(browser: &mut Traveller<'_>) -> String {
    let ticket = step(browser, BEGIN);
    step(browser, &ticket)
}

/// Login CSRF: the attacker's own code, opened in the victim's browser.
#[test]
fn nobody_is_logged_in_by_somebody_elses_code() {
    let stage = Stage::with([HOUSE]);
    let mut attacker = Traveller::of(&stage);
    log_in(&stage, &mut attacker);
    let code = code(&mut attacker);
    let mut victim = Traveller::of(&stage);
    let answer = victim.ask(&code, &[]);
    assert!(answer.leaves_cookies_alone(), "{answer:?}");
    answer.must_be(403);
    // Also one that has begun a handover of its own.
    step(&mut victim, BEGIN);
    victim.ask(&code, &[]).must_be(403);
    assert_eq!(victim.cookie("shop.test", "__Host-shop"), None);
    assert_eq!(
        stage.sum("sidgate_handover_total", &[("step", "elsewhere")]),
        2.0
    );
}

/// The attacker's ticket, opened in the browser of somebody who is logged in: the code goes to the shop, which refuses it.
#[test]
fn a_ticket_brings_no_code_to_whoever_made_it() {
    let stage = Stage::with([HOUSE]);
    let mut attacker = Traveller::of(&stage);
    let ticket = step(&mut attacker, BEGIN);
    let mut victim = Traveller::of(&stage);
    let sid = log_in(&stage, &mut victim);
    let code = step(&mut victim, &ticket);
    assert!(
        code.starts_with("https://shop.test/api/auth/handover?code="),
        "{code}"
    );
    victim.ask(&code, &[]).must_be(403);
    assert_eq!(victim.cookie("shop.test", "__Host-shop"), None);
    assert!(!code.contains(&sid));
}

#[test]
fn a_code_is_good_once() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let code = code(&mut browser);
    let first = browser.ask(&code, &[]).must_be(303);
    assert_eq!(first.header("location"), Some("/required"));
    // The back button: on to the page, and no cookie a second time.
    let again = browser.ask(&code, &[]).must_be(303);
    assert_eq!(again.header("location"), Some("/required"));
    assert!(again.leaves_cookies_alone(), "{again:?}");
    assert_eq!(
        stage.sum("sidgate_handover_total", &[("step", "replayed")]),
        1.0
    );
}

#[test]
fn a_code_opens_nothing_at_another_site_or_host() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let code = code(&mut browser);
    let query = code.split_once('?').unwrap().1;
    // The browser has a secret there too.
    step(&mut browser, "https://blog.test/api/auth/handover?next=/");
    for host in ["blog.test", "acme.blog.test", "accounts.test"] {
        let answer = browser.ask(&format!("https://{host}/api/auth/handover?{query}"), &[]);
        answer.must_be(403);
    }
}

#[test]
fn a_code_after_the_logout_is_worth_nothing() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let code = code(&mut browser);
    browser
        .send("accounts.test", Request::delete("/api/auth/session-v2"))
        .must_be(204);
    let answer = browser.ask(&code, &[]).must_be(303);
    assert!(answer.leaves_cookies_alone(), "{answer:?}");
    let (url, _) = browser.open("https://shop.test/required");
    assert!(url.starts_with("https://accounts.test/login"), "{url}");
}

/// What was not sealed by this installation, or for another purpose, is refused before anybody is asked.
#[test]
fn tickets_and_codes_cannot_be_made_or_exchanged() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    let ticket = step(&mut browser, BEGIN);
    let state = ticket.split("state=").nth(1).unwrap().to_owned();
    let code = step(&mut browser, &ticket);
    let sealed = code.split("code=").nth(1).unwrap().to_owned();
    let other = if sealed[40..].starts_with('A') {
        'B'
    } else {
        'A'
    };
    let altered = format!("{}{other}{}", &sealed[..40], &sealed[41..]);
    for query in [
        format!("code={state}"),
        format!("code={altered}"),
        "code=".to_owned(),
        format!("code={}", "A".repeat(5000)),
        format!("to=blog&state={state}"),
        format!("to=nowhere&state={state}"),
        format!("to=shop&state={sealed}"),
        "to=shop&state=AAAA".to_owned(),
        format!("none={sealed}"),
        format!("code={sealed}&code={sealed}"),
        format!("next=/&code={sealed}"),
    ] {
        for host in ["shop.test", "accounts.test"] {
            let answer = browser.ask(&format!("https://{host}/api/auth/handover?{query}"), &[]);
            assert_eq!(answer.status, 400, "{host} {query}: {answer:?}");
        }
    }
}

/// Open redirects: whatever is asked for, the way leads to a page of the site.
#[test]
fn no_way_leads_elsewhere() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    log_in(&stage, &mut browser);
    for next in [
        "https://evil.test/",
        "//evil.test",
        "/%5Cevil.test",
        "/%09/evil.test",
        "%2F%2Fevil.test",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:%20a=b",
    ] {
        let begun = browser.ask(
            &format!("https://shop.test/api/auth/handover?next={next}"),
            &[],
        );
        let ticket = begun.must_be(303).header("location").unwrap().to_owned();
        let code = step(&mut browser, &ticket);
        let page = browser.ask(&code, &[]).must_be(303);
        assert_eq!(page.header("location"), Some("/"), "{next}");
    }
}

/// A second cookie of that name, which a sibling has planted, breaks a handover and steals none.
#[test]
fn a_planted_secret_is_of_no_use() {
    let stage = Stage::with([HOUSE]);
    let mut attacker = Traveller::of(&stage);
    log_in(&stage, &mut attacker);
    let code = code(&mut attacker);
    let secret = attacker
        .cookie("shop.test", "__Host-sidgate-state")
        .unwrap();
    let (_, query) = code.split_once('?').unwrap();
    let request = Request::get(&format!("/api/auth/handover?{query}"))
        .header("Host", "shop.test")
        .header("Accept", "text/html")
        .header(
            "Cookie",
            &format!("__Host-sidgate-state=own; __Host-sidgate-state={secret}"),
        );
    stage.send(&request).must_be(403);
}

/// The browser of a handover at the shop, and what its ticket says, sealed with the keys of the installation.
fn aged(
    stage: &Stage,
    browser: &Traveller<'_>,
    sid: &str,
    (ticket_age, code_age): (i64, i64),
) -> String {
    let secret = browser.cookie("shop.test", "__Host-sidgate-state").unwrap();
    let digest: Vec<u8> = blake3::hash(secret.as_bytes()).as_bytes().to_vec();
    let ticket = json!({"to": "shop", "host": "shop.test", "page": "/required", "browser": digest,
        "again": false, "silent": false, "at": unix_now() - ticket_age});
    let code = json!({"sid": sid, "ticket": ticket, "at": unix_now() - code_age});
    let master = STANDARD.decode(stage.master().trim()).unwrap();
    let master = MasterKey::from_bytes(master.try_into().unwrap());
    let keys = Keyring::new(master, vec![]).handover();
    let sealed = keys.seal(Sealed::Code, code.to_string().as_bytes(), &SystemEntropy);
    let sealed = URL_SAFE_NO_PAD.encode(sealed.unwrap().unwrap());
    format!("https://shop.test/api/auth/handover?code={sealed}")
}

/// A code is good for 30 seconds, also by a clock that is ahead or behind; then the page begins anew.
#[test]
fn a_code_that_is_too_old_gives_no_cookie() {
    let stage = Stage::with([HOUSE]);
    let mut browser = Traveller::of(&stage);
    let sid = log_in(&stage, &mut browser);
    step(&mut browser, BEGIN);
    for (age, is_good) in [
        (25, true),
        (-25, true),
        (40, false),
        (-40, false),
        (86_400, false),
    ] {
        browser.forget_cookie("shop.test", "__Host-shop");
        let code = aged(&stage, &browser, &sid, (age, age));
        let answer = browser.ask(&code, &[]).must_be(303);
        assert_eq!(answer.header("location"), Some("/required"), "{age}");
        assert_eq!(
            browser.cookie("shop.test", "__Host-shop").is_some(),
            is_good,
            "{age}"
        );
    }
}

/// What the operator of another installation seals is nothing here.
#[test]
fn a_code_of_another_installation_is_none() {
    let (stage, other) = (Stage::with([HOUSE]), Stage::with([HOUSE]));
    let mut browser = Traveller::of(&stage);
    let sid = log_in(&stage, &mut browser);
    step(&mut browser, BEGIN);
    let code = aged(&other, &browser, &sid, (0, 0));
    browser.ask(&code, &[]).must_be(400);
}
