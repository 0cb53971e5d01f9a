//! Redirects of apps that name their own address stay at the gateway.

use sidgate_testkit::{App, Gateway, Reply, Request};

/// The `Location` that a browser gets for what the app says.
fn location(app: &App, gateway: &Gateway, says: &str) -> String {
    let says = says.to_owned();
    app.on("/go", move |_| Reply::new(302, &[("Location", &says)], ""));
    let response = gateway.send(&Request::get("/go"));
    assert_eq!(response.status, 302);
    response.header("location").unwrap().to_owned()
}

#[test]
fn the_address_of_the_app_becomes_the_public_origin() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let (origin, port) = (gateway.origin(), app.address().port());
    for own in [
        "http://localhost",
        "http://127.0.0.1",
        "https://[::1]",
        "http://0.0.0.0",
        "//localhost",
    ] {
        let says = format!("{own}:{port}/greet?from=proxy#top");
        let wanted = format!("{origin}/greet?from=proxy#top");
        assert_eq!(location(&app, &gateway, &says), wanted, "{says}");
    }
    for other in [
        "/greet".to_owned(),
        format!("{origin}/greet"),
        "https://idp.example/authorize?redirect_uri=x".to_owned(),
        format!("http://localhost:{port}@evil.example/"),
        format!("http://localhost:{}/", gateway.admin_address().port()),
    ] {
        assert_eq!(location(&app, &gateway, &other), other);
    }
}

#[test]
fn an_operator_can_have_it_as_the_app_says_it() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[upstreams.app]\nrewrite_location = false")
        .start();
    let says = format!("http://{}/greet", app.address());
    assert_eq!(location(&app, &gateway, &says), says);
}
