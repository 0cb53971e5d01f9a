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

#[test]
fn what_is_said_about_the_cookie_stays_whatever_apps_do() {
    let begun = References::default().ending_with_browser();
    assert_eq!(begun.as_stored(), Some(".cookie:browser-session"));
    assert_eq!(begun.iter().count(), 0, "it is no app's");
    assert_eq!(begun.of(".cookie"), None);
    assert_eq!(begun.ending_with_browser(), begun, "once is enough");
    let many = (0..20).fold(begun.clone(), |all, number| {
        all.with(&format!("app{number}"), Some("AA"))
    });
    assert!(many.end_with_browser());
    assert_eq!(many.iter().count(), APPS_MAX);
    assert_eq!(many.without_apps(), begun);
    let none = many.iter().map(|(app, _)| app.to_owned());
    let none = none.fold(many.clone(), |all, app| all.with(&app, None));
    assert_eq!(none, begun);
    let other = References::default().with("django", Some("AA"));
    assert!(!other.end_with_browser());
    assert_eq!(
        other.ending_with_browser().as_stored(),
        Some(".cookie:browser-session django:AA")
    );
}
