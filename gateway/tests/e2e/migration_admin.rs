//! What operators see of the old logins, and what those who came with one may do.

use serde_json::json;

use sidgate_testkit::legacy::{INTROSPECT, MIGRATION};
use sidgate_testkit::{App, Gateway, Reply, Request, app, token};

const SESSIONS: &str = "/api/admin/sessions";

/// An old login that becomes a session proves nothing: its cookie may be months old, and not its user's.
#[test]
fn a_migrated_login_is_no_proof_of_now() {
    let app = App::start();
    app.on(INTROSPECT, |_| {
        let mut identity = app::identity("root@example.com");
        identity["user"]["is_staff"] = json!(true);
        Reply::json(200, &identity)
    });
    let gateway = Gateway::in_front_of(&app)
        .with(MIGRATION)
        .with("[admin]\nclaim = \"user.is_staff\"")
        .start();
    let page = Request::get("/").header("Cookie", "session_token=root.old");
    let migrated = gateway.send(&page);
    let cookies = migrated.all("set-cookie");
    let ours = cookies.iter().find_map(|it| it.strip_prefix("sid="));
    let root = ours.unwrap().get(..36).unwrap();

    let refused = gateway.send(&Request::get(SESSIONS).sid(root));

    assert_eq!(refused.problem(403), "reauthentication_required");
    gateway.send(&Request::get("/").sid(root));
    let assertion = app.last_request().header("x-session-assertion").unwrap();
    let claims = token::verify(&gateway.upstream_key(app::NAME), &assertion);
    assert_eq!(claims["auth_time"], 0, "apps are told the same");
}

/// What is left of the old logins, for the dashboard.
#[test]
fn migration_is_told_by_day_while_there_is_one() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    assert_eq!(
        gateway.admin("/api/admin/migration").problem(404),
        "not_found"
    );
    let gateway = Gateway::in_front_of(&app).with(MIGRATION).start();
    let told = gateway.admin("/api/admin/migration").json();
    assert_eq!(told["days"].as_array().unwrap().len(), 7);
    assert_eq!(
        told["removal"]["safe"], false,
        "nobody has watched for a day: {told}"
    );
}
