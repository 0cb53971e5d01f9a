//! What is reported when a rule is broken.

use std::net::IpAddr;

use uuid::Uuid;

use crate::config::RiskAction;

/// A broken rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal<'a> {
    /// The request that broke it.
    pub(crate) request_id: &'a str,
    /// Its name.
    pub(crate) rule: &'static str,
    /// What is done about it.
    pub(crate) action: RiskAction,
    /// Handle of the session, if it is about one.
    pub(crate) session: Option<Uuid>,
    /// Network of the client.
    pub(crate) client: IpAddr,
}
