//! The admin API: what operators see and end. Who may call it is for [`super::access`] to say.

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use pingora_core::protocols::http::ServerSession;
use serde_json::{Value, json};
use session_core::clock::millis;
use session_core::freshness::LEASE;
use session_core::service::SessionsError;
use session_core::session::{RevokeReason, Session};
use session_core::store::{NodeReport, Scope, StoredSession};
use tracing::warn;
use uuid::Uuid;

use super::call::{self, Call};
use super::drill;
use super::explain;
pub(crate) use super::permitted::Permitted;
use super::reload::reload;
use super::upgrade::upgrade;
use crate::answer::{Answer, Rejection};
use crate::config::MigrationMode;
use crate::endpoints::check_content_type;
use crate::legacy::report::Report;
use crate::risk::flags::Flags;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};
use crate::views::device_label::device_label;
use crate::views::receipt::receipt_view;
use crate::views::session::{add_site, rfc3339};
use crate::visit::body;

/// Largest body of a call that brings no request, in bytes.
const BODY_MAX: usize = 4 * 1024;

/// The document that describes the API.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// Answers a call.
pub(crate) async fn answer(gateway: &Gateway, asked: &Permitted<'_>) -> Answer {
    let answered = match asked.call {
        Call::Search => search(gateway, asked).await,
        Call::Show(id) => match id {
            Some(id) => show(gateway, asked, id).await,
            None => Ok(Answer::not_found()),
        },
        Call::Revoke => revoke(gateway, asked).await,
        Call::Explain => {
            security::note(Kind::Admin, asked.facts("explain"));
            explain::answer(gateway, asked.body).await
        }
        Call::Reload => Ok(reload(gateway, asked).await),
        Call::Upgrade => Ok(upgrade(gateway, asked).await),
        Call::DrillStatus => Ok(drill::status(gateway, asked)),
        Call::Drill => drill::step(gateway, asked),
        Call::Nodes => nodes(gateway).await,
        Call::Migration => migration(gateway).await,
        Call::Stats | Call::Page(_) if !gateway.settings.get().config.admin.metrics => {
            Ok(Answer::not_found())
        }
        Call::Stats => stats(gateway, asked.query),
        Call::Page(asset) => Ok(asset.answer()),
        Call::OpenApi => Ok(Answer::text(
            200,
            Outcome::OpenApi,
            HeaderValue::from_static("application/json"),
            OPENAPI,
        )),
        Call::OtherMethod(allow) => Ok(Answer::method_not_allowed(HeaderValue::from_static(allow))),
        Call::Unknown => Ok(Answer::not_found()),
    };
    answered.unwrap_or_else(Answer::from)
}

async fn search(gateway: &Gateway, asked: &Permitted<'_>) -> Result<Answer, Rejection> {
    let search = call::search(asked.query)?;
    let facts = Facts {
        user: search.user_id.as_deref(),
        tenant: search.tenant_id.as_deref(),
        ..asked.facts("search")
    };
    security::note(Kind::Admin, facts);
    let limit = search.limit;
    let found = gateway.sessions.search(search).await.map_err(unavailable)?;
    let next = (found.len() == limit).then(|| found.last().map(|last| last.id));
    let settings = gateway.settings.get();
    let flags = Flags::of(gateway, &settings, found.iter().map(|session| session.id))
        .await
        .map_err(unavailable)?;
    let views: Vec<Value> = found
        .iter()
        .map(|session| view(&settings, &flags, session, true))
        .collect();
    let body = json!({"sessions": views, "next": next.flatten()});
    Ok(Answer::json(200, Outcome::Admin, &body))
}

async fn show(gateway: &Gateway, asked: &Permitted<'_>, id: Uuid) -> Result<Answer, Rejection> {
    let facts = Facts {
        session: Some(id),
        ..asked.facts("show")
    };
    security::note(Kind::Admin, facts);
    let found = gateway.sessions.find(id).await.map_err(unavailable)?;
    let Some(row) = found else {
        return Ok(Answer::not_found());
    };
    let settings = gateway.settings.get();
    let asked = std::iter::once(row.session.id);
    let flags = Flags::of(gateway, &settings, asked)
        .await
        .map_err(unavailable)?;
    let view = view(&settings, &flags, &row.session, is_alive(gateway, &row));
    Ok(Answer::json(200, Outcome::Admin, &view))
}

fn is_alive(gateway: &Gateway, row: &StoredSession) -> bool {
    row.verdict(gateway.sessions.clock().wall()).is_ok()
}

