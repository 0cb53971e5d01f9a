//! What every store promises, case by case.
//!
//! A case is a generic function over a [`Fixture`]; [`store_conformance!`](crate::store_conformance) stamps all of them for
//! one store. Cases speak the trait and, where they play somebody who is not Sidgate, the SQL that both dialects share.

#![expect(clippy::panic, reason = "test support")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use session_core::clock::Timestamp;
use session_core::session::{
    Group, Identity, NewSession, Origin, References, Seq, Session, SiteName,
};
use session_core::sid::SessionKey;
use session_core::store::{Event, SessionStore, StoredSession, Subject};

pub mod ended;
pub mod events;
pub mod foreign;
pub mod groups;
pub mod housekeep;
pub mod insert;
pub mod legacy;
pub mod limit;
pub mod load;
pub mod login;
pub mod members;
pub mod nodes;
pub mod old_logins;
pub mod person;
pub mod renew;
pub mod revoke;
pub mod search;
pub mod sighting;
pub mod touch;
pub mod update;

/// A fresh, empty store, and its back door.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn SessionStore;

    /// The same data, as another node sees it.
    fn other_node(&self) -> &dyn SessionStore;

    /// Runs statements, separated by semicolons, as somebody who is not Sidgate.
    async fn sql(&self, sql: &str) -> Result<(), String>;

    /// A literal for the time so many seconds from now, in the dialect of [`Fixture::sql`].
    fn seconds_from_now(&self, seconds: i64) -> String;

    /// A literal for bytes.
    fn bytes(&self, bytes: &[u8]) -> String;
}

