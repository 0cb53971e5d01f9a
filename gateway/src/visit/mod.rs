//! Who is this request?
//!
//! One function answers that for routes, endpoints and the admin API: [`Visit::identify`]. So a request is looked up,
//! counted and judged in the same way, whoever serves it.

pub(crate) mod body;
mod identify;
pub(crate) mod look_up;
pub(crate) mod old_cookies;

pub(crate) use self::identify::{Visit, presented};