async fn revoke(gateway: &Gateway, asked: &Permitted<'_>) -> Result<Answer, Rejection> {
    let asked_for = call::revocation(asked.body)?;
    let scope = asked_for.scope.clone();
    let comment = Some(&*asked_for.reason).filter(|reason| !reason.is_empty());
    let facts = Facts {
        comment,
        ..asked.facts("revoke").concerning(&scope)
    };
    // Before it is done: also what fails, or is broken off, leaves a trace.
    security::note(Kind::Admin, facts);
    let receipt = gateway
        .sessions
        .revoke(asked_for.scope, RevokeReason::Admin, asked_for.wait)
        .await
        .map_err(|failed| {
            warn!(actor = %asked.actor.as_told(), cause = %failed, "revocation not committed");
            Rejection::not_committed(&failed)
        })?;
    gateway
        .metrics
        .revoked(RevokeReason::Admin, receipt.revoked);
    if matches!(scope, Scope::Handle { .. }) && receipt.revoked == 0 {
        return Ok(Answer::not_found());
    }
    let facts = Facts {
        receipt: Some(&receipt),
        reason: RevokeReason::Admin.as_str(),
        ..facts
    };
    security::note(Kind::Revoked, facts);
    Ok(Answer::json(200, Outcome::Admin, &receipt_view(&receipt)))
}

async fn nodes(gateway: &Gateway) -> Result<Answer, Rejection> {
    let nodes = gateway.sessions.nodes().await.map_err(unavailable)?;
    let head = nodes.iter().map(|node| node.applied).max().unwrap_or(0);
    let views: Vec<Value> = nodes
        .iter()
        .map(|node| node_view(gateway, node, head))
        .collect();
    Ok(Answer::json(
        200,
        Outcome::Admin,
        &json!({ "nodes": views }),
    ))
}

/// Without migration there is nothing that could be left.
async fn migration(gateway: &Gateway) -> Result<Answer, Rejection> {
    let settings = gateway.settings.get();
    if settings.config.migration.mode == MigrationMode::Off {
        return Ok(Answer::not_found());
    }
    let tally = gateway.sessions.tallied().await.map_err(unavailable)?;
    let report = Report::of(&tally, &settings.config.migration);
    Ok(Answer::json(200, Outcome::Admin, &report.view()))
}

fn stats(gateway: &Gateway, query: &str) -> Result<Answer, Rejection> {
    let (window, since) = call::stats(query)?;
    let mut body = gateway.history.columns(window, since);
    let readiness = gateway.sessions.readiness();
    if let Some(body) = body.as_object_mut() {
        let settings = gateway.settings.get();
        body.insert(
            "now".to_owned(),
            json!({
                "at": gateway.now(),
                "version": env!("CARGO_PKG_VERSION"),
                "schema": readiness.schema,
                "rights": readiness.rights,
                "window": readiness.window,
                "lease": readiness.lease,
                "draining": gateway.is_draining(),
                "redis": gateway.sessions.shared_breaker().map(|state| format!("{state:?}")),
                "migration": settings.config.migration.mode != MigrationMode::Off,
            }),
        );
    }
    Ok(Answer::json(200, Outcome::Admin, &body))
}

fn node_view(gateway: &Gateway, node: &NodeReport, head: i64) -> Value {
    json!({
        "id": node.node,
        "self": node.node == gateway.sessions.node(),
        "applied": node.applied,
        "behind": head - node.applied,
        "seen_ms": millis(node.age),
        // It reports with each heartbeat, and each may earn it a lease from then on.
        "lease_ms": millis(LEASE.saturating_sub(node.age)),
    })
}

/// A session as operators see it: everything but its secret.
fn view(settings: &ActiveConfig, flags: &Flags, session: &Session, alive: bool) -> Value {
    let identity = session.identity.to_value();
    let mut view = json!({
        "id": session.id,
        "userId": session.identity.user_id(),
        "tenantId": session.identity.tenant_id(),
        "email": identity.pointer("/user/email"),
        "alive": alive,
        "device": { "label": device_label(&session.user_agent), "user_agent": &*session.user_agent },
        "ip": session.ip,
        "createdAt": rfc3339(session.created_at),
        "authTime": rfc3339(session.auth_time),
        "lastActivity": rfc3339(session.last_activity),
        "expiresAt": rfc3339(session.expires_at),
        "revokedAt": session.revoked.and_then(|(at, _)| rfc3339(at)),
        "revokeReason": session.revoked.map(|(_, reason)| reason.as_str()),
    });
    add_site(&mut view, &session.site);
    flags.add_to(&mut view, settings, (session.id, session.ip));
    view
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn unavailable(failed: SessionsError) -> Rejection {
    warn!(cause = %failed, "admin call not answered");
    Rejection::Unavailable
}

/// The JSON body of a call, which has to be there within `limit`; empty where a call has none.
///
/// # Errors
/// The answer to give instead.
pub(crate) async fn read_body(
    session: &mut ServerSession,
    call: Call,
    limit: Duration,
) -> Result<Bytes, Rejection> {
    if !call.has_body() {
        return Ok(Bytes::new());
    }
    let max = match call {
        Call::Explain => explain::BODY_MAX,
        _ => BODY_MAX,
    };
    check_content_type(&session.req_header().headers)?;
    match body::read(session, max, limit).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(Rejection::TooLarge),
        // The client is gone or too slow: the body is incomplete.
        Err(_) => Err(Rejection::BodyMissing),
    }
}