/// Stamps every conformance case for the store that `$fixture`, an async function without arguments, answers with.
#[macro_export]
macro_rules! store_conformance {
    ($fixture:ident) => {
        $crate::store_conformance! { @ $fixture
            insert: answers_what_was_given_and_stamped, keeps_optional_parts_absent, keeps_unicode_and_a_huge_identity,
                rounds_a_short_idle_limit_up, writes_no_event, never_overwrites, never_takes_a_handle_twice,
                ends_the_replaced_session, rotates_the_living, never_rotates_the_ended, fails_with_a_sample_from_elsewhere,
                keeps_the_replaced_session_when_it_fails, fails_after_a_mass_revocation,
                fails_after_a_mass_revocation_by_another_node, survives_an_earlier_mass_revocation,
                ignores_mass_revocations_of_others;
            limit: evicts_the_oldest, evicts_the_idle_first, denies_and_changes_nothing, gives_up_the_idle_before_it_denies,
                does_not_count_the_replaced, counts_one_user_only, announces_the_evicted, holds_against_parallel_logins,
                holds_against_rotations;
            load: knows_an_absent_session, reports_the_head_of_its_snapshot, never_mixes_snapshots, finds_by_handle,
                lists_by_latest_activity, lists_by_page, lists_only_the_living;
            search: finds_what_was_asked_for, goes_on_after_the_last, finds_and_counts_only_the_living;
            update: writes_and_counts, replaces_and_removes_the_reference, refuses_a_stale_version,
                never_revives, moves_to_another_tenant, lets_one_of_two_win;
            renew: keeps_all_but_the_key, leads_on_from_the_former_key, leads_on_from_earlier_keys,
                ends_the_former_key_after_the_grace, has_one_successor,
                ends_under_both_keys, never_outlives_its_end, is_meant_by_its_former_key, never_renews_the_ended;
            touch: moves_forward_without_an_event, never_moves_backwards, never_creates, never_revives_the_ended,
                never_revives_the_idle, takes_the_latest_of_a_batch;
            revoke: ends_a_key_once, ends_a_handle_of_its_owner_only, ends_a_handle_for_an_operator, keeps_one_of_the_others,
                ends_all_of_a_user, ends_all_of_a_tenant, ends_everybody, announces_each_mass_revocation_once,
                announces_a_mass_revocation_of_nobody, spares_logins_that_began_later, counts_only_the_living,
                ends_the_idle_without_counting, ends_logins_under_way;
            events: begins_at_zero, pulse_answers_from_the_anchor_on, pulse_is_limited, pulse_knows_when_the_anchor_is_gone,
                history_is_the_newest_in_order, rollback_leaves_no_gap, numbers_are_dense_and_in_commit_order,
                other_nodes_see_the_same_log;
            ended: an_ended_session_cannot_be_revived, a_mass_revocation_cannot_be_dodged, a_life_cannot_be_lengthened,
                a_session_from_the_future_is_not_stored, an_idle_end_is_an_end, a_login_keeps_its_time_and_handle,
                a_key_that_has_ended_opens_nothing, a_former_key_leads_nowhere_else, an_old_login_stays_ended;
            foreign: revoking_is_heard, deleting_is_heard, deleting_the_dead_is_silent, editing_the_identity_is_heard,
                every_column_but_last_activity_is_heard, activity_is_silent, shortening_the_life_is_heard, a_new_key_is_heard_under_both, a_mass_revocation_is_numbered,
                a_number_made_up_is_replaced, a_revocation_cannot_be_taken_back, a_pointless_revocation_can_go,
                columns_and_identity_must_agree, an_unreadable_row_is_corrupt_and_not_absent;
            nodes: a_report_is_seen_by_all, progress_in_another_history_does_not_count, a_report_is_no_event,
                a_report_goes_with_a_pulse,
                a_pulse_tells_how_long_the_report_lasts,
                a_silent_node_drops_out, a_retired_node_is_gone,
                an_unreadable_node_is_not_left_out;
            groups: keeps_group_and_site, lists_and_finds_within_a_group, counts_within_the_group,
                ends_a_handle_of_its_group_only, keeps_one_of_the_others_in_a_group, gives_a_new_key_in_its_group_only,
                stays_in_its_group, refuses_what_is_no_name, takes_a_session_without_a_group_for_one_of_the_default;
            members: ends_all_of_a_user_in_a_group, knows_the_group_from_the_user, ends_logins_under_way_in_the_group,
                is_numbered_and_announced_whoever_writes,
                cannot_be_taken_back, goes_when_all_are_marked, leaves_nothing_to_be_told;
            housekeep: finds_nothing_to_do, knows_how_far_it_is_behind, removes_what_ended_a_day_ago, works_in_batches, keeps_the_log_dense,
                leaves_a_fresh_revocation_alone, marks_what_a_settled_revocation_ended, marks_in_batches,
                lets_a_settled_revocation_go, forgets_nodes_that_are_gone;
            legacy: knows_nothing_of_a_new_login, stores_session_and_credentials, never_adopts_twice, lets_one_of_two_adopt,
                fails_after_a_mass_revocation, stays_ended,
                outlives_the_session_for_a_while, forgets_in_batches, keeps_the_old_cookies_as_long_as_the_session,
                tallies_what_is_seen;
            login: knows_networks_of_the_account_alone, a_name_of_two_users_is_nobodys, forgets_after_a_while,
                a_code_counts_once, used_codes_are_forgotten,
                keeps_the_latest_of_an_owner, keeps_so_many_in_all, is_no_event;
            old_logins: end_with_a_revocation_before_they_come, newer_than_the_revocation_come,
                are_ended_one_by_one, end_with_a_revocation_by_sql, stay_ended_as_long_as_tombstones_are_kept,
                join_a_session, join_none_that_has_ended, do_not_join_after_a_revocation,
                meet_a_revocation_of_the_same_moment, end_with_a_revocation_within_their_group;
            person: is_found_in_every_table, leaves_no_trace, is_told_nobody, goes_in_batches, spares_a_login_that_began_later,
                keeps_old_logins_ended, meets_an_old_login_of_the_same_moment;
            sighting: answers_what_was_given, is_no_event, flags_name_session_time_and_rule, pages_go_on_after_the_last,
                forgets_in_batches;
        }
    };
    (@ $fixture:ident $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $case() {
                let fixture = super::$fixture().await;
                $crate::conformance::$module::$case(&fixture).await;
            })+
        })+
    };
}

