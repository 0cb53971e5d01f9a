use super::{HARMLESS, NAMES, Reserved, UNCOUNTED, find, reserved};

#[test]
fn names_are_sorted_and_none_stands_below_a_beginning() {
    assert!(NAMES.is_sorted_by(|(one, _), (next, _)| one < next));
    for (beginning, _) in NAMES.iter().filter(|(name, _)| name.ends_with('-')) {
        let below = NAMES
            .iter()
            .find(|(name, _)| name != beginning && name.starts_with(beginning));
        assert_eq!(below, None, "{beginning} covers it already");
    }
}

#[test]
fn names_are_folded() {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    for (name, _) in NAMES {
        assert!(name.bytes().all(plain), "{name}");
    }
}

#[test]
fn every_entry_is_found_and_a_beginning_covers_what_follows() {
    for &(entry, kind) in NAMES {
        assert_eq!(find(entry), Some(kind), "{entry}");
        for end in ["0", "user", "zzz", "-"] {
            let longer = format!("{entry}{end}");
            let wanted = NAMES
                .iter()
                .find(|(other, _)| {
                    *other == longer || other.ends_with('-') && longer.starts_with(other)
                })
                .map(|&(_, kind)| kind);
            assert_eq!(find(&longer), wanted, "{longer}");
        }
    }
}

#[test]
fn no_spelling_of_an_entry_escapes() {
    let spellings = |entry: &str| {
        let upper = entry.to_uppercase();
        let cgi = format!("HTTP_{}", upper.replace('-', "_"));
        [
            upper,
            entry.replace('-', "."),
            format!("Http-Http-{entry}"),
            cgi,
        ]
    };
    for &(entry, kind) in NAMES {
        for spelling in spellings(entry) {
            assert_eq!(reserved(&spelling), Some(kind), "{spelling}");
        }
    }
}

#[test]
fn exceptions_are_exceptions_to_something() {
    for name in HARMLESS.iter().chain(&UNCOUNTED) {
        assert_eq!(find(name), Some(Reserved::Framework), "{name}");
    }
}
