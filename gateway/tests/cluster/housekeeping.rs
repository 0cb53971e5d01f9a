//! J17: a great many sessions that ended long ago are removed beside live traffic.

use sidgate_testkit::stores::{sql, sql_number};
use sidgate_testkit::wait::until_true;

use crate::harness::{Layout, scaled};

const LEFT: &str =
    "SELECT count(*) FROM sidgate_session WHERE expires_at < now() - interval '1 day'";

#[test]
fn expired_sessions_beside_live_traffic() {
    let rows = scaled(50_000, 1_000_000);
    let cluster = Layout::new().start();
    let bystander = cluster.known_session();
    let expired = format!(
        "INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, expires_at, created_seq) \
         SELECT sha256(i::text::bytea), gen_random_uuid(), '7', '{{\"user\": {{\"id\": \"7\"}}}}', now(), now(), now(), \
            now() - interval '25 h', 0 FROM generate_series(1, {rows}) i"
    );
    sql(&cluster.database, &expired);
    let head = sql_number(&cluster.database, "SELECT seq FROM sidgate_clock");
    let late = sidgate_testkit::Gateway::in_front_of(&cluster.app)
        .with(&sidgate_testkit::stores::store_config(&cluster.database))
        .master_of(&cluster.nodes[0].gateway)
        .start();
    let traffic = cluster.traffic();
    traffic.watch(&bystander);
    let began = cluster.history.now();
    let (mut revoked, patience) = (0, sidgate_testkit::wait::LONG * 90);
    until_true("the end of the expired", patience, || {
        cluster.revoke_one(&traffic);
        revoked += 1;
        sql_number(&cluster.database, LEFT) == 0
    });
    let took = cluster.history.now() - began;
    traffic.stop();
    let events = sql_number(&cluster.database, "SELECT seq FROM sidgate_clock") - head;
    assert_eq!(
        events, revoked,
        "an event for each revocation and none for an expired row"
    );
    println!("FIGURES J17: {rows} expired rows removed in {took:?}");
    cluster
        .history
        .verdict("J17 housekeeping")
        .leaves_nobody_in_doubt();
    assert!(late.is_ready());
}
