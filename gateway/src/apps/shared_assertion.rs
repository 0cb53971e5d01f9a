//! What an app is told about requests without a session. Nothing in it belongs to one request, so it is signed once in a while
//! and copied in between.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use sidgate_policy::auth::identity::{may_be_reused, signed};
use sidgate_policy::auth::token::{AppKeys, SessionClaims, SignError};

/// The newest assertion of one state, which names nobody.
#[derive(Debug)]
pub(crate) struct SharedAssertion {
    state: &'static str,
    /// The site that such requests are sent to, where sites have names.
    site: Option<Arc<str>>,
    newest: ArcSwapOption<Signed>,
}

#[derive(Debug)]
struct Signed {
    assertion: HeaderValue,
    at: i64,
}

impl SharedAssertion {
    /// Of `state` at a site; nothing is signed yet.
    pub(crate) fn of(state: &'static str, site: Option<Arc<str>>) -> Self {
        Self {
            state,
            site,
            newest: ArcSwapOption::empty(),
        }
    }

    /// One that may be sent at `now`.
    ///
    /// # Errors
    /// When signing fails.
    pub(crate) fn get(&self, keys: &AppKeys, now: i64) -> Result<HeaderValue, SignError> {
        if let Some(newest) = &*self.newest.load()
            && may_be_reused(newest.at, now)
        {
            return Ok(newest.assertion.clone());
        }
        let claims = SessionClaims {
            site: self.site.as_deref().map(str::to_owned),
            ..SessionClaims::default()
        };
        let assertion = signed(keys, self.state, &claims, now)?;
        self.newest.store(Some(Arc::new(Signed {
            assertion: assertion.clone(),
            at: now,
        })));
        Ok(assertion)
    }
}

#[cfg(test)]
mod tests;
