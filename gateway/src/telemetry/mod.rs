//! What operators see: metrics, one access line per request, logs without secrets.

pub(crate) mod access_log;
mod audit_file;
pub(crate) mod build;
pub(crate) mod collector;
mod connections;
#[cfg(test)]
pub(crate) mod documented;
mod families;
pub(crate) mod flood;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod labels;
mod line_format;
pub(crate) mod lines;
pub(crate) mod log_stream;
pub(crate) mod logs;
mod maker;
pub(crate) mod metrics;
pub(crate) mod outcome;
mod process;
pub(crate) mod questions;
mod queue;
mod reading;
pub(crate) mod security;
pub(crate) mod servers;
pub(crate) mod traces;
