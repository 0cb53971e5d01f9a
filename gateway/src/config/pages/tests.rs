use super::template::{Facts, Fate, Template};
use super::*;

fn facts() -> Facts<'static> {
    Facts {
        request_id: "019a",
        status: 401,
        code: "unauthenticated",
        title: "You are <not> logged in",
        login_url: "/login?a=1&next=/x",
        must_log_in: true,
        retry_after: None,
        form: Some(Fate::Lost),
    }
}

fn filled(text: &str, facts: &Facts<'_>) -> String {
    Template::parse(text).unwrap().filled(facts)
}

#[test]
fn values_are_filled_in_and_escaped() {
    let page = filled(
        "<h1>{status} {title}</h1><a href=\"{login_url}\">{code}</a> {request_id}",
        &facts(),
    );
    assert_eq!(
        page,
        "<h1>401 You are &lt;not&gt; logged in</h1>\
         <a href=\"/login?a=1&amp;next=/x\">unauthenticated</a> 019a"
    );
}

#[test]
fn parts_are_there_where_they_apply() {
    let text = "{#login}L{/login}{#retry}R{retry_after}{/retry}{#form_lost}F{/form_lost}{#form_unknown}U{/form_unknown}";
    assert_eq!(filled(text, &facts()), "LF");
    let unavailable = Facts {
        must_log_in: false,
        retry_after: Some(7),
        form: Some(Fate::Unknown),
        ..facts()
    };
    assert_eq!(filled(text, &unavailable), "R7U");
    let read = Facts {
        form: None,
        ..unavailable
    };
    assert_eq!(filled(text, &read), "R7");
}

/// Style sheets are full of braces.
#[test]
fn other_braces_are_text() {
    for text in [
        "a{color:red}",
        "body { margin: 0 }",
        "@media (x) { a { b: c } }",
        "{}",
        "{",
        "{ status }",
        "{Status}",
        "{{",
        "}",
        "{#}",
        "{/}",
        "a{b",
    ] {
        assert_eq!(filled(text, &facts()), text);
    }
    assert_eq!(filled("a{color:{status}}", &facts()), "a{color:401}");
}

#[test]
fn what_makes_no_sense_is_told() {
    for (text, why) in [
        (
            "{request}",
            "{request} is not known; there are {request_id}, {status}",
        ),
        (
            "{#log_in}x{/log_in}",
            "{#log_in} is not known; there are {#login}, ",
        ),
        ("{#login}x", "{#login} has no end"),
        ("x{/login}", "{/login} ends nothing"),
        ("{#login}x{/retry}", "{/retry} ends nothing"),
        ("{#login}{#retry}", "{#retry} stands inside of {#login}"),
        ("{retry_after}", "{retry_after} stands outside of {#retry}"),
    ] {
        let told = Template::parse(text).unwrap_err();
        assert!(told.starts_with(why), "{text}: {told}");
    }
}

#[test]
fn names_say_what_a_page_is_for() {
    let parsed = |name: &str| {
        let page = PageName::parse(name)?;
        Ok::<_, String>((page.what, page.language))
    };
    assert_eq!(parsed("503.html"), Ok((PageFor::Status(503), None)));
    assert_eq!(
        parsed("maintenance.pt-BR.html"),
        Ok((PageFor::Maintenance, Some("pt-br".to_owned())))
    );
    assert_eq!(parsed("error.html"), Ok((PageFor::Error, None)));
    for name in ["200.html", "0503.html", "5xx.html", "index.html", ".html"] {
        let told = parsed(name).unwrap_err();
        assert!(told.contains("is the page of no answer"), "{name}: {told}");
    }
    for name in [
        "503.d.html",
        "503.de_AT.html",
        "503..html",
        "503.de.at.html",
        "503.1.html",
    ] {
        let told = parsed(name).unwrap_err();
        assert!(told.contains("is not a language"), "{name}: {told}");
    }
}

#[test]
fn the_language_that_is_read_best_is_found() {
    let known = ["de", "pt-br", "en"];
    let found = |header| {
        let found = Languages::of(header).first_of(|tag| known.iter().find(|known| **known == tag));
        found.copied()
    };
    for (header, language) in [
        ("de", Some("de")),
        ("de-AT", Some("de")),
        ("de-Latn-AT-1996", Some("de")),
        ("DE-at, en;q=0.9", Some("de")),
        ("en;q=0.8, de;q=0.9", Some("de")),
        ("fr, en;q=0.1", Some("en")),
        ("pt", None),
        ("pt-BR", Some("pt-br")),
        ("de;q=0, en", Some("en")),
        ("de;q=2, en;q=0.1", Some("en")),
        ("*", None),
        ("", None),
        (";;,,=,de;x", None),
    ] {
        assert_eq!(found(header), language, "{header}");
    }
}
