//! What happens to the leader, its standbys and etcd.

use std::thread;
use std::time::Duration;

use session_testing::Commits;
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::login;

use super::fleet::Fleet;
use crate::harness::fault_proxy::Fault;

/// For how long a fault lasts that nothing ends by itself.
const HELD: Duration = Duration::from_secs(6);

/// `patronictl switchover`.
pub(super) fn switched_over(fleet: &mut Fleet) {
    fleet.under_load("switched over by patronictl", |fleet| {
        let from = fleet.leader();
        let to = fleet.patroni.heir().expect("a standby");
        fleet.patroni.switch_over(from, to);
        fleet.wait_for_successor(from);
        fleet.wait_until_whole();
    });
}

/// The leader's machine is gone.
pub(super) fn killed(fleet: &mut Fleet) {
    fleet.under_load("killed (-9) with its Patroni", kill);
}

fn kill(fleet: &mut Fleet) {
    let leader = fleet.leader();
    fleet.patroni.kill(leader);
    fleet.wait_for_successor(leader);
    fleet.patroni.restart(leader);
}

/// The standbys have not heard of the last second.
pub(super) fn killed_ahead_of_standbys(fleet: &mut Fleet) {
    fleet.under_load("killed (-9), standbys 2 s behind", |fleet| {
        let leader = fleet.leader();
        fleet.replication(leader).set(Fault::Freeze);
        thread::sleep(Duration::from_secs(2));
        fleet.patroni.kill(leader);
        fleet.replication(leader).reset_connections();
        fleet.replication(leader).heal();
        fleet.wait_for_successor(leader);
        fleet.patroni.restart(leader);
    });
}

/// Patroni finds its PostgreSQL dead.
pub(super) fn postgres_killed(fleet: &mut Fleet) {
    fleet.under_load("PostgreSQL alone killed (-9)", |fleet| {
        let leader = fleet.leader();
        fleet.patroni.kill_postgres(leader);
        fleet.wait_until("the dead leader is noticed", || {
            fleet.patroni.leader() != Some(leader)
        });
        fleet.wait_until_whole();
    });
}

/// PostgreSQL goes on without Patroni, which somebody else's takes for dead.
pub(super) fn patroni_killed(fleet: &mut Fleet) {
    fleet.under_load("Patroni alone killed (-9)", |fleet| {
        let leader = fleet.leader();
        fleet.patroni.kill_patroni(leader);
        fleet.wait_for_successor(leader);
        thread::sleep(HELD);
        fleet.patroni.restart(leader);
    });
}

/// The leader answers nothing, and comes back when another one leads.
pub(super) fn frozen(fleet: &mut Fleet) {
    fleet.under_load("frozen (SIGSTOP) with its Patroni", |fleet| {
        let leader = fleet.leader();
        fleet.patroni.pause(leader);
        fleet.wait_for_successor(leader);
        thread::sleep(HELD);
        fleet.patroni.resume(leader);
    });
}

/// Nobody reaches the leader, and it reaches nobody.
pub(super) fn cut_off(fleet: &mut Fleet) {
    fleet.under_load("cut off from everybody", |fleet| cut(fleet, true));
}

/// The gateways reach the old leader all the time.
pub(super) fn cut_off_from_the_cluster(fleet: &mut Fleet) {
    fleet.under_load("cut off from etcd and the standbys", |fleet| {
        cut(fleet, false)
    });
}

fn cut(fleet: &mut Fleet, from_gateways: bool) {
    let leader = fleet.leader();
    fleet.cut_off(leader, from_gateways);
    // It says of itself that it leads until it has noticed.
    fleet.wait_until("another leader", || {
        let mut others = (0..fleet.patroni.servers()).filter(|other| *other != leader);
        others.any(|other| fleet.patroni.leads(other))
    });
    thread::sleep(HELD);
    fleet.let_back(leader);
}

/// Both standbys are gone.
pub(super) fn standbys_lost(fleet: &mut Fleet) {
    fleet.under_load("both standbys killed (-9)", |fleet| {
        let leader = fleet.leader();
        let standbys: Vec<_> = (0..fleet.patroni.servers())
            .filter(|member| *member != leader)
            .collect();
        for standby in &standbys {
            fleet.patroni.kill(*standby);
        }
        if fleet.settings.commits == Commits::Strict {
            thread::sleep(HELD);
        } else {
            fleet.wait_until("commits that wait for nobody", || {
                let again = login("again@example.com", PASSWORD);
                fleet.nodes[0].gateway.send(&again).status == 201
            });
        }
        for standby in standbys {
            fleet.patroni.restart(standby);
        }
        fleet.wait_until_whole();
    });
}

/// Nobody can say who leads.
pub(super) fn etcd_lost(fleet: &mut Fleet) {
    fleet.under_load("etcd lost", |fleet| {
        fleet.patroni.etcd.stop();
        if fleet.settings.failsafe {
            // Longer than the key of the leader lasts.
            thread::sleep(Duration::from_secs(fleet.settings.ttl.into()) + HELD);
        } else {
            fleet.wait_until("nobody leads", || fleet.patroni.leader().is_none());
            thread::sleep(HELD);
        }
        fleet.patroni.etcd.restart();
        fleet.wait_until_whole();
    });
}

/// The leader can write no more WAL.
pub(super) fn disk_full(fleet: &mut Fleet) {
    fleet.under_load("disk full", |fleet| {
        let leader = fleet.leader();
        fleet.patroni.fill_disk(leader);
        fleet.wait_until("the full disk is noticed", || {
            // What is left of segments that are there already.
            fleet.sql(leader, "SELECT pg_switch_wal()");
            fleet.sql(
                leader,
                "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 500000))",
            );
            fleet.patroni.leader() != Some(leader)
        });
        thread::sleep(HELD);
        fleet.patroni.free_disk(leader);
    });
}
