//! What a session takes. Bytes that were asked for are counted, so the figures are the same on every machine; what the
//! allocator adds to them is part of the measurement of the whole process (`benches/compare`).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use session_core::cache::{Entry, Local, LocalLimits};
use session_core::secret::SecretKey;
use sidgate_benches::{Fault, entry, user_agent};
use sidgate_policy::auth::identity::{Badge, Confided, RequestFacts};
use sidgate_policy::auth::identity_field::IdentityField;
use sidgate_policy::auth::token::{AppKeys, SignError};

const SESSIONS: usize = 7_000;
/// The rest of the budget of 1 KiB is for what the allocator adds to a handful of parts.
const BYTES_MAX: usize = 840;

fn local() -> Local {
    let limits = LocalLimits {
        max_entries: 100_000,
        max_bytes: 1 << 30,
    };
    Local::new(limits, Duration::from_secs(5))
}

fn fill(local: &Local) -> Result<(), Fault> {
    let browser = user_agent();
    (0..SESSIONS).try_for_each(|number| {
        local.put(Arc::new(entry(number, &browser)?));
        Ok(())
    })
}

#[test]
fn a_typical_session_fits_its_budget() {
    let local = local();
    let held = allocation_counter::measure(|| fill(&local).unwrap()).bytes_current;
    assert_eq!(local.len(), SESSIONS);
    let each = usize::try_from(held).unwrap() / SESSIONS;
    assert!(each <= BYTES_MAX, "{each} bytes");
}

#[test]
fn the_weight_of_a_session_is_no_less_than_what_it_takes() {
    let limits = LocalLimits {
        // So many that no entry counts for more than its size.
        max_entries: 100_000_000,
        max_bytes: 1 << 30,
    };
    let local = Local::new(limits, Duration::from_secs(5));
    let held = allocation_counter::measure(|| fill(&local).unwrap()).bytes_current;
    assert!(local.weight() >= u64::try_from(held).unwrap(), "{held}");
}

fn badge(of: &Entry, keys: &AppKeys) -> Result<Badge, SignError> {
    let headers =
        [("x-session-email", "email"), ("x-session-name", "name")].map(|(name, field)| {
            let field = IdentityField::User(vec![field.to_owned()]);
            (HeaderName::from_static(name), field)
        });
    let app = (keys, Confided::default());
    Badge::new(of.session(), &headers, app, RequestFacts::default(), 1_000)
}

#[test]
fn a_badge_takes_no_more_than_it_says_and_is_copied_for_nothing() {
    let (entry, keys) = (
        entry(7, &user_agent()).unwrap(),
        AppKeys::new("app", &[SecretKey::new([1; 32])]),
    );
    let mut made = None;
    let copy = |badge: &Badge| {
        let values = badge.fields.iter().map(|(_, value)| value);
        for value in values.chain([&badge.assertion]) {
            drop(value.clone());
        }
    };
    let taken = allocation_counter::measure(|| {
        let badge = badge(&entry, &keys).unwrap();
        // The first copy of a value makes the count of those who share it.
        copy(&badge);
        made = Some(badge);
    });
    let badge = made.unwrap();
    let size = i64::try_from(badge.size()).unwrap();
    assert!(size >= taken.bytes_current, "{size}: {taken:?}");
    let copied = allocation_counter::measure(|| copy(&badge));
    assert_eq!(copied.count_total, 0, "{copied:?}");
}
