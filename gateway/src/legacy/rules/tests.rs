use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::config::MigrationMode;
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
    let cookies = Cookies::parse(&headers, "sid", 64 * 1024).unwrap();
    rules().find(&cookies)
}

fn login(line: &str) -> Vec<(String, Vec<u8>)> {
    let found = find(line).unwrap();
    let credentials = found.credentials();
    credentials
        .iter()
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
        found.names,
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
    assert_eq!(found.cookies.len(), 4);
    assert!(!found.ambiguous);
}

#[test]
fn chunks_are_one_cookie_unless_one_is_missing() {
    let line = "dott_auth_session.1=world; dott_auth_session.0=hello; dott_auth_session.2=!";
    assert_eq!(login(line), [one("dott_auth_session", "helloworld!")]);
    let found = find(line).unwrap();
    assert_eq!(
        found.cookies.keys().collect::<Vec<_>>(),
        ["dott_auth_session"]
    );
    let gap = find("dott_auth_session.0=a; dott_auth_session.3=b").unwrap();
    assert!(!gap.has_login());
    let names = [
        "dott_auth_session.0",
        "dott_auth_session.1",
        "dott_auth_session.2",
        "dott_auth_session.3",
    ];
    assert_eq!(gap.names, names, "the missing ones are cleared too");
    // Remains of chunks beside a whole cookie.
    assert_eq!(
        login("session_token.0=old; session_token=new"),
        [one("session_token", "new")]
    );
}

#[test]
fn two_values_of_one_credential_are_ambiguous() {
    assert!(find("session_token=a; session_token=b").unwrap().ambiguous);
    assert!(
        find("session_token.0=a; session_token.0=b")
            .unwrap()
            .ambiguous
    );
    assert!(!find("session_token=a; session_token=a").unwrap().ambiguous);
    assert!(
        !find("session_token=a; dott_x=1; dott_x=2")
            .unwrap()
            .ambiguous
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
    assert_eq!(
        find("session_token=a%3D").unwrap().cookies["session_token"],
        "a%3D"
    );
}

#[test]
fn an_empty_credential_is_none_and_is_cleared() {
    for line in ["session_token=", "session_token", "session_token=\"\""] {
        let found = find(line).unwrap();
        assert!(!found.has_login(), "{line}");
        assert_eq!(found.names, ["session_token"]);
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
        let Ok(cookies) = Cookies::parse(&headers, "sid", 64 * 1024) else { return Ok(()) };
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
        let names = found.map(|found| found.names).unwrap_or_default();
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
