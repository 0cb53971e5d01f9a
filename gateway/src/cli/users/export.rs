//! `sidgate users export`: what the store holds of a user, for the user to have.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use session_core::clock::Timestamp;
use session_core::store::{Sighting, StoredSession, Traces};

use super::found::{Found, person, user_id};
use crate::cli::config_arg::ConfigArg;
use crate::cli::say;
use crate::cli::sessions::{by_shell, log, note_asked, with_store_for};
use crate::run::wiring::WiringError;
use crate::telemetry::security::Facts;
use crate::views::device_label::device_label;
use crate::views::session::rfc3339;

/// Longest time for all of it. Each question has its own.
const TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Args)]
pub(in crate::cli) struct Export {
    /// Id of the user.
    #[arg(long, value_name = "ID", value_parser = user_id)]
    user: String,
    /// Only the sessions and the activity of this tenant. What is kept without a tenant is left out.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    config: ConfigArg,
}

impl Export {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let (config, lines) = (self.config.load()?, log()?);
        let facts = Facts {
            user: Some(&self.user),
            tenant: self.tenant.as_deref(),
            reason: "export",
            ..by_shell()
        };
        note_asked(&lines, &config, facts);
        let person = person(&config, &self.user)?;
        let mut found = with_store_for(TIMEOUT, &config, async |store| {
            Ok(Found::of(store.as_ref(), &person).await?)
        })?;
        if let Some(tenant) = self.tenant.as_deref() {
            let is_of = |of: Option<&str>| of == Some(tenant);
            found
                .sessions
                .retain(|row| is_of(row.session.identity.tenant_id()));
            found
                .sightings
                .retain(|seen| is_of(seen.tenant_id.as_deref()));
        }
        let document = document(&self.user, self.tenant.as_deref(), &found);
        say(&format!("{document:#}")).map_err(|failed| match failed {
            WiringError::Closed => WiringError::Process(
                "whoever reads the document has gone before its end".to_owned(),
            ),
            failed => failed,
        })
    }
}

fn document(user_id: &str, tenant_id: Option<&str>, found: &Found) -> Value {
    let Traces { now, .. } = found.traces;
    let sessions = found.sessions.iter().map(|row| session(row, now));
    let activity = found.sightings.iter().map(sighting);
    let mut document = json!({
        "user_id": user_id,
        "exported_at": rfc3339(now),
        "sessions": sessions.collect::<Vec<_>>(),
        "activity": activity.collect::<Vec<_>>(),
    });
    if let Some(document) = document.as_object_mut() {
        match tenant_id {
            Some(tenant_id) => {
                document.insert("only_tenant_id".to_owned(), json!(tenant_id));
            }
            None => document.extend(traces(&found.traces)),
        }
    }
    document
}

/// A session as it is stored, without what opens it.
fn session(row: &StoredSession, now: Timestamp) -> Value {
    let session = &row.session;
    let mut identity = session.identity.to_value();
    if let Some(hash) = identity.get_mut("auth_hash") {
        *hash = json!("***");
    }
    let apps = session.references.iter().map(|(app, _)| app);
    json!({
        "id": session.id,
        "alive": row.verdict(now).is_ok(),
        "tenant_id": session.identity.tenant_id(),
        "site": session.site.as_str(),
        "group": session.group.name(),
        "identity": identity,
        "ip": session.ip,
        "user_agent": &*session.user_agent,
        "device": device_label(&session.user_agent),
        "created_at": rfc3339(session.created_at),
        "auth_time": rfc3339(session.auth_time),
        "last_activity": rfc3339(session.last_activity),
        "expires_at": rfc3339(session.expires_at),
        "idle_seconds": session.idle.as_secs(),
        "renewed_at": session.renewed_at.and_then(rfc3339),
        "revoked_at": session.revoked.and_then(|(at, _)| rfc3339(at)),
        "revoke_reason": session.revoked.map(|(_, reason)| reason.as_str()),
        "apps_with_a_reference": apps.collect::<Vec<_>>(),
        "ends_with_browser": session.references.end_with_browser(),
    })
}

fn sighting(seen: &Sighting) -> Value {
    let signals = seen.signals.iter().map(|rule| rule.as_str());
    json!({
        "session": seen.session,
        "tenant_id": seen.tenant_id,
        "at": rfc3339(seen.at),
        "left_at": seen.left_at.and_then(rfc3339),
        "network": seen.network,
        "family": seen.family,
        "country": seen.country,
        "asn": seen.asn,
        "location": seen.location,
        "signals": signals.collect::<Vec<_>>(),
    })
}

/// The rest. Where there is only a digest, it is counted or has its time.
fn traces(traces: &Traces) -> Map<String, Value> {
    let times = |times: &[Timestamp]| times.iter().copied().map(rfc3339).collect::<Vec<_>>();
    let revocations = traces.revocations.iter();
    let revocations = revocations.map(|of| json!({"group": of.group, "event": of.seq}));
    let cutoffs = traces
        .cutoffs
        .iter()
        .map(|of| json!({"group": of.group, "at": rfc3339(of.at), "under_a_digest": of.is_digest}));
    let rest = json!({
        "login_networks": times(&traces.networks),
        "former_keys": traces.former_keys,
        "old_logins": traces.old_logins,
        "kept_old_cookies": traces.kept_cookies,
        "revocations": revocations.collect::<Vec<_>>(),
        "events": times(&traces.events),
        "old_logins_refused_before": cutoffs.collect::<Vec<_>>(),
    });
    match rest {
        Value::Object(rest) => rest,
        _ => Map::new(),
    }
}
