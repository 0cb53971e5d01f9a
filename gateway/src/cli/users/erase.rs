//! `sidgate users erase`: ends all sessions of a user, then removes what the store holds of them.
//!
//! The order matters. The revocation comes first, so that no node admits a session whose row is about to go, and no node
//! writes about it any more. What it leaves behind keeps the sessions ended, and goes by itself when nothing needs it.

use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use session_core::clock::{Clock as _, SystemClock, Timestamp};
use session_core::keys::person::Person;
use session_core::service::{Receipt, heard_by_all};
use session_core::session::{RevokeReason, Seq};
use session_core::store::{EVENTS_KEPT, ErasedSessions, Scope, SessionStore, StoreResult, Traces};

use super::found::{Found, SCAN, person, user_id};
use crate::cli::config_arg::ConfigArg;
use crate::cli::say;
use crate::cli::sessions::{by_shell, log, note_asked, with_store_for};
use crate::config::Config;
use crate::run::wiring::WiringError;
use crate::telemetry::security::{self, Facts, Kind};
use crate::views::receipt::receipt_view;
use crate::views::session::rfc3339;

/// Longest time for all of it. Each step has its own limit, and there may be very many of them.
const TIMEOUT: Duration = Duration::from_secs(86_400);
/// Sessions that are removed in one transaction.
const BATCH: usize = 500;
/// Between two transactions, so that others get their turn.
const REST: Duration = Duration::from_millis(20);

#[derive(Args)]
#[command(group(ArgGroup::new("sure").required(true).args(["yes", "dry_run"])))]
pub(in crate::cli) struct Erase {
    /// Id of the user.
    #[arg(long, value_name = "ID", value_parser = user_id)]
    user: String,
    /// The tenant of the user: nothing is done if the id is in use in another one.
    #[arg(long)]
    tenant: Option<String>,
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Only say what there is. Changes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// What was removed, or would be.
#[derive(Default)]
struct Removed {
    with_sessions: ErasedSessions,
    sightings: u64,
    networks: u64,
    cutoffs: u64,
}

impl Erase {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let (config, lines) = (self.config.load()?, log()?);
        let person = person(&config, &self.user)?;
        let facts = Facts {
            user: Some(&self.user),
            tenant: self.tenant.as_deref(),
            reason: if self.yes { "erase" } else { "erase_dry_run" },
            ..by_shell()
        };
        // Written before anything is done: an attempt that is interrupted leaves a trace too.
        note_asked(&lines, &config, facts);
        if !self.yes {
            let found = with_store_for(TIMEOUT, &config, async |store| {
                self.found(store.as_ref(), &person).await
            })?;
            return say(&format!("{:#}", self.would_do(&config, &found)));
        }
        let (receipt, removed, left) = with_store_for(TIMEOUT, &config, async |store| {
            let store = store.as_ref();
            if self.tenant.is_some() {
                self.found(store, &person).await?;
            }
            let (receipt, seq) = revoke(store, &self.user).await?;
            let facts = Facts {
                reason: RevokeReason::Admin.as_str(),
                scope: Some("user"),
                receipt: Some(&receipt),
                ..facts
            };
            security::note(Kind::Revoked, facts);
            let removed = remove(store, &person, seq, config.store.write_timeout).await;
            let removed = removed.map_err(WiringError::ErasedInPart)?;
            let left = store.traces(&person).await;
            Ok((receipt, removed, left.map_err(WiringError::ErasedInPart)?))
        })?;
        security::note(
            Kind::Erased,
            Facts {
                receipt: Some(&receipt),
                ..facts
            },
        );
        let document = json!({
            "user_id": self.user,
            "at": rfc3339(left.now),
            "ended": receipt_view(&receipt),
            "removed": removed.view(),
            "stays": stays(&config, &left, removed.with_sessions.old_logins),
        });
        say(&format!("{document:#}")).map_err(|_unwritten| WiringError::ReceiptLost)
    }

    /// What there is of the user.
    ///
    /// # Errors
    /// When a tenant was named and the id is in use in another one: the two cannot be told apart by a revocation.
    async fn found(&self, store: &dyn SessionStore, person: &Person) -> Result<Found, WiringError> {
        let found = Found::of(store, person).await?;
        if let Some(tenant) = self.tenant.as_deref()
            && found.tenants().any(|of| of != Some(tenant))
        {
            return Err(WiringError::Process(
                "the store knows this id in another tenant too, and an id means one user in all of them: \
                 nothing was done. Leave --tenant out to erase the user in all tenants"
                    .to_owned(),
            ));
        }
        Ok(found)
    }

    fn would_do(&self, config: &Config, found: &Found) -> Value {
        let Traces { now, .. } = found.traces;
        let live = found.sessions.iter();
        let live = live.filter(|row| row.verdict(now).is_ok()).count();
        let removed = Removed {
            with_sessions: ErasedSessions {
                sessions: count(found.sessions.len()),
                former_keys: found.traces.former_keys,
                old_logins: found.traces.old_logins,
                kept_cookies: found.traces.kept_cookies,
            },
            sightings: count(found.sightings.len()),
            networks: count(found.traces.networks.len()),
            cutoffs: count(plain_cutoffs(&found.traces)),
        };
        json!({
            "user_id": self.user,
            "at": rfc3339(now),
            "dry_run": true,
            "would_end": live,
            "would_remove": removed.view(),
            "stays_from_before": stays(config, &found.traces, found.traces.old_logins),
        })
    }
}

