//! What every request shares: the running gateway, the configuration in use, and the sender of a request.

pub(crate) mod active_config;
pub(crate) mod badges;
pub(crate) mod client;
pub(crate) mod drills;
mod gateway;
pub(crate) mod maintenance;
pub(crate) mod reloads;
mod request_id;
pub(crate) mod requests;
mod session_headers;
pub(crate) mod site;
pub(crate) mod upgrades;

pub(crate) use self::active_config::ActiveConfig;
pub(crate) use self::client::Client;
pub(crate) use self::gateway::Gateway;
pub(crate) use self::request_id::RequestId;
pub(crate) use self::session_headers::SessionHeaders;
pub(crate) use self::site::{ActiveSite, Addressed};
