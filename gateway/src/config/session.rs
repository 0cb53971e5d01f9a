//! `[session]`: how long a session lives, and how many one user may have.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use session_core::session::{ID_MAX, OverLimit, SessionLimit, is_id};

use super::duration::{days, hours, secs, show, whole_seconds};
use super::reader::Reader;

/// Browsers keep no cookie longer (RFC 6265bis).
const MAX_TIMEOUT: Duration = days(400);

const DEFAULT_IDLE: Duration = hours(12);

const MAX_PER_USER: RangeInclusive<u32> = 0..=1_000_000;

const OVER_LIMIT: [(&str, OverLimit); 2] = [
    ("evict_oldest", OverLimit::EvictOldest),
    ("deny", OverLimit::Deny),
];

/// Life of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// A session ends this long after its login, whatever happens. Whole seconds.
    pub absolute_timeout: Duration,
    /// A session ends this long after its last use. Whole seconds, never above `absolute_timeout`.
    pub idle_timeout: Duration,
    /// A session gets another sid when it has had one for so long; `None`: it keeps the first. Whole seconds.
    pub rotate_every: Option<Duration>,
    /// Sessions one user may have at a time; `None` is unlimited.
    pub max_per_user: Option<NonZeroU32>,
    /// What a login beyond that limit does.
    pub over_limit: OverLimit,
    /// What is different for the users of some tenants.
    tenants: BTreeMap<String, TenantLimit>,
}

/// `[session.tenants.NAME]`: what is said there; the rest is as for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TenantLimit {
    max_per_user: Option<u32>,
    over_limit: Option<OverLimit>,
}

impl SessionConfig {
    /// What holds for a user of this tenant.
    #[must_use]
    pub fn limit(&self, tenant: Option<&str>) -> Option<SessionLimit> {
        let own = tenant.and_then(|tenant| self.tenants.get(tenant));
        let max = own
            .and_then(|own| own.max_per_user)
            .map_or(self.max_per_user, NonZeroU32::new)?;
        let over = own
            .and_then(|own| own.over_limit)
            .unwrap_or(self.over_limit);
        Some(SessionLimit { max, over })
    }

    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("session", |session| {
            let timeout = || whole_seconds(secs(1)..=MAX_TIMEOUT);
            let absolute = session
                .text("absolute_timeout", timeout())
                .unwrap_or(hours(24));
            let idle = session.text("idle_timeout", timeout());
            if idle.is_some_and(|idle| idle > absolute) {
                let keys = ["idle_timeout", "absolute_timeout"];
                let message = format!(
                    "is longer than session.absolute_timeout ({})",
                    show(absolute)
                );
                session.contradiction(&keys, message);
            }
            Self {
                absolute_timeout: absolute,
                idle_timeout: idle.unwrap_or(DEFAULT_IDLE.min(absolute)),
                rotate_every: session.text("rotate_every", timeout()),
                max_per_user: session
                    .number("max_per_user", MAX_PER_USER)
                    .and_then(NonZeroU32::new),
                over_limit: session
                    .choice("over_limit", &OVER_LIMIT)
                    .unwrap_or(OverLimit::EvictOldest),
                tenants: session
                    .named("tenants", check_tenant, |tenant, _| TenantLimit {
                        max_per_user: tenant.number("max_per_user", MAX_PER_USER),
                        over_limit: tenant.choice("over_limit", &OVER_LIMIT),
                    })
                    .into_iter()
                    .collect(),
            }
        })
    }
}

/// The rule for ids of tenants, so that a name that no session can have is noticed.
fn check_tenant(name: &str) -> Result<(), String> {
    if is_id(name) {
        Ok(())
    } else {
        Err(format!(
            "a tenant's id is 1 to {ID_MAX} visible ASCII characters"
        ))
    }
}