/// Ends all sessions of the user; with the receipt, no node admits one of them any more.
async fn revoke(store: &dyn SessionStore, user_id: &str) -> Result<(Receipt, Seq), WiringError> {
    let scope = Scope::User(user_id.into());
    let revoked = match store.revoke(&scope, RevokeReason::Admin).await {
        Err(failed) if failed.may_have_happened() => {
            return Err(WiringError::OutcomeUnknown(failed));
        }
        done => done?,
    };
    let committed = SystemClock.boot();
    let receipt = heard_by_all(store, &SystemClock, &revoked, committed).await;
    Ok((receipt, revoked.seq))
}

/// Removes what was there before the revocation, batch by batch.
///
/// A login that was under way when the revocation was committed may write its row behind the first pass: dead, and with all that
/// it says. No write lives longer than `write_timeout`, so a second pass after that time finds it.
async fn remove(
    store: &dyn SessionStore,
    person: &Person,
    revocation: Seq,
    write_timeout: Duration,
) -> StoreResult<Removed> {
    let mut removed = Removed::default();
    remove_sessions(store, person, revocation, &mut removed).await?;
    remove_sightings(store, person, &mut removed).await?;
    removed.cutoffs = store.hide_cutoffs(person).await?;
    tokio::time::sleep(write_timeout).await;
    remove_sessions(store, person, revocation, &mut removed).await?;
    removed.networks = store.erase_logins(&person.owners).await?;
    Ok(removed)
}

async fn remove_sessions(
    store: &dyn SessionStore,
    person: &Person,
    revocation: Seq,
    removed: &mut Removed,
) -> StoreResult<()> {
    loop {
        let batch = store
            .erase_sessions(&person.user_id, revocation, BATCH)
            .await?;
        removed.add(batch);
        if batch.sessions < count(BATCH) {
            return Ok(());
        }
        tokio::time::sleep(REST).await;
    }
}

async fn remove_sightings(
    store: &dyn SessionStore,
    person: &Person,
    removed: &mut Removed,
) -> StoreResult<()> {
    let mut from = Some(0);
    while let Some(at) = from {
        let part = store.erase_sightings(&person.user_id, at, SCAN).await?;
        removed.sightings += part.removed;
        from = part.next;
        if from.is_some() {
            tokio::time::sleep(REST).await;
        }
    }
    Ok(())
}

impl Removed {
    fn add(&mut self, batch: ErasedSessions) {
        let all = &mut self.with_sessions;
        all.sessions += batch.sessions;
        all.former_keys += batch.former_keys;
        all.old_logins += batch.old_logins;
        all.kept_cookies += batch.kept_cookies;
    }

    fn view(&self) -> Value {
        json!({
            "sessions": self.with_sessions.sessions,
            "former_keys": self.with_sessions.former_keys,
            "kept_old_cookies": self.with_sessions.kept_cookies,
            "activity": self.sightings,
            "login_networks": self.networks,
            "old_login_cutoffs": self.cutoffs,
        })
    }
}

/// What keeps ended sessions and old logins ended, and when housekeeping removes it.
fn stays(config: &Config, left: &Traces, tombstones: u64) -> Vec<Value> {
    let entry = |place: &str, rows: usize, holds: &str, until: Option<Timestamp>| json!({"in": place, "rows": rows, "holds": holds, "until": until.and_then(rfc3339)});
    let settled = left.events.last().map(|at| at.plus(EVENTS_KEPT));
    let forgotten = |from: Timestamp| Some(from.plus(config.migration.tombstone_ttl));
    let last = |is_digest: bool| {
        let cutoffs = left.cutoffs.iter().filter(|of| of.is_digest == is_digest);
        cutoffs.map(|of| of.at).max()
    };
    let digests = left.cutoffs.len() - plain_cutoffs(left);
    let mut stays = vec![
        entry("sidgate_event", left.events.len(), "the user id", settled),
        entry(
            "sidgate_revocation",
            left.revocations.len(),
            "the user id",
            settled,
        ),
        entry(
            "sidgate_legacy_cutoff",
            digests,
            "a keyed digest of the user id",
            last(true).and_then(forgotten),
        ),
        entry(
            "sidgate_legacy_cutoff",
            plain_cutoffs(left),
            "the user id",
            last(false).and_then(forgotten),
        ),
        entry(
            "sidgate_legacy",
            usize::try_from(tombstones).unwrap_or(usize::MAX),
            "keyed digests of old cookies, which lead to nobody",
            forgotten(left.now),
        ),
    ];
    stays.retain(|entry| entry["rows"] != 0);
    if config.cache.redis_url.is_some() {
        stays.push(json!({
            "in": "redis",
            "holds": "sealed values that no gateway accepts any more",
            "until": rfc3339(left.now.plus(config.cache.redis_ttl)),
        }));
    }
    stays
}

fn plain_cutoffs(traces: &Traces) -> usize {
    let plain = traces.cutoffs.iter().filter(|of| !of.is_digest);
    plain.count()
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
