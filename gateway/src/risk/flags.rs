//! What lists of sessions show: which rules a session broke, and when.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use session_core::service::SessionsError;
use session_core::store::Flag;
use uuid::Uuid;

use crate::state::{ActiveConfig, Gateway};
use crate::views::session::rfc3339;

/// Most signals that are listed of one session, the newest first.
const LISTED_MAX: usize = 20;

/// The flags of some sessions.
#[derive(Debug, Default)]
pub(crate) struct Flags(HashMap<Uuid, Vec<Flag>>);

impl Flags {
    /// Reads the flags of these sessions from the store. Empty without `[risk]`.
    ///
    /// # Errors
    /// When the store failed. "Unknown" must not be shown as "no flags".
    pub(crate) async fn of(
        gateway: &Gateway,
        settings: &ActiveConfig,
        sessions: impl Iterator<Item = Uuid>,
    ) -> Result<Self, SessionsError> {
        if settings.risk.is_none() {
            return Ok(Self::default());
        }
        let mut flags = HashMap::<_, Vec<Flag>>::new();
        for flag in gateway.sessions.flags(sessions.collect()).await? {
            flags.entry(flag.session).or_default().push(flag);
        }
        Ok(Self(flags))
    }

    /// Adds `flags` (names of rules) to the view of a session, and where risk is watched `signals` (names and times) and
    /// `place`.
    pub(crate) fn add_to(
        &self,
        view: &mut Value,
        settings: &ActiveConfig,
        (session, ip): (Uuid, Option<IpAddr>),
    ) {
        let Some(view) = view.as_object_mut() else {
            return;
        };
        let none = Vec::new();
        let flags = self.0.get(&session).unwrap_or(&none);
        let mut names: Vec<&str> = flags.iter().map(|flag| flag.rule.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        view.insert("flags".to_owned(), json!(names));
        let Some(policy) = &settings.risk else {
            return;
        };
        let signals: Vec<Value> = flags
            .iter()
            .take(LISTED_MAX)
            .map(|flag| json!({"rule": flag.rule.as_str(), "at": rfc3339(flag.at)}))
            .collect();
        view.insert("signals".to_owned(), json!(signals));
        let place = ip.map(|ip| policy.geo.place(ip).view());
        view.insert("place".to_owned(), json!(place));
    }
}
