use session_core::secret::SecretKey;

use super::*;

fn keys() -> AppKeys {
    AppKeys::new("app", &[SecretKey::new([1; 32])])
}

#[test]
fn it_is_signed_once_for_three_quarters_of_its_life() {
    let (shared, keys) = (SharedAssertion::of("anonymous", None), keys());
    let first = shared.get(&keys, 1_000).unwrap();
    assert_eq!(shared.get(&keys, 1_044).unwrap(), first);
    let second = shared.get(&keys, 1_045).unwrap();
    assert_ne!(second, first);
    assert_ne!(
        shared.get(&keys, 990).unwrap(),
        second,
        "a clock that went back"
    );
}

#[test]
fn a_kept_one_is_as_secret_as_a_new_one() {
    let (shared, keys) = (SharedAssertion::of("none", None), keys());
    for now in [1_000, 1_001] {
        assert!(shared.get(&keys, now).unwrap().is_sensitive());
    }
}
