use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use proptest::prelude::*;
use sidgate_policy::edge::CookieLimits;

use super::*;
use crate::config::MigrationMode;
use crate::legacy::cookies::found::{OldValue, VALUES_MAX};
use crate::legacy::testing::migration;

fn rules() -> Rules {
    Rules::new(&migration(MigrationMode::On))
}

fn headers(line: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    headers
}

fn find(line: &str) -> Option<Found> {
    let headers = headers(line);
    let cookies = Cookies::parse(&headers, "sid", CookieLimits::of_bytes(64 * 1024)).unwrap();
    rules().find(&cookies)
}

fn login(line: &str) -> Vec<(String, Vec<u8>)> {
    let found = find(line).unwrap();
    let credentials = found.values.iter().map(OldValue::credential);
    credentials
        .map(|one| (one.name.to_owned(), one.value.to_vec()))
        .collect()
}

fn one(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

#[test]
fn foreign_cookies_are_nobodys_business() {
    assert!(find("csrftoken=x; theme=dark; dot=1; session_tokens=1; sid=x").is_none());
    assert!(find("session_token.x=1; session_token.01=1; session_token.99=2").is_none());
}

#[test]
fn credentials_come_in_the_order_of_the_configuration() {
    let line = "theme=1; session_token=b; onboardingStep=2; dott_auth_session=a; dott_x=3";
    assert_eq!(
        login(line),
        [one("dott_auth_session", "a"), one("session_token", "b")]
    );
    let found = find(line).unwrap();
    assert_eq!(
        found.all_names(),
        [
            "dott_auth_session",
            "session_token",
            "dott_x",
            "onboardingStep"
        ]
    );
    assert_eq!(
        found.seen,
        [
            "session_token",
            "onboardingStep",
            "dott_auth_session",
            "dott_*"
        ]
    );
    let shown = found.shown(&found.values[1]);
    let shown: Vec<_> = shown
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let expected = [
        ("dott_x", "3"),
        ("onboardingStep", "2"),
        ("session_token", "b"),
    ];
    assert_eq!(
        shown, expected,
        "each credential by itself, with the companions"
    );
    assert!(!found.is_unclear);
}

#[test]
fn chunks_are_one_cookie_unless_one_is_missing() {
    let line = "dott_auth_session.1=world; dott_auth_session.0=hello; dott_auth_session.2=!";
    assert_eq!(login(line), [one("dott_auth_session", "helloworld!")]);
    let found = find(line).unwrap();
    let shown = found.shown(&found.values[0]);
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["dott_auth_session"]);
    let gap = find("dott_auth_session.0=a; dott_auth_session.3=b").unwrap();
    assert!(!gap.has_login());
    let names = [
        "dott_auth_session.0",
        "dott_auth_session.1",
        "dott_auth_session.2",
        "dott_auth_session.3",
    ];
    assert_eq!(gap.all_names(), names, "the missing ones are cleared too");
    assert_eq!(
        login("session_token.1=rest; session_token=new"),
        [one("session_token", "new")],
        "remains of chunks are no value"
    );
}

#[test]
fn every_different_value_counts_whatever_it_came_in() {
    let same_name = login("session_token=b; session_token=a; session_token=a");
    let a_and_b = [one("session_token", "a"), one("session_token", "b")];
    assert_eq!(same_name, a_and_b, "in whichever order they came");
    assert_eq!(
        login("session_token.0=ol; session_token=new; session_token.1=d"),
        [one("session_token", "new"), one("session_token", "old")],
        "a whole one beside chunks"
    );
    let same = "session_token.0=a; session_token=\"ab\"; session_token.1=b; session_token=a%62";
    assert_eq!(login(same), [one("session_token", "ab")]);
    let two_names = login("session_token=a; dott_auth_session=a");
    assert_eq!(two_names.len(), 2);
}

