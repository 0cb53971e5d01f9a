//! `[[sites]]`: what one is, and what several may not be to each other.

use super::super::{LoginPage, Site, TenantFrom};
use super::{Draft, Place};

/// A file with these sites, each in its lines.
fn with(sites: &[&str]) -> String {
    let mut text = Draft::minimal().text();
    for site in sites {
        text.push_str("[[sites]]\n");
        text.push_str(site);
        text.push('\n');
    }
    text
}

const SHOP: &str = "name = \"shop\"\norigin = \"https://shop.test\"";

/// `SHOP` and these lines.
fn shop(more: &str) -> String {
    format!("{SHOP}\n{more}")
}

#[track_caller]
fn sites(text: &str) -> Vec<Site> {
    let config = Place::new().good(text);
    config.sites.iter().map(|site| (**site).clone()).collect()
}

#[test]
fn without_a_list_there_is_one_site() {
    let one = sites(&Draft::minimal().text());
    let [site] = one.as_slice() else {
        panic!("{one:?}")
    };
    assert_eq!(site.name.as_str(), "default");
    assert!(site.group.is_default());
    assert_eq!(site.origin.to_string(), "http://localhost:3000");
    assert_eq!(site.tenant_from, TenantFrom::None);
    let config = Place::new().good(&Draft::minimal().text());
    assert!(!config.sites.are_named);
}

#[test]
fn what_a_site_leaves_out_is_its_own_or_that_of_all() {
    let text = with(&[
        SHOP,
        "name = \"api\"\norigin = \"https://api.test\"\ncookie = { same_site = \"none\" }",
    ]) + "[cookie]\nname = \"__Host-sid\"\n";
    let read = sites(&text);
    let [shop, api] = read.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(shop.group.name(), "shop");
    assert_eq!(shop.login, LoginPage::Here("/login".to_owned()));
    assert_eq!(shop.hosts.authorities(), ["shop.test"]);
    assert_eq!(api.cookie.name.as_str(), "__Host-sid");
    assert_ne!(api.cookie.same_site, shop.cookie.same_site);
}

#[test]
fn keys_of_the_one_site_have_no_place_beside_the_list() {
    for (key, value) in [
        ("server.public_origin", "\"https://shop.test\""),
        ("server.hosts", "[\"shop.test\"]"),
        ("server.login_url", "\"/login\""),
    ] {
        let text = Draft::minimal().set(key, value).text() + "[[sites]]\n" + SHOP + "\n";
        Place::new().one_fault(&text, key, "has its place in [[sites]]");
    }
}

#[test]
fn a_site_can_be_reached_and_keeps_its_cookie() {
    for (more, key, why) in [
        (
            "hosts = [\"www.shop.test\"]",
            "sites[0].hosts",
            "does not name shop.test",
        ),
        (
            "hosts = [\"*.shop.test\"]",
            "sites[0].hosts",
            "does not name shop.test",
        ),
        (
            "tenant_from = \"label\"",
            "sites[0].tenant_from",
            "no host of the site has one",
        ),
        (
            "cookie = { secure = false }",
            "sites[0].cookie.secure",
            "http on a loopback name",
        ),
        (
            "cookie = { domain = \"other.test\" }",
            "sites[0].cookie.domain",
            "take no cookie for other.test",
        ),
        (
            "cookie = { domain = \"a.shop.test\" }",
            "sites[0].cookie.domain",
            "take no cookie for a.shop.test",
        ),
        (
            "cookie = { name = \"__Host-sid\", domain = \"shop.test\" }",
            "sites[0].cookie.domain",
            "for the host that sets it alone",
        ),
        ("group = \"Shop\"", "sites[0].group", "1 to 32"),
        (
            "hosts = [\"a.*.test\"]",
            "sites[0].hosts[0]",
            "is a pattern",
        ),
        (
            "hosts = [\"*.127.0.0.1\"]",
            "sites[0].hosts[0]",
            "an address has no subdomains",
        ),
    ] {
        Place::new().one_fault(&with(&[&shop(more)]), key, why);
    }
    let good =
        shop("hosts = [\"shop.test\", \"*.shop.test\"]\ncookie = { domain = \".shop.test\" }");
    let read = sites(&with(&[&good]));
    let domain = read[0].cookie.domain.as_ref().map(ToString::to_string);
    assert_eq!(domain.as_deref(), Some("shop.test"));
}

#[test]
fn names_of_sites_are_plain() {
    for name in ["", "Shop", "a b", "a.b", "a\u{e9}", &"x".repeat(33)] {
        let text = with(&[&format!("name = {name:?}\norigin = \"https://shop.test\"")]);
        Place::new().one_fault(&text, "sites[0].name", "1 to 32");
    }
}

