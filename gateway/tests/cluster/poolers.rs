//! PgBouncer between the nodes and PostgreSQL. What works behind it keeps the promise; what does not is noticed before a node
//! serves, and is unknown and never "no".

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::builder::Builder;
use sidgate_testkit::pooler::{Pooler, Settings};
use sidgate_testkit::stores::{sql, sql_text};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, login};

use crate::harness::{Cluster, Layout, scaled};

/// A cluster, and a pooler in front of its PostgreSQL that no node uses yet.
fn cluster(settings: Settings) -> Option<(Cluster, Pooler)> {
    let cluster = Layout::new().without_redis().start();
    let pooler = Pooler::start(cluster.postgres.port(), settings)?;
    Some((cluster, pooler))
}

fn lead_through(cluster: &Cluster, pooler: &Pooler) {
    for node in &cluster.nodes {
        node.postgres.lead_to(pooler.port());
    }
}

/// A node of the same installation that is started behind the pooler, and may never be ready.
fn started_behind(cluster: &Cluster, pooler: &Pooler) -> Gateway {
    behind(cluster, pooler).not_ready().start()
}

/// A node that does not start, and says why.
fn refused(cluster: &Cluster, pooler: &Pooler, why: &str) {
    let outcome = behind(cluster, pooler).run_to_the_end();
    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.contains(why), "{outcome:?}");
}

fn behind<'a>(cluster: &'a Cluster, pooler: &Pooler) -> Builder<'a> {
    let direct = format!("127.0.0.1:{}", cluster.postgres.port());
    let url = cluster.database.url().expose().to_owned();
    let url = url.replace(&direct, &format!("127.0.0.1:{}", pooler.port()));
    Gateway::in_front_of(&cluster.app)
        .with(&format!("[store]\nurl = \"{url}\"\n"))
        .master_of(&cluster.nodes[0].gateway)
}

fn revocations(cluster: &Cluster, times: usize) {
    let traffic = cluster.traffic();
    for _ in 0..times {
        cluster.revoke_one(&traffic);
    }
    let session = cluster.known_session();
    traffic.watch(&session);
    cluster.everywhere(&session, 200);
    cluster.log_out(0, &session);
    cluster.everywhere(&session, 401);
    traffic.stop();
}

/// J12: a pooler that keeps connections for the length of a session changes nothing.
#[test]
fn session_mode() {
    let Some((cluster, pooler)) = cluster(Settings::SESSION) else {
        return;
    };
    cluster.hear_again_after(|| lead_through(&cluster, &pooler));
    revocations(&cluster, scaled(5, 50));
    cluster
        .history
        .verdict("J12 pooler")
        .leaves_nobody_in_doubt();
}

/// The pooler is killed and started again, and closes connections to the server that have become a second old.
#[test]
fn restarts() {
    let recycling = Settings {
        lifetime: 1,
        ..Settings::SESSION
    };
    let Some((cluster, mut pooler)) = cluster(recycling) else {
        return;
    };
    cluster.hear_again_after(|| lead_through(&cluster, &pooler));
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    for _ in 0..scaled(2, 20) {
        let victim = cluster.known_session();
        traffic.watch(&victim);
        cluster.everywhere(&victim, 200);
        pooler.stop();
        // Nobody can reach the store, and it is the store that knows.
        cluster.revoke_by_sql(&victim);
        cluster.everywhere(&victim, 503);
        cluster.everywhere(&bystander, 503);
        cluster.hear_again_after(|| pooler.restart(recycling));
        cluster.everywhere(&victim, 401);
        cluster.everywhere(&bystander, 200);
        traffic.forget(&victim);
    }
    traffic.stop();
    cluster.history.verdict("pooler restarts");
}

/// Fewer connections than the nodes need, at either side of the pooler: sessions are unknown, and are back when there is room.
#[test]
fn crowded() {
    let Some((cluster, mut pooler)) = cluster(Settings::SESSION) else {
        return;
    };
    cluster.hear_again_after(|| lead_through(&cluster, &pooler));
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    let narrow = [
        Settings {
            pool: 1,
            ..Settings::SESSION
        },
        Settings {
            clients: 1,
            ..Settings::SESSION
        },
    ];
    for narrow in narrow {
        pooler.restart(narrow);
        // One node may have the one connection for its heartbeat.
        let without = || cluster.nodes.iter().filter(|node| !node.gateway.is_ready());
        until_true("nodes without a lease", LONG, || without().count() >= 2);
        for node in &cluster.nodes {
            let refused = node.gateway.send(&login("new@example.com", PASSWORD));
            assert!([201, 503].contains(&refused.status), "{refused:?}");
        }
        cluster.hear_again_after(|| pooler.restart(Settings::SESSION));
        cluster.everywhere(&bystander, 200);
    }
    cluster.revoke_by_sql(&bystander);
    cluster.everywhere(&bystander, 401);
    traffic.stop();
    cluster.history.verdict("pooler without room");
}

/// From version 1.21 on. Notifications do not arrive, so revocations are heard by the heartbeat.
#[test]
fn transaction_mode_with_prepared_statements() {
    let settings = Settings {
        pool: 8,
        prepared: 200,
        ..Settings::TRANSACTION
    };
    let Some((cluster, pooler)) = cluster(settings) else {
        return;
    };
    if !Pooler::looks_after_statements() {
        println!("SKIPPED: this pgbouncer does not look after prepared statements");
        return;
    }
    started_behind(&cluster, &pooler).wait_until_ready();
    cluster.hear_again_after(|| lead_through(&cluster, &pooler));
    revocations(&cluster, scaled(5, 50));
    cluster
        .history
        .verdict("pooler in transaction mode")
        .leaves_nobody_in_doubt();
}

/// Prepared statements that meet the wrong connection: a node does not start behind such a pooler, and says why.
#[test]
fn transaction_mode_without_prepared_statements() {
    let two = Settings {
        pool: 4,
        ..Settings::TRANSACTION
    };
    let Some((cluster, mut pooler)) = cluster(Settings::TRANSACTION) else {
        return;
    };
    let session = cluster.known_session();
    for settings in [Settings::TRANSACTION, two] {
        pooler.restart(settings);
        refused(&cluster, &pooler, "mixes up prepared statements");
        pooler.restart(Settings::SESSION);
        let node = started_behind(&cluster, &pooler);
        node.wait_until_ready();
        assert_eq!(node.get_as(&session.sid, "/required").status, 200);
    }
}

/// Settings that the pooler throws away: limits are missed and said, another isolation is not accepted.
#[test]
fn settings_that_do_not_arrive() {
    let Some((cluster, pooler)) = cluster(Settings::SESSION) else {
        return;
    };
    let said = "did not arrive";
    let node = started_behind(&cluster, &pooler);
    node.wait_until_ready();
    assert!(node.output().contains(said), "{}", node.output());

    let database = sql_text(&cluster.database, "SELECT current_database()::text");
    let set = |setting: &str| {
        sql(
            &cluster.database,
            &format!("ALTER DATABASE {database} SET {setting}"),
        );
    };
    set("statement_timeout = '2s'");
    set("idle_in_transaction_session_timeout = '5s'");
    let pooler = Pooler::start(cluster.postgres.port(), Settings::SESSION).unwrap();
    let node = started_behind(&cluster, &pooler);
    node.wait_until_ready();
    assert!(!node.output().contains(said), "{}", node.output());

    set("default_transaction_isolation = 'serializable'");
    let pooler = Pooler::start(cluster.postgres.port(), Settings::SESSION).unwrap();
    refused(&cluster, &pooler, "transactions begin as `serializable`");
}
