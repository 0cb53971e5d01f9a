//! PostgreSQL under Patroni, which fails over by itself, while visitors come and go.
//!
//! Each fault begins under load and ends when every node serves again. The history judges it; a line `FLEET` says what
//! visitors noticed, for `benches/fleet/patroni`, which makes a table of them.

mod faults;
mod fleet;
mod stage;
mod visitors;

use session_testing::{Commits, PatroniSettings, may_mount};

use self::fleet::Fleet;
use crate::harness::soak;

/// MiB of each server where disks become full.
const SMALL_DISK: u32 = 192;

/// Patroni's times in the long form are those that it has unless told otherwise.
fn settings(commits: Commits) -> PatroniSettings {
    if soak() {
        PatroniSettings::usual(commits)
    } else {
        PatroniSettings::quick(commits)
    }
}

/// A commit waits for a standby: nobody is logged out, and no acknowledged revocation is lost.
#[test]
fn synchronous() {
    let mut fleet = Fleet::start(settings(Commits::Synchronous));
    faults::switched_over(&mut fleet);
    faults::killed(&mut fleet);
    if soak() {
        faults::postgres_killed(&mut fleet);
        faults::frozen(&mut fleet);
        faults::cut_off(&mut fleet);
        faults::cut_off_from_the_cluster(&mut fleet);
        faults::patroni_killed(&mut fleet);
        faults::standbys_lost(&mut fleet);
        faults::etcd_lost(&mut fleet);
    }
}

/// Without a standby to wait for, nothing is committed.
#[test]
fn strict() {
    if !soak() {
        println!("SKIPPED: only in the long form");
        return;
    }
    let mut fleet = Fleet::start(settings(Commits::Strict));
    faults::killed(&mut fleet);
    faults::frozen(&mut fleet);
    faults::standbys_lost(&mut fleet);
}

/// What the standby that takes over has not heard of is lost. That is noticed, and nothing of it is served.
#[test]
fn asynchronous() {
    if !soak() {
        println!("SKIPPED: only in the long form");
        return;
    }
    let mut fleet = Fleet::start(settings(Commits::Asynchronous));
    faults::switched_over(&mut fleet);
    faults::killed(&mut fleet);
    faults::killed_ahead_of_standbys(&mut fleet);
    faults::postgres_killed(&mut fleet);
    faults::frozen(&mut fleet);
    faults::cut_off(&mut fleet);
    faults::standbys_lost(&mut fleet);
    faults::etcd_lost(&mut fleet);
}

/// With every member in agreement, a leader stays although etcd is away.
#[test]
fn failsafe() {
    if !soak() {
        println!("SKIPPED: only in the long form");
        return;
    }
    let mut settings = settings(Commits::Synchronous);
    settings.failsafe = true;
    let mut fleet = Fleet::start(settings);
    faults::etcd_lost(&mut fleet);
}

/// The leader can write no more WAL.
#[test]
fn disk_full() {
    if !soak() {
        println!("SKIPPED: only in the long form");
        return;
    }
    if !may_mount() {
        println!("SKIPPED: only root can make disks that are small");
        return;
    }
    let mut settings = settings(Commits::Synchronous);
    settings.disk = Some(SMALL_DISK);
    let mut fleet = Fleet::start(settings);
    faults::disk_full(&mut fleet);
}
