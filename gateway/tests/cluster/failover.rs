//! A standby takes the primary's place.

use std::time::Duration;

use session_testing::{TestDatabase, TestPostgres};
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::stores::sql;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, SESSION};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::{Cluster, Layout, resets, status};

/// A cluster whose primary is followed by a standby.
struct Pair {
    cluster: Cluster,
    standby: TestPostgres,
    replication: FaultProxy,
}

impl Pair {
    fn start() -> Self {
        let cluster = Layout::new().own_postgres().start();
        let replication = FaultProxy::to(cluster.postgres.port());
        let standby = TestPostgres::standby_of(&cluster.postgres, replication.port());
        cluster.postgres.wait_for_standby();
        Self {
            cluster,
            standby,
            replication,
        }
    }

    /// Commits wait for the standby from now on, and it is away. The server reads its configuration again when it gets to it.
    fn leave_commits_waiting(&self) {
        const PATIENCE: Duration = Duration::from_millis(500);

        let database = &self.cluster.database;
        sql(database, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        sql(database, "SELECT pg_reload_conf()");
        self.replication.set(Fault::Freeze);
        until_true("commits to wait", LONG, || {
            !commits_within(database, PATIENCE)
        });
    }

    /// The primary dies and the standby takes its place, under the same address. Returns when every node works with it.
    fn fail_over(&self) {
        self.cluster.hear_again_after(|| {
            self.cluster.postgres.stop();
            self.replication.refuse();
            self.standby.promote();
            // Nobody is left to wait for.
            self.standby
                .run("ALTER SYSTEM RESET synchronous_standby_names");
            self.standby.run("SELECT pg_reload_conf()");
            for node in &self.cluster.nodes {
                node.postgres.lead_to(self.standby.port());
            }
        });
    }
}

/// Whether a commit of ours comes back within `limit`. One that does not goes on waiting.
fn commits_within(database: &TestDatabase, limit: Duration) -> bool {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(async {
        let client = database.client().await;
        let commit = client.batch_execute("SELECT pg_logical_emit_message(true, 'probe', '')");
        timeout(limit, commit).await.is_ok()
    })
}

/// X8: nothing is lost. Everybody is served again, and those who were revoked are not.
#[test]
fn nothing_lost() {
    let pair = Pair::start();
    let cluster = &pair.cluster;
    let traffic = cluster.traffic();
    let [bystander, victim] = [(); 2].map(|()| cluster.known_session());
    sql(
        &cluster.database,
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    sql(&cluster.database, "SELECT pg_reload_conf()");
    traffic.watch(&bystander);
    traffic.watch(&victim);
    cluster.everywhere(&victim, 200);
    cluster.log_out(0, &victim);
    pair.fail_over();
    cluster.everywhere(&victim, 401);
    cluster.everywhere(&bystander, 200);
    let later = cluster.known_session();
    traffic.watch(&later);
    cluster.log_out(1, &later);
    cluster.everywhere(&later, 401);
    traffic.stop();
    cluster.history.verdict("X8 fail-over");
    let lost: f64 = ["head_backwards", "event_differs", "gap"]
        .iter()
        .map(|reason| resets(&cluster.nodes[0].gateway, reason))
        .sum();
    assert_eq!(lost, 0.0, "no alarm for a history that goes on");
}

/// J10, X8a: an asynchronous standby has not heard of the last revocations. No protocol can know them; but that the history
/// is another one is noticed, and the alarm is raised.
#[test]
fn events_lost() {
    let pair = Pair::start();
    let cluster = &pair.cluster;
    let [bystander, lost] = [(); 2].map(|()| cluster.known_session());
    let traffic = cluster.traffic();
    traffic.watch(&bystander);
    cluster.everywhere(&bystander, 200);
    until_true("replication", LONG, || {
        let behind =
            "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()";
        sidgate_testkit::stores::sql_number(&cluster.database, behind) == 0
    });
    pair.replication.set(Fault::Freeze);
    for _ in 0..3 {
        sql(
            &cluster.database,
            "UPDATE sidgate_session SET version = version + 1",
        );
    }
    let end = format!(
        "UPDATE sidgate_session SET revoked_at = now() WHERE id = '{}'",
        lost.handle
    );
    sql(&cluster.database, &end);
    until_true("the end", LONG, || {
        cluster
            .nodes
            .iter()
            .all(|node| status(&node.gateway, &lost) == 401)
    });

    pair.fail_over();

    cluster.everywhere(&bystander, 200);
    for node in &cluster.nodes {
        // Not "incarnation": that is a fail-over, whether it loses anything or not.
        let reasons = ["head_backwards", "event_differs"];
        let seen: f64 = reasons
            .iter()
            .map(|reason| resets(&node.gateway, reason))
            .sum();
        assert!(seen >= 1.0, "the loss goes unnoticed");
    }
    let logout = Request::delete(SESSION).sid(&lost.sid);
    assert_eq!(cluster.nodes[0].gateway.send(&logout).status, 204);
    for node in &cluster.nodes {
        assert_eq!(
            status(&node.gateway, &lost),
            401,
            "ended on the new primary"
        );
    }
    traffic.stop();
    cluster.history.verdict("J10 events lost");
}

/// J07: the commit waits for a standby that is away. Nobody claims anything, and repeating it is safe.
#[test]
fn outcome_unknown() {
    let pair = Pair::start();
    let cluster = &pair.cluster;
    let [by_logout, by_command] = [(); 2].map(|()| cluster.known_session());
    pair.leave_commits_waiting();
    let one = &cluster.nodes[0].gateway;
    let logout = Request::delete(SESSION).sid(&by_logout.sid);
    let config = one.config_file();
    let command = [
        "sessions",
        "revoke",
        &by_command.handle,
        "--config",
        config.to_str().unwrap(),
    ];

    let answer = one.send(&logout);
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(answer.json()["outcome"], "unknown", "{answer:?}");
    assert!(answer.leaves_cookies_alone());
    let outcome = sidgate(one.folder(), &command);
    assert_eq!(outcome.code, Some(75), "{outcome:?}");
    assert!(outcome.stderr.contains("not known"), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "no receipt");

    pair.fail_over();
    until_true("a logout that is committed", LONG, || {
        one.send(&logout).status == 204
    });
    sidgate(one.folder(), &command).success();
    for node in &cluster.nodes {
        for session in [&by_logout, &by_command] {
            assert_eq!(status(&node.gateway, session), 401);
        }
    }
}

/// J09: the URL names the standby too, and it comes first. It lags, and is never asked.
#[test]
fn url_that_names_a_standby() {
    let pair = Pair::start();
    let cluster = &pair.cluster;
    let session = cluster.known_session();
    pair.replication.set(Fault::Freeze);
    let url = cluster.database.url();
    let (primary, standby) = (cluster.postgres.port(), pair.standby.port());
    let both = url.expose().replace(
        &format!("127.0.0.1:{primary}"),
        &format!("127.0.0.1:{standby},127.0.0.1:{primary}"),
    );
    let node = Gateway::in_front_of(&cluster.app)
        .with(&format!("[store]\nurl = \"{both}\"\n"))
        .master_of(&cluster.nodes[0].gateway)
        .start();
    assert_eq!(status(&node, &session), 200);
    let newer = cluster.known_session();
    assert_eq!(
        status(&node, &newer),
        200,
        "the standby has not heard of it"
    );
    cluster.log_out(0, &newer);
    assert_eq!(status(&node, &newer), 401);
}
