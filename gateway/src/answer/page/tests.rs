use super::*;

fn page(status: u16, outcome: Outcome) -> Page<'static> {
    Page {
        status,
        outcome,
        title: "The title",
        request_id: "0123",
        wait: None,
    }
}

fn visitor(has_sent: bool, login: Option<&str>) -> Person {
    Person {
        has_sent,
        login: login.map(str::to_owned),
        own: None,
    }
}

#[test]
fn a_page_is_complete_and_holds_nothing_that_the_policy_forbids() {
    let html = page(404, Outcome::NotFound).html(&Person::default());
    assert_eq!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>404 The title</title>\n</head>\n\
         <body>\n<main>\n<h1>The title</h1>\n\
         <p><small>Status 404. Request <code>0123</code></small></p>\n</main>\n</body>\n</html>\n"
    );
}

#[test]
fn who_has_lost_the_session_is_told_about_the_form_and_may_log_in() {
    let unauthenticated = page(401, Outcome::Unauthenticated);
    let html = unauthenticated.html(&visitor(true, Some("/login?a=1&next=/form")));
    assert!(html.contains("<h1>You are not logged in</h1>"), "{html}");
    assert!(html.contains("<p>Your form was not sent.</p>"), "{html}");
    assert!(
        html.contains("<a href=\"/login?a=1&amp;next=/form\">Log in</a>"),
        "{html}"
    );
    let html = unauthenticated.html(&visitor(false, Some("/login")));
    assert!(html.contains("<p>Log in to see this page.</p>"), "{html}");
    assert!(!html.contains("form"), "{html}");
}

#[test]
fn a_form_is_never_sent_again_by_a_link() {
    for outcome in [
        Outcome::BadGateway,
        Outcome::Unavailable,
        Outcome::Overloaded,
    ] {
        let failed = page(503, outcome);
        assert!(!failed.html(&visitor(true, None)).contains("href"));
        let again = "<a href=\"\">Try again</a>";
        assert!(failed.html(&visitor(false, None)).contains(again));
    }
}

#[test]
fn nobody_is_told_that_a_form_was_not_sent_when_it_may_have_arrived() {
    for (outcome, is_known) in [
        (Outcome::BadGateway, false),
        (Outcome::GatewayTimeout, false),
        (Outcome::Unavailable, true),
        (Outcome::TooLarge, true),
    ] {
        let html = page(500, outcome).html(&visitor(true, None));
        assert_eq!(html.contains("was not sent"), is_known, "{html}");
    }
}

#[test]
fn the_wait_is_told_in_words() {
    for (wait, words) in [(1, "in 1 second."), (30, "in 30 seconds.")] {
        let waiting = Page {
            wait: Some(wait),
            ..page(429, Outcome::TooManyRequests)
        };
        assert!(waiting.html(&visitor(true, None)).contains(words));
    }
}

#[test]
fn whatever_is_told_is_escaped() {
    let login = "/l?'\"><script>alert(1)</script>&next=/";
    let evil = Page {
        title: "<b>",
        request_id: "\"><img src=x>",
        ..page(401, Outcome::LegacyRefused)
    };
    let html = evil.html(&visitor(false, Some(login)));
    for forbidden in ["<script", "<img", "<b>"] {
        assert!(!html.contains(forbidden), "{html}");
    }
    assert!(
        html.contains("href=\"/l?&#39;&quot;&gt;&lt;script&gt;"),
        "{html}"
    );
}