#[test]
fn what_fits_together_in_several_ways_is_not_judged() {
    let torn = "session_token.0=a; session_token.0=b; session_token.1=c";
    assert!(find(torn).unwrap().is_unclear);
    let twice = "session_token.0=a; session_token.0=a; session_token.1=c";
    assert!(!find(twice).unwrap().is_unclear);
    assert!(
        !find("session_token=a; dott_x.0=1; dott_x.0=2")
            .unwrap()
            .is_unclear
    );
    let values = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|at| format!("session_token={at}")).collect();
        find(&pairs.join("; ")).unwrap()
    };
    assert!(!values(VALUES_MAX).is_unclear);
    assert!(values(VALUES_MAX + 1).is_unclear);
    let over_names = "session_token=1; session_token=2; session_token=3; \
        dott_auth_session=4; dott_auth_session.0=5";
    assert!(find(over_names).unwrap().is_unclear);
}

#[test]
fn a_name_goes_when_nothing_is_left_under_it() {
    let found = find("session_token=a; dott_auth_session=x; session_token=b; dott_x=1").unwrap();
    assert_eq!(
        login_names(&found),
        ["dott_auth_session", "session_token", "session_token"]
    );
    let cleared = |spent: &[usize]| found.clearable(spent);
    assert_eq!(cleared(&[0, 1]), ["dott_auth_session", "dott_x"]);
    assert_eq!(cleared(&[1, 2]), ["session_token", "dott_x"]);
    assert_eq!(cleared(&[]), ["dott_x"]);
    assert_eq!(cleared(&[0, 1, 2]), found.all_names());
    let chunks = find("session_token.0=a; session_token.1=b; session_token=c").unwrap();
    assert_eq!(
        chunks.clearable(&[1]),
        ["session_token.0", "session_token.1"]
    );
    assert_eq!(chunks.clearable(&[0]), ["session_token"]);
}

fn login_names(found: &Found) -> Vec<&str> {
    found.values.iter().map(|value| &*value.name).collect()
}

#[test]
fn what_is_kept_for_a_rollback_is_what_became_the_session() {
    let line = "session_token=dead; theme=1; session_token=live; dott_auth_session=other; dott_x=1";
    let found = find(line).unwrap();
    let at = |value: &[u8]| {
        let mut values = found.values.iter();
        values
            .position(|one| one.credential().value == value)
            .unwrap()
    };
    assert_eq!(
        found.kept(&[at(b"live")]),
        [("session_token", "live"), ("dott_x", "1")]
    );
    let both = found.kept(&[at(b"live"), at(b"dead")]);
    assert_eq!(
        both,
        [("session_token", "dead"), ("dott_x", "1")],
        "each name once"
    );
}

#[test]
fn a_name_is_known_whatever_its_value_is() {
    let line = b"session_token=a; dott_company=Caf\xc3\xa9; dott_raw=\xff; dott_y=1";
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_bytes(line).unwrap());
    let find = |headers: &HeaderMap| {
        let cookies = Cookies::parse(headers, "sid", CookieLimits::of_bytes(64 * 1024)).unwrap();
        rules().find(&cookies)
    };
    let found = find(&headers).unwrap();
    assert_eq!(
        found.all_names(),
        ["session_token", "dott_company", "dott_raw", "dott_y"]
    );
    assert_eq!(found.shown(&found.values[0])["dott_company"], "Caf\u{e9}");
    assert!(!found.has_unreadable);
    let line = b"session_token=Caf\xc3\xa9; session_token.1=\xff";
    headers.insert(COOKIE, HeaderValue::from_bytes(line).unwrap());
    let found = find(&headers).unwrap();
    assert!(found.has_unreadable && !found.has_login());
    assert_eq!(
        found.all_names(),
        ["session_token", "session_token.0", "session_token.1"]
    );
}

#[test]
fn one_login_in_several_spellings_is_one() {
    for spelling in ["a%3D%3d", "\"a==\"", "a==", "%61=="] {
        assert_eq!(
            login(&format!("session_token={spelling}")),
            [one("session_token", "a==")]
        );
    }
    for odd in ["100%", "%", "%4", "%zz", "\""] {
        assert_eq!(
            login(&format!("session_token={odd}")),
            [one("session_token", odd)]
        );
    }
    // The app sees it as it was sent.
    let found = find("session_token=a%3D").unwrap();
    assert_eq!(found.shown(&found.values[0])["session_token"], "a%3D");
}

