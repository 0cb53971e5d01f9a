use proptest::prelude::*;

use super::{Gaps, Template};

fn filled(template: &str, path: &str, query: Option<&str>) -> String {
    let template = Template::parse(template).unwrap_or_else(|why| panic!("{why}"));
    template.filled(Gaps {
        host: "app.test:8443",
        path,
        query,
    })
}

#[test]
fn gaps_are_filled_with_what_was_vetted() {
    let cases = [
        ("https://www.test{path}{query}", "https://www.test/a/b?c=d"),
        ("https://www.test/new{path}", "https://www.test/new/a/b"),
        (
            "https://{host}{path}{query}",
            "https://app.test:8443/a/b?c=d",
        ),
        ("https://www.test{query}", "https://www.test?c=d"),
        (
            "https://www.test/?from={host}",
            "https://www.test/?from=app.test:8443",
        ),
        ("http://www.test:8080", "http://www.test:8080"),
        ("{path}.html{query}", "/a/b.html?c=d"),
        ("/new{path}", "/new/a/b"),
        ("/", "/"),
    ];
    for (template, expected) in cases {
        assert_eq!(
            filled(template, "/a/b", Some("c=d")),
            expected,
            "{template}"
        );
    }
    assert_eq!(
        filled("https://a.test{path}{query}", "/", None),
        "https://a.test/"
    );
    assert_eq!(filled("/x{query}", "/", Some("")), "/x?");
}

#[test]
fn a_query_is_sent_as_a_header_can_carry_it() {
    assert_eq!(
        filled("/x{query}", "/", Some("a=\u{e9}&b=%zz")),
        "/x?a=%C3%A9&b=%zz"
    );
}

#[test]
fn an_address_that_could_lead_elsewhere_is_refused() {
    for template in [
        "",
        "www.test",
        "//www.test",
        "/\\www.test",
        "/{path}",
        "{query}",
        "{query}{path}",
        "{host}{path}",
        // With the path `/` this is the host `x`.
        "{path}/x",
        // Without a query this is the path alone, behind a slash.
        "/{query}{path}",
        "https://",
        "https:///x",
        "https://{path}",
        "https://{query}",
        "https://www.test{host}",
        "https://{host}.test{path}",
        "https://user@www.test{path}",
        "https://www.test:0{path}",
        "https://www.te st{path}",
        "https://www.test\n{path}",
        "javascript:alert(1)",
        "ftp://www.test{path}",
        "https://www.test{Path}",
        "https://www.test{path",
        "https://www.test}",
        "https://www.test/{}",
        "{scheme}://www.test",
    ] {
        assert!(Template::parse(template).is_err(), "{template:?}");
    }
}

/// As a browser reads it (WHATWG URL): the host of an address, or of the page.
fn host_of(location: &str) -> String {
    let is_slash = |letter| matches!(letter, '/' | '\\');
    let rest = location.strip_prefix("https:").unwrap_or(location);
    let authority = rest.trim_start_matches(is_slash);
    if rest.len() - authority.len() < 2 {
        return "here.test".to_owned();
    }
    let authority = authority.split(['/', '\\', '?', '#']).next().unwrap();
    let host = authority.rsplit('@').next().unwrap();
    host.split(':').next().unwrap().to_owned()
}

proptest! {
    /// Whatever is asked for, a visitor ends on the host that the operator has named.
    #[test]
    fn no_request_leads_to_another_host(
        segments in prop::collection::vec("[a-z0-9.@:;%20!$&'()*+,=~_-]{1,6}", 0..4),
        slash in any::<bool>(),
        query in prop::option::of("[a-z0-9/@:\\\\?{}.=&\u{e9}-]{0,12}"),
    ) {
        let mut path = format!("/{}", segments.join("/"));
        if slash && path.len() > 1 {
            path.push('/');
        }
        let query = query.as_deref();
        for template in ["https://www.test{path}{query}", "https://www.test{query}", "https://www.test/a{path}", "https://www.test?x{path}"] {
            prop_assert_eq!(host_of(&filled(template, &path, query)), "www.test", "{}", template);
        }
        for template in ["{path}{query}", "/new{path}{query}", "/x{query}", "{path}.html"] {
            prop_assert_eq!(host_of(&filled(template, &path, query)), "here.test", "{}", template);
        }
        prop_assert_eq!(host_of(&filled("https://{host}{path}{query}", &path, query)), "app.test");
    }
}
