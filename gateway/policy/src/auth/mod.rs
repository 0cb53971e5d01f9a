//! What does a vetted request get?
//!
//! Policy without Pingora, sockets or clocks: each file takes facts about a request and returns a
//! verdict.

pub mod account;
pub mod app_side;
pub mod cors;
pub mod csrf;
pub mod decide;
pub mod doctor_token;
pub mod event;
pub mod event_permissions;
mod hs256;
pub mod identity;
pub mod identity_field;
pub mod login_redirect;
pub mod on_missing;
pub mod requirements;
pub mod token;