#[test]
fn an_empty_credential_is_none_and_is_cleared() {
    for line in ["session_token=", "session_token", "session_token=\"\""] {
        let found = find(line).unwrap();
        assert!(!found.has_login(), "{line}");
        assert_eq!(found.all_names(), ["session_token"]);
        assert_eq!(found.clearable(&[]), ["session_token"]);
    }
}

#[test]
fn apps_see_what_passes_through_and_never_a_credential() {
    let rules = rules();
    for hidden in [
        "session_token",
        "session_token.0",
        "dott_auth_session",
        "dott_x",
        "onboardingStep",
    ] {
        assert!(rules.hides(hidden.as_bytes()), "{hidden}");
    }
    for shown in [
        "onboarding_status",
        "onboarding_status.0",
        "csrftoken",
        "dot",
        "",
    ] {
        assert!(!rules.hides(shown.as_bytes()), "{shown}");
    }
    assert!(rules.is_credential(b"session_token.3"));
    assert!(!rules.is_credential(b"onboardingStep"));
}

#[test]
fn the_share_is_stable_and_only_grows() {
    let found: Vec<Found> = (0..500)
        .map(|number| find(&format!("session_token=value{number}")).unwrap())
        .collect();
    let chosen = |percent| found.iter().filter(|one| one.is_within(percent)).count();
    assert_eq!((chosen(0), chosen(100)), (0, 500));
    assert!((80..=170).contains(&chosen(25)), "{}", chosen(25));
    for one in &found {
        let first = (0..=100).find(|&percent| one.is_within(percent)).unwrap();
        assert!((first..=100).all(|percent| one.is_within(percent)));
    }
}

fn pair() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("session_token".to_owned()),
        Just("dott_auth_session".to_owned()),
        Just("onboarding_status".to_owned()),
        Just("onboardingStep".to_owned()),
        "session_token\\.[0-9]{1,2}",
        "dott_[a-z]{0,3}",
        "[!#$%&'*+.^_`|~0-9A-Za-z-]{0,6}",
        "[ -~\\x80-\\xff]{0,6}",
    ];
    (name, "[ -:<-~\\x80-\\xff]{0,12}").prop_map(|(name, value)| format!("{name}={value}"))
}

proptest! {
    /// Every pair that came is dropped as ill-formed, hidden and cleared, or passed on byte for byte; nothing else happens.
    #[test]
    fn every_byte_is_accounted_for(pairs in proptest::collection::vec(pair(), 0..20)) {
        let line: Vec<u8> = pairs.join("; ").chars().map(|c| c as u8).collect();
        let mut headers = HeaderMap::new();
        let Ok(value) = HeaderValue::from_bytes(&line) else { return Ok(()) };
        headers.insert(COOKIE, value);
        let Ok(cookies) = Cookies::parse(&headers, "sid", CookieLimits::of_bytes(64 * 1024)) else { return Ok(()) };
        let rules = rules();
        let well_formed: Vec<&[u8]> = cookies.foreign().map(|pair| pair.text()).collect();
        let rewritten = cookies.upstream_line(|name| rules.hides(name));
        let rewritten = rewritten.map(|line| line.as_bytes().to_vec()).unwrap_or_default();
        let kept: Vec<&[u8]> = cookies
            .foreign()
            .filter(|pair| !rules.hides(pair.name()))
            .map(|pair| pair.text())
            .collect();
        prop_assert_eq!(&rewritten, &kept.join(&b"; "[..]));
        let found = rules.find(&cookies);
        let names = found.map(|found| found.all_names()).unwrap_or_default();
        for pair in cookies.foreign() {
            let name = String::from_utf8(pair.name().to_vec()).unwrap();
            let ours = name.starts_with("dott_")
                || name.starts_with("session_token") && (name.len() == 13 || name.as_bytes()[13] == b'.')
                || ["onboarding_status", "onboardingStep"].contains(&&*name);
            // Whatever is hidden is cleared, and nothing that is not ours is either.
            prop_assert!(!rules.hides(pair.name()) || names.contains(&name), "{}", name);
            prop_assert!(ours || !names.contains(&name), "{}", name);
        }
        prop_assert!(well_formed.len() + cookies.dropped() <= pairs.len() * 2 + 1);
    }
}
