//! What operators see: metrics, one access line per request, logs without secrets.

pub(crate) mod access_log;
mod lag;
pub(crate) mod logs;
pub(crate) mod metrics;
