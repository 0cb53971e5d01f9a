use super::*;
use crate::config::MigrationMode;
use crate::legacy::testing::{config, migration};

fn clearing(origin: &str) -> Clearing {
    let sites = config(&format!("[server]\npublic_origin = \"{origin}\"")).sites;
    Clearing::new(&migration(MigrationMode::On), sites.first())
}

fn texts(lines: &[HeaderValue]) -> Vec<&str> {
    lines.iter().map(|line| line.to_str().unwrap()).collect()
}

#[test]
fn host_and_domains_that_browsers_accept_from_it() {
    let lines = clearing("https://www.app.test").lines("a", Reach::Configured, "/x");
    assert_eq!(
        texts(&lines),
        [
            "a=; Max-Age=0; Path=/",
            "a=; Max-Age=0; Path=/; Domain=app.test"
        ]
    );
    let lines = clearing("https://myapp.test").lines("a", Reach::Configured, "/x");
    assert_eq!(
        texts(&lines),
        ["a=; Max-Age=0; Path=/"],
        "another domain's suffix"
    );
}

#[test]
fn prefixed_names_are_secure() {
    let lines = clearing("https://app.test").lines("__Secure-a", Reach::Configured, "/");
    assert!(texts(&lines).iter().all(|line| line.ends_with("; Secure")));
}

#[test]
fn anywhere_is_every_path_and_domain_of_the_request() {
    let lines = clearing("https://www.app.test").lines("a", Reach::Anywhere, "/shop/cart/1");
    let texts = texts(&lines);
    for expected in [
        "a=; Max-Age=0; Path=/shop/cart/1",
        "a=; Max-Age=0; Path=/shop; Domain=www.app.test",
        "a=; Max-Age=0; Path=/shop/; Domain=app.test",
        "a=; Max-Age=0; Path=/",
    ] {
        assert!(texts.contains(&expected), "{expected} in {texts:?}");
    }
    assert!(!texts.iter().any(|line| line.ends_with("Domain=test")));
    let hostile = clearing("https://app.test").lines("a", Reach::Anywhere, "/x; Domain=evil/y");
    assert!(
        !hostile
            .iter()
            .any(|line| line.to_str().unwrap().contains("evil"))
    );
}
