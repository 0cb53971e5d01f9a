//! What operators see of the old logins, and what those who came with one may do.

use serde_json::json;

use sidgate_testkit::legacy::{INTROSPECT, MIGRATION};
use sidgate_testkit::{Reply, Request, Stage, app, token};

const SESSIONS: &str = "/api/admin/sessions";

/// An old login that becomes a session proves nothing: its cookie may be months old, and not its user's.
#[test]
fn a_migrated_login_is_no_proof_of_now() {
    let stage = Stage::with([MIGRATION, "[admin]\nclaim = \"user.is_staff\""]);
    stage.on(INTROSPECT, |_| {
        let mut identity = app::identity("root@example.com");
        identity["user"]["is_staff"] = json!(true);
        Reply::json(200, &identity)
    });
    let page = Request::get("/").header("Cookie", "session_token=root.old");
    let migrated = stage.send(&page);
    let cookies = migrated.all("set-cookie");
    let ours = cookies.iter().find_map(|it| it.strip_prefix("sid="));
    let root = ours.unwrap().get(..36).unwrap();

    let refused = stage.get_as(root, SESSIONS);

    assert_eq!(refused.problem(403), "reauthentication_required");
    stage.get_as(root, "/");
    let assertion = stage
        .app
        .last_request()
        .header("x-session-assertion")
        .unwrap();
    let claims = token::verify(&stage.upstream_key(app::NAME), &assertion);
    assert_eq!(claims["auth_time"], 0, "apps are told the same");
}

/// What is left of the old logins, for the dashboard.
#[test]
fn migration_is_told_by_day_while_there_is_one() {
    let stage = Stage::start();
    assert_eq!(
        stage.admin("/api/admin/migration").problem(404),
        "not_found"
    );
    let stage = Stage::with([MIGRATION]);
    let told = stage.admin("/api/admin/migration").json();
    assert_eq!(told["days"].as_array().unwrap().len(), 7);
    assert_eq!(
        told["removal"]["safe"], false,
        "nobody has watched for a day: {told}"
    );
}
