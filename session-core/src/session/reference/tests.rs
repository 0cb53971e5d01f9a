use super::*;

#[test]
fn each_app_has_one_and_leaves_the_others_alone() {
    let none = References::default();
    assert_eq!(none.as_stored(), None);
    let django = none.with("django", Some("AA"));
    let both = django.with("next", Some("BB"));
    assert_eq!(both.as_stored(), Some("django:AA next:BB"));
    assert_eq!(
        (both.of("django"), both.of("next")),
        (Some("AA"), Some("BB"))
    );
    assert_eq!(both.of("other"), None);
    let changed = both.with("django", Some("CC"));
    assert_eq!(
        (changed.of("django"), changed.of("next")),
        (Some("CC"), Some("BB"))
    );
    let removed = changed.with("next", None);
    assert_eq!(removed.as_stored(), Some("django:CC"));
    assert_eq!(removed.with("django", None).as_stored(), None);
}

#[test]
fn what_is_no_sealed_reference_belongs_to_nobody() {
    let plain = References::from_stored(Some("key-of-a-django-session".into()));
    assert_eq!(plain.iter().count(), 0);
    assert_eq!(
        plain.with("django", Some("AA")).as_stored(),
        Some("django:AA")
    );
}

#[test]
fn there_are_never_more_than_a_few() {
    let many = (0..20).fold(References::default(), |all, number| {
        all.with(&format!("app{number}"), Some("AA"))
    });
    assert_eq!(many.iter().count(), APPS_MAX);
    assert_eq!((many.of("app11"), many.of("app12")), (None, Some("AA")));
    assert!(!format!("{many:?}").contains("AA"), "Debug shows no text");
}
