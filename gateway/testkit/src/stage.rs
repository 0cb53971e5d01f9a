//! Where most tests play: a gateway in front of an app.

use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::app::{App, Exchange};
use super::builder::Builder;
use super::gateway::Gateway;
use super::upstream::Reply;

/// A gateway and its app. Whatever a gateway can be asked, a stage can be asked.
pub struct Stage {
    // Dropped in this order: who asks goes before who is asked.
    pub gateway: Gateway,
    pub app: App,
}

impl Stage {
    /// With the configuration that tests start from.
    pub fn start() -> Self {
        Self::with([])
    }

    /// With layers of TOML over it.
    pub fn with<const N: usize>(layers: [&str; N]) -> Self {
        Self::built(|gateway| layers.into_iter().fold(gateway, Builder::with))
    }

    /// With whatever else a builder can be told.
    pub fn built(tell: impl for<'a> FnOnce(Builder<'a>) -> Builder<'a>) -> Self {
        let app = App::start();
        let gateway = tell(Gateway::in_front_of(&app)).start();
        Self { gateway, app }
    }

    /// The stage, and the sid of alice, who has logged in.
    pub fn and_alice(self) -> (Self, String) {
        let sid = self.log_in("alice@example.com");
        (self, sid)
    }

    /// What the app is told about the session of this sid: the claims of its assertion.
    pub fn told(&self, sid: &str) -> Value {
        self.get_as(sid, "/seen");
        self.app.assertion_in(&self.app.last_request())
    }

    /// From now on the app answers requests for `path` like this.
    pub fn on(&self, path: &str, page: impl Fn(&Exchange<'_>) -> Reply + Send + Sync + 'static) {
        self.app.on(path, page);
    }

    /// From now on the app answers requests for `path` with a good event.
    pub fn says(&self, path: &str, events: Value) {
        self.app.says(path, events);
    }
}

impl Deref for Stage {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Gateway {
        &mut self.gateway
    }
}
