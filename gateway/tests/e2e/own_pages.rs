//! Pages of the operator's: whoever navigates sees them, in their language, and they do no more than they may.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sidgate_testkit::cli::sidgate;
use sidgate_testkit::{Reply, Request, Response, Stage};
use tempfile::TempDir;

const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn folder(pages: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in pages {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn config(folder: &TempDir) -> String {
    format!("[pages]\ndir = {:?}", folder.path())
}

fn by_a_person(request: Request, languages: &str) -> Request {
    let request = request
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Accept", "text/html");
    match languages {
        "" => request,
        languages => request.header("Accept-Language", languages),
    }
}

fn own(response: &Response) -> String {
    assert_eq!(
        response.header("content-type"),
        Some("text/html; charset=utf-8"),
        "{response:?}"
    );
    assert_eq!(response.header("content-security-policy"), Some(POLICY));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    response.text()
}

#[test]
fn they_take_the_place_of_the_built_in_ones() {
    let pages = folder(&[
        (
            "502.html",
            "<style>p{color:red}</style><p>{status} {code} {request_id}</p>{#form_unknown}look first{/form_unknown}",
        ),
        ("error.html", "<p>something: {status} {title}</p>"),
        ("notes.txt", "{not a page}"),
        (".503.html.swp", "{#login}"),
    ]);
    let stage = Stage::with([&config(&pages)]);
    stage.on("/gone", |_| Reply::hang_up());
    stage.on("/mine", |_| {
        Reply::new(502, &[("Content-Type", "text/html")], "the app's own")
    });
    let gone = stage
        .send(&by_a_person(Request::get("/gone"), ""))
        .must_be(502);
    let id = gone.header("x-request-id").unwrap();
    let expected = format!("<style>p{{color:red}}</style><p>502 bad_gateway {id}</p>");
    assert_eq!(own(&gone), expected);
    assert_eq!(gone.header("content-language"), None);

    let sent = by_a_person(Request::post("/gone"), "").body("a=1");
    assert!(own(&stage.send(&sent)).ends_with("look first"));
    let nothing = by_a_person(Request::get("/api/auth/nothing"), "");
    let nothing = stage.send(&nothing).must_be(404);
    assert_eq!(own(&nothing), "<p>something: 404 Not found</p>");

    let program = stage.send(&Request::get("/gone"));
    assert_eq!(program.problem(502), "bad_gateway");
    let of_the_app = stage.send(&by_a_person(Request::get("/mine"), ""));
    assert_eq!(of_the_app.text(), "the app's own");
    assert_eq!(of_the_app.header("content-security-policy"), None);
}

#[test]
fn the_language_is_the_best_that_is_there() {
    let pages = folder(&[
        ("502.html", "default"),
        ("502.de.html", "deutsch"),
        ("502.pt-BR.html", "brasileiro"),
        ("error.fr.html", "quelque chose"),
    ]);
    let stage = Stage::with([&config(&pages)]);
    stage.on("/gone", |_| Reply::hang_up());
    for (languages, text, tag) in [
        ("de-AT,de;q=0.9,en;q=0.8", "deutsch", Some("de")),
        (
            "en;q=0.5, pt-br;q=0.7, de;q=0.6",
            "brasileiro",
            Some("pt-br"),
        ),
        ("de;q=0, en", "default", None),
        ("fr", "default", None),
        ("*", "default", None),
        ("\u{e4}\u{f6}, de", "default", None),
        ("", "default", None),
    ] {
        let gone = stage.send(&by_a_person(Request::get("/gone"), languages));
        assert_eq!(own(&gone), text, "{languages}");
        assert_eq!(gone.header("content-language"), tag, "{languages}");
    }
    let nothing = |languages| stage.send(&by_a_person(Request::get("/api/auth/x"), languages));
    assert_eq!(own(&nothing("fr-CA")), "quelque chose");
    let built_in = nothing("en").text();
    assert!(built_in.contains("<h1>Not found</h1>"), "{built_in}");
}

/// Nothing that a visitor chooses becomes HTML.
#[test]
fn who_lost_the_session_is_told_about_the_form_and_finds_the_way_back() {
    let page = "{#form_lost}Nicht gesendet. {/form_lost}{#login}<a href='{login_url}'>Anmelden</a>{/login}";
    let pages = folder(&[("401.html", page), ("404.html", "{login_url}")]);
    let stage = Stage::with([&config(&pages)]);
    let referer = format!("{}/required/form?q='><script>", stage.origin());
    let sent = by_a_person(Request::post("/required/send"), "")
        .header("Referer", &referer)
        .body("a=1");
    let text = own(&stage.send(&sent).must_be(401));
    assert!(
        text.starts_with("Nicht gesendet. <a href='/login?next="),
        "{text}"
    );
    assert!(text.ends_with("'>Anmelden</a>"), "{text}");
    assert_eq!(text.matches('\'').count(), 2, "{text}");
    assert!(!text.contains("<script"), "{text}");
    assert!(stage.app.requests().is_empty());
    let nothing = stage.send(&by_a_person(Request::get("/api/auth/x"), ""));
    assert!(own(&nothing).starts_with("/login"), "{nothing:?}");
}

#[test]
fn a_reload_takes_them_over_whole_or_not_at_all() {
    let pages = folder(&[("502.html", "first")]);
    let stage = Stage::with([&config(&pages)]);
    stage.on("/gone", |_| Reply::hang_up());
    let seen = || own(&stage.send(&by_a_person(Request::get("/gone"), "")));
    let reload = || stage.send_to_admin(&Request::post("/api/admin/reload"));
    write(pages.path(), "502.html", "second");
    assert_eq!(seen(), "first", "no disk is read for a request");
    assert_eq!(
        reload().must_be(200).json()["changed"],
        serde_json::json!(["pages"])
    );
    assert_eq!(seen(), "second");

    write(pages.path(), "502.html", "third {#login}");
    write(pages.path(), "500.html", "{request}");
    write(pages.path(), "index.html", "");
    fs::write(pages.path().join("503.html"), [0xff]).unwrap();
    write(pages.path(), "504.html", &"x".repeat(256 * 1024 + 1));
    let told = reload().text();
    for fault in [
        "500.html: {request} is not known",
        "502.html: {#login} has no end",
        "503.html: is not UTF-8",
        "504.html: is larger than 256KiB",
        "index.html: is the page of no answer",
    ] {
        assert!(told.contains(fault), "{fault} in {told}");
    }
    assert_eq!(seen(), "second");
}

#[test]
fn a_folder_that_is_not_there_or_that_others_can_change_is_a_fault() {
    let pages = folder(&[("502.html", "x")]);
    let open = pages.path().join("502.html");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    for (dir, why) in [
        (pages.path().join("nowhere"), "No such file"),
        (pages.path().to_owned(), "502.html: "),
    ] {
        let text = format!(
            "[pages]\ndir = {dir:?}\n[backend]\nupstream = \"a\"\n[upstreams.a]\nservers = [\"127.0.0.1:1\"]\n\
             [[routes]]\npath = \"/\"\nupstream = \"a\"\n"
        );
        let place = TempDir::new().unwrap();
        fs::write(place.path().join("sidgate.toml"), text).unwrap();
        let outcome = sidgate(place.path(), &["check", "--config", "sidgate.toml"]);
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        let output = outcome.output();
        assert!(
            output.contains("pages.dir (line 2): ") && output.contains(why),
            "{output}"
        );
    }
}