/// Number of this session among those of the process, so that no two share a key or a handle.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn stored(references: &str) -> References {
    References::from_stored(Some(references.into()))
}

/// A key that nobody else has.
fn some_key() -> SessionKey {
    let mut bytes = [7; 32];
    for (to, from) in bytes.iter_mut().zip(next().to_be_bytes()) {
        *to = from;
    }
    SessionKey::from_bytes(bytes)
}

fn identity(value: Value) -> Identity {
    match Identity::from_value(value) {
        Ok((identity, _)) => identity,
        Err(error) => panic!("not an identity: {error}"),
    }
}

/// A session about to be stored.
fn login(user: &str, tenant: Option<&str>) -> NewSession {
    NewSession {
        key: some_key(),
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(next())),
        group: Group::default(),
        site: SiteName::default(),
        identity: identity(json!({"user": {"id": user}, "tenant_id": tenant})),
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: "curl/8".into(),
        ttl: Duration::from_secs(3_600),
        idle: Duration::from_secs(600),
        references: References::default(),
        sampled: 0,
        origin: Origin::Login { replaces: None },
        limit: None,
    }
}

/// Steps that nearly every case takes. They fail the test, not the store.
#[async_trait]
trait Steps {
    async fn insert(&self, new: &NewSession) -> Session;
    /// A session of this user, logged in after everything that has happened.
    async fn log_in(&self, user: &str, tenant: Option<&str>) -> Session;
    async fn row(&self, key: &SessionKey) -> StoredSession;
    async fn is_live(&self, key: &SessionKey) -> bool;
    async fn head(&self) -> Seq;
    async fn events_after(&self, seq: Seq) -> Vec<Event>;
    /// Runs SQL that must work.
    async fn run(&self, sql: &str);
    /// Changes columns of one session by SQL.
    async fn set(&self, id: Uuid, columns: &str);
    async fn now(&self) -> Timestamp;
}

#[async_trait]
impl<F: Fixture> Steps for F {
    async fn insert(&self, new: &NewSession) -> Session {
        match self.store().insert(new).await {
            Ok(session) => session,
            Err(error) => panic!("insert: {error:?}"),
        }
    }

    async fn log_in(&self, user: &str, tenant: Option<&str>) -> Session {
        let mut new = login(user, tenant);
        new.sampled = self.head().await;
        self.insert(&new).await
    }

    async fn row(&self, key: &SessionKey) -> StoredSession {
        match self.store().load(key).await {
            Ok(snapshot) => snapshot.row.unwrap_or_else(|| panic!("no such session")),
            Err(error) => panic!("load: {error:?}"),
        }
    }

    async fn is_live(&self, key: &SessionKey) -> bool {
        match self.store().load(key).await {
            Ok(snapshot) => {
                let now = snapshot.now;
                snapshot.row.is_some_and(|row| row.verdict(now).is_ok())
            }
            Err(error) => panic!("load: {error:?}"),
        }
    }

    async fn head(&self) -> Seq {
        match self.store().head().await {
            Ok(head) => head,
            Err(error) => panic!("head: {error:?}"),
        }
    }

    async fn events_after(&self, seq: Seq) -> Vec<Event> {
        match self.store().pulse(Uuid::nil(), seq).await {
            Ok(pulse) => pulse.events,
            Err(error) => panic!("pulse: {error:?}"),
        }
    }

    async fn run(&self, sql: &str) {
        if let Err(error) = self.sql(sql).await {
            panic!("{sql}: {error}");
        }
    }

    async fn set(&self, id: Uuid, columns: &str) {
        let sql = format!("UPDATE sidgate_session SET {columns} WHERE id = '{id}'");
        self.run(&sql).await;
    }

    async fn now(&self) -> Timestamp {
        match self.store().pulse(Uuid::nil(), 0).await {
            Ok(pulse) => pulse.now,
            Err(error) => panic!("pulse: {error:?}"),
        }
    }
}

/// What a list of events is about.
fn subjects(events: &[Event]) -> Vec<Subject> {
    events.iter().map(|event| event.subject.clone()).collect()
}
