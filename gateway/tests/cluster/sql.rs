//! SQL behind Sidgate's back: whoever ends a session, and however, every node hears of it, counted from the commit.

use std::thread;
use std::time::Duration;

use sidgate_testkit::stores::sql;

use crate::harness::{Cluster, Layout, Session, scaled};

/// Runs `end`, which ends the first of two sessions, and returns when every node has refused it.
fn ends_one(cluster: &Cluster, end: impl FnOnce(&Session)) {
    let traffic = cluster.traffic();
    let [bystander, victim] = [(); 2].map(|()| cluster.known_session());
    traffic.watch(&bystander);
    traffic.watch(&victim);
    cluster.everywhere(&victim, 200);
    cluster.history.revocation(&victim, || end(&victim));
    cluster.everywhere(&victim, 401);
    cluster.everywhere(&bystander, 200);
    traffic.stop();
}

/// What `Session.objects.filter(user_id=..).delete()` sends: Django reads the keys first and deletes by them, in a transaction.
fn delete_like_django(cluster: &Cluster, session: &Session) {
    let user = format!("user{}", session.index);
    let delete = format!(
        "BEGIN; \
         SELECT session_key, id, user_id FROM sidgate_session WHERE user_id = '{user}'; \
         DELETE FROM sidgate_session WHERE session_key IN \
            (SELECT session_key FROM sidgate_session WHERE user_id = '{user}'); \
         COMMIT"
    );
    sql(&cluster.database, &delete);
}

#[test]
fn delete_of_an_orm() {
    let cluster = Layout::new().start();
    for _ in 0..scaled(10, 100) {
        ends_one(&cluster, |session| delete_like_django(&cluster, session));
    }
    cluster.history.verdict("SQL delete of an ORM");
}

#[test]
fn update_in_psql() {
    let cluster = Layout::new().start();
    for _ in 0..scaled(10, 100) {
        ends_one(&cluster, |session| {
            let handle = &session.handle;
            let update = format!(
                "UPDATE sidgate_session SET expires_at = now() - interval '1 s' WHERE id = '{handle}'"
            );
            sql(&cluster.database, &update);
        });
    }
    cluster.history.verdict("SQL update of the expiry");
}

/// G17.
#[test]
fn truncate() {
    let cluster = Layout::new().start();
    for _ in 0..scaled(5, 50) {
        let traffic = cluster.traffic();
        let session = cluster.known_session();
        traffic.watch(&session);
        cluster.everywhere(&session, 200);
        cluster.history.revocation(&session, || {
            sql(&cluster.database, "TRUNCATE sidgate_session")
        });
        cluster.everywhere(&session, 401);
        traffic.stop();
    }
    cluster.history.verdict("SQL truncate");
}

/// G15.
#[test]
fn rollback() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let session = cluster.known_session();
    traffic.watch(&session);
    let undone = "BEGIN; UPDATE sidgate_session SET revoked_at = now(); DELETE FROM sidgate_session; ROLLBACK";
    sql(&cluster.database, undone);
    cluster.pass_a_lease();
    cluster.everywhere(&session, 200);
    traffic.stop();
    let verdict = cluster.history.verdict("SQL rollback");
    assert_eq!(verdict.revocations, 0);
}

/// X13: a revocation in a transaction of five seconds counts from its commit, and delays nobody else's.
#[test]
fn long_transaction() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let [bystander, victim, other] = [(); 3].map(|()| cluster.known_session());
    for session in [&bystander, &victim, &other] {
        traffic.watch(session);
    }
    cluster.everywhere(&victim, 200);
    thread::scope(|scope| {
        let long = scope.spawn(|| {
            let handle = &victim.handle;
            let slow = format!(
                "BEGIN; UPDATE sidgate_session SET revoked_at = now() WHERE id = '{handle}'; SELECT pg_sleep(5); COMMIT"
            );
            cluster.history.revocation(&victim, || sql(&cluster.database, &slow));
        });
        thread::sleep(Duration::from_secs(1));
        cluster.log_out(0, &other);
        cluster.everywhere(&other, 401);
        cluster.everywhere(&victim, 200);
        assert!(!long.is_finished(), "somebody else's logout waited for it");
        long.join().unwrap();
    });
    cluster.everywhere(&victim, 401);
    cluster.everywhere(&bystander, 200);
    traffic.stop();
    cluster.history.verdict("SQL long transaction");
}
