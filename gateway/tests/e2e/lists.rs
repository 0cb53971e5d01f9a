//! Long lists of devices: read page by page, and never at the cost of somebody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use session_testing::TestPostgres;

use sidgate_testkit::app;
use sidgate_testkit::stores::{sql, store_config};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

const SESSIONS: &str = "/api/auth/sessions";
/// What is read is read from the store, and anybody may log in as often as they like.
const COLD: &str = "[cache]\nlocal_max_entries = 1\n\
    [login_limits]\nper_account = \"100000/m\"\nper_client = \"100000/m\"\n";

fn page(gateway: &Gateway, sid: &str, query: &str) -> Value {
    let response = gateway.get_as(sid, &format!("{SESSIONS}{query}"));
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

fn ids(page: &Value) -> Vec<String> {
    let sessions = page["sessions"].as_array().unwrap().iter();
    sessions
        .map(|session| session["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Follows the pages to the last.
fn whole_list(gateway: &Gateway, sid: &str) -> Vec<String> {
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = page(gateway, sid, &query);
        let ids = ids(&page);
        assert!(ids.len() <= 100);
        found.extend(ids);
        let Some(next) = page["next"].as_str() else {
            return found;
        };
        query = format!("?after={next}");
    }
}

/// Alice has a thousand sessions, and her app says much about her.
fn thousand_of_alice(gateway: &Gateway, database: &session_testing::TestDatabase) -> String {
    let sid = gateway.log_in("alice@example.com");
    sql(
        database,
        "INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, user_agent, created_at, auth_time, \
             last_activity, expires_at, idle_seconds, created_seq) \
         SELECT sha256(n::text::bytea), gen_random_uuid(), user_id, tenant_id, identity, user_agent, created_at, auth_time, \
             last_activity - n * interval '1 second', expires_at, 0, created_seq \
         FROM sidgate_session, generate_series(1, 999) n WHERE user_id = 'alice'",
    );
    sid
}

fn large_identities(app: &App) {
    app.on("/__sidgate__/authenticate", |exchange| {
        let asked: Value = serde_json::from_slice(&exchange.received.body).unwrap();
        let mut identity = app::identity(asked["email"].as_str().unwrap());
        identity["attributes"] = json!({ "text": "x".repeat(7_000) });
        Reply::json(200, &identity)
    });
}

#[test]
fn list_goes_on_page_by_page() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database)]);
    let sid = thousand_of_alice(&stage, &database);

    let whole = whole_list(&stage, &sid);

    assert_eq!(whole.len(), 1_000);
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), 1_000);
    let first = page(&stage, &sid, "?limit=2");
    assert_eq!(ids(&first), whole[..2]);
    let after = format!("?limit=2&after={}", first["next"].as_str().unwrap());
    assert_eq!(ids(&page(&stage, &sid, &after)), whole[2..4]);
    for bad in [
        "?limit=0",
        "?limit=101",
        "?limit=x",
        "?after=",
        "?after=1",
        "?limit=1&limit=1",
    ] {
        let refused = stage.get_as(&sid, &format!("{SESSIONS}{bad}"));
        assert_eq!(refused.problem(400), "invalid_request", "{bad}");
    }
    let bob = stage.log_in("bob@example.com");
    assert!(page(&stage, &bob, "").get("next").is_none());
    let of_alice = first["next"].as_str().unwrap();
    assert!(
        ids(&page(&stage, &bob, &format!("?after={of_alice}"))).len() <= 1,
        "a place in somebody's list shows nothing of it"
    );
}

/// Sixty-four lists at once by one session, while others come, go and are read.
fn crowd_of_lists(gateway: &Gateway, alice: &str) {
    let others: Vec<_> = (0..8)
        .map(|nth| gateway.log_in(&format!("user{nth}@example.com")))
        .collect();
    let list = Request::get(SESSIONS).sid(alice).bytes(&gateway.host());
    let mut lists: Vec<_> = (0..64)
        .map(|_| {
            let mut connection = gateway.connect();
            connection.write(&list);
            connection
        })
        .collect();

    for sid in &others {
        assert!(gateway.knows(sid), "a cold read");
        let entered = gateway.try_login("carol@example.com");
        assert_eq!(entered.status, 201, "a login");
        let left = gateway.log_out(sid);
        assert_eq!(left.status, 204, "a logout");
    }

    let statuses: Vec<_> = lists
        .iter_mut()
        .map(|connection| {
            let answer = connection.read(false);
            assert!(answer.status == 200 || answer.header("retry-after").is_some());
            answer.status
        })
        .collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 429].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(
        page(gateway, alice, "?limit=1")["sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn lists_hold_nobody_up_on_postgres() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database), COLD]);
    large_identities(&stage.app);
    let alice = thousand_of_alice(&stage, &database);
    crowd_of_lists(&stage, &alice);
}

#[test]
fn lists_hold_nobody_up_on_sqlite() {
    let stage = Stage::with([COLD]);
    large_identities(&stage.app);
    let alice = stage.log_in("alice@example.com");
    for _ in 0..250 {
        stage.log_in("alice@example.com");
    }
    assert_eq!(whole_list(&stage, &alice).len(), 251);
    crowd_of_lists(&stage, &alice);
}
