use super::*;

#[test]
fn store_time_is_never_behind_the_store() {
    let time = StoreTime::default();
    let sent = Boot::from_nanos(5_000_000_999);
    time.learn(sent, Timestamp::from_micros(1_000_000));
    assert!(
        time.upper(sent) > Timestamp::from_micros(1_000_000),
        "rounding must not lose a microsecond"
    );
    let later = sent.plus(Duration::from_secs(3));
    assert!(time.upper(later) >= Timestamp::from_micros(4_000_000));
    assert!(time.upper(later) <= Timestamp::from_micros(4_000_002));
}

#[test]
fn arithmetic_saturates_instead_of_wrapping() {
    assert_eq!(
        Timestamp::from_micros(i64::MAX)
            .plus(Duration::MAX)
            .as_micros(),
        i64::MAX
    );
    assert_eq!(
        Boot::from_nanos(u64::MAX).plus(Duration::MAX).as_nanos(),
        u64::MAX
    );
    assert_eq!(
        Timestamp::from_micros(5).since(Timestamp::from_micros(9)),
        Duration::ZERO
    );
    assert_eq!(Timestamp::from_micros(-1).as_secs(), -1);
}

#[test]
fn the_system_clocks_move_forward() {
    let (boot, wall) = (SystemClock.boot(), SystemClock.wall());
    assert!(SystemClock.boot() >= boot);
    assert!(wall.as_secs() > 1_700_000_000);
}
