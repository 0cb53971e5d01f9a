use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::freshness::Standing;
use crate::session::{Group, Identity, References, SiteName};

const MIB: u64 = 1 << 20;

/// Read at the beginning, and good for a second.
fn entry(number: u32, text: usize) -> Arc<Entry> {
    entry_read_at(number, text, Boot::default())
}

fn entry_read_at(number: u32, text: usize, read_at: Boot) -> Arc<Entry> {
    let about = "x".repeat(text);
    let (identity, _) =
        Identity::from_value(json!({"user": {"id": "7"}, "attributes": {"about": about}})).unwrap();
    let mut key = [0; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    let at = Timestamp::from_micros(1);
    let session = Session {
        key: SessionKey::from_bytes(key),
        id: Uuid::from_u128(u128::from(number)),
        group: Group::default(),
        site: SiteName::default(),
        identity,
        ip: None,
        user_agent: "".into(),
        created_at: at,
        auth_time: at,
        last_activity: at,
        expires_at: at,
        idle: Duration::ZERO,
        revoked: None,
        references: References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    };
    let ttl = Duration::from_secs(1);
    Arc::new(Entry::new(session, Standing::default(), read_at, ttl))
}

fn filled(max_entries: usize, max_bytes: u64, text: usize) -> Local {
    let limits = LocalLimits {
        max_entries,
        max_bytes,
    };
    let local = Local::new(limits, Duration::from_secs(5));
    for number in 0..20_000 {
        local.put(entry(number, text));
        assert!(local.weight() <= max_bytes);
    }
    local
}

/// Whatever an app says about its users, and however many there are.
#[test]
fn large_identities_take_no_more_room_than_there_is() {
    for text in [4_000, 15_000] {
        let local = filled(1_000_000, 4 * MIB, text);
        let texts = local.len() * text;
        assert!(texts < 4 << 20, "{texts} bytes of texts alone");
        assert!(local.len() > 20, "{} have room", local.len());
    }
}

#[test]
fn small_ones_are_bounded_by_their_number() {
    for max_entries in [10, 1_000] {
        let held = filled(max_entries, 256 * MIB, 10).len();
        assert!(held <= max_entries, "{held}");
        assert!(held * 10 >= max_entries * 9, "{held} of {max_entries}");
    }
}

/// Whoever sees evictions must know whether they cost anything: a cache that is large enough is full of old sessions in the end.
#[test]
fn what_is_pushed_out_is_counted_by_whether_it_was_still_good() {
    let local = filled(1_000, 256 * MIB, 10);
    let (evictions, held) = (local.evictions(), local.len());
    let pushed_out = u64::try_from(20_000 - held).unwrap();
    assert_eq!(
        (evictions.fresh.get(), evictions.due.get()),
        (pushed_out, 0)
    );

    let is_held = |number: &u32| local.get(&entry(*number, 10).session().key).is_some();
    let number = (0..20_000).find(is_held).unwrap();
    local.put(entry(number, 10));
    local.forget(&entry(number, 10).session().key);
    assert_eq!(evictions.fresh.get(), pushed_out, "replaced and removed");

    // Whatever each of these pushes out was to be read again by then.
    for number in 0..500 {
        let later = Boot::default().plus(Duration::from_secs(2 * (u64::from(number) + 1)));
        local.put(entry_read_at(20_000 + number, 10, later));
    }
    assert_eq!(evictions.fresh.get(), pushed_out);
    assert!(evictions.due.get() >= 499, "{}", evictions.due.get());
}