#[test]
fn two_sites_are_two() {
    let other = |lines: &str| with(&[SHOP, lines]);
    for (lines, key, why) in [
        (
            "name = \"shop\"\norigin = \"https://b.test\"",
            "sites[1].name",
            "is the name of sites[0] too",
        ),
        (
            "name = \"b\"\norigin = \"https://shop.test\"",
            "sites[1].hosts",
            "is a host of sites[0] too",
        ),
    ] {
        Place::new().one_fault(&other(lines), key, why);
    }
    // A wildcard and a whole name below it are two hosts.
    sites(&with(&[
        &shop("hosts = [\"shop.test\", \"*.shop.test\"]"),
        "name = \"admin\"\norigin = \"https://admin.shop.test\"",
    ]));
}

/// Browsers send every cookie that fits, and two of one name cannot be told apart.
#[test]
fn no_browser_sends_two_cookies_of_one_name() {
    let wide = |more: &str| {
        with(&[
            &shop("hosts = [\"shop.test\", \"*.shop.test\"]\ncookie = { domain = \"shop.test\" }"),
            &format!("name = \"admin\"\norigin = \"https://admin.shop.test\"\n{more}"),
        ])
    };
    Place::new().one_fault(
        &wide(""),
        "sites[1].cookie.name",
        "two cookies of the name \"sid\"",
    );
    sites(&wide("cookie = { name = \"admin\" }"));
    // One cookie for two sites is for two that share sessions.
    let shared = "cookie = { domain = \"shop.test\" }";
    Place::new().one_fault(
        &wide(shared),
        "sites[1].cookie.name",
        "take the place of one at sites[0]",
    );
    sites(&wide(&format!("{shared}\ngroup = \"shop\"")));
}

#[test]
fn a_login_page_elsewhere_is_that_of_a_site_of_the_group() {
    let blog = |login: &str, group: &str| {
        with(&[
            SHOP,
            &format!(
                "name = \"blog\"\norigin = \"https://blog.test\"\nlogin_url = {login:?}\ngroup = {group:?}"
            ),
        ])
    };
    let read = sites(&blog("https://shop.test/login", "shop"));
    assert_eq!(read[1].login, LoginPage::At(0));
    let key = "sites[1].login_url";
    for (login, group, why) in [
        ("https://shop.test/login", "blog", "share no sessions"),
        (
            "https://evil.test/login",
            "shop",
            "is the origin of no site",
        ),
        ("http://shop.test/login", "shop", "is the origin of no site"),
        (
            "https://shop.test/other",
            "shop",
            "the login page of https://shop.test is \"/login\"",
        ),
    ] {
        Place::new().one_fault(&blog(login, group), key, why);
    }
    let circle = with(&[
        &shop("login_url = \"https://blog.test/login\"\ngroup = \"g\""),
        "name = \"blog\"\norigin = \"https://blog.test\"\nlogin_url = \"https://shop.test/login\"\ngroup = \"g\"",
    ]);
    let faults = Place::new().bad(&circle);
    assert!(
        faults
            .iter()
            .all(|fault| fault.contains("has its login page elsewhere itself")),
        "{faults:?}"
    );
}

#[test]
fn origins_that_are_trusted_are_written_as_browsers_write_them() {
    let trusted = |origin: &str| with(&[&shop(&format!("trusted_origins = [{origin:?}]"))]);
    for good in [
        "https://a.test",
        "https://a.test:8443",
        "http://localhost:8100",
        "capacitor://localhost",
        "ionic://localhost",
        "app://-",
    ] {
        let read = sites(&trusted(good));
        assert_eq!(read[0].trusted_origins, [good]);
    }
    for bad in [
        "null",
        "*",
        "a.test",
        "https://a.test/",
        "https://*.test",
        "Capacitor://localhost",
        "capacitor://a/b",
        "://x",
        "",
    ] {
        let faults = Place::new().bad(&trusted(bad));
        assert_eq!(faults.len(), 1, "{bad}: {faults:?}");
        assert!(
            faults[0].contains("sites[0].trusted_origins[0]"),
            "{faults:?}"
        );
    }
}

#[test]
fn a_route_may_name_one_of_the_hosts_of_a_wildcard() {
    let route = |host: &str| {
        with(&[&shop("hosts = [\"shop.test\", \"*.shop.test\"]")])
            + &format!(
                "[[routes]]\npath = \"/x\"\nhosts = [{host:?}]\nupstream = \"django\"\nsession = \"optional\"\n"
            )
    };
    for host in ["acme.shop.test", "*.shop.test", "shop.test"] {
        Place::new().good(&route(host));
    }
    for host in ["a.b.shop.test", "*.a.shop.test", "other.test"] {
        let text = route(host);
        Place::new().one_fault(
            &text,
            "routes[1].hosts[0]",
            "is no host that is accepted (sites[].hosts)",
        );
    }
}
