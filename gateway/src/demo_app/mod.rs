//! An app to try the gateway with: it shows who is logged in and what it received, and logs people in by both ways there are.
//!
//! It speaks the protocol of `docs/protocol.md` as an app of one's own would, on a port of its own. Its users and their
//! passwords are known to everybody, so it is for a look at Sidgate and for nothing else.

mod answer;
mod html;
mod pages;
mod serve;
mod users;

use session_core::secret::SecretKey;
use sidgate_policy::auth::app_side::AppSide;

pub(crate) use self::serve::serve;
pub(crate) use self::users::USERS;

/// The app.
#[derive(Debug)]
pub(crate) struct DemoApp {
    side: AppSide,
}

impl DemoApp {
    /// `name`: that below `[upstreams]`. `keys`: what it shares with the gateway, the current one first.
    pub(crate) fn new(name: &str, keys: Vec<SecretKey>) -> Self {
        let side = AppSide::new(name, keys);
        Self { side }
    }
}
