use proptest::prelude::*;

use super::*;

fn one<'a>(kind: &'a str, value: &'a str) -> Vec<Attribute<'a>> {
    let value = Value::Text(value);
    vec![Attribute { kind, value }]
}

#[test]
fn the_most_particular_part_comes_first() {
    let parts = [one("C", "DE"), one("O", "Example"), one("CN", "alice")];
    assert_eq!(text(&parts).as_deref(), Some("CN=alice,O=Example,C=DE"));
    assert_eq!(text(&[]).as_deref(), Some(""));
    let both = [one("CN", "alice"), one("UID", "7")].concat();
    assert_eq!(text(&[both]).as_deref(), Some("CN=alice+UID=7"));
    let encoded = Attribute {
        kind: "1.2.3",
        value: Value::Encoded(&[4, 2, 0x48, 0xff]),
    };
    assert_eq!(text(&[vec![encoded]]).as_deref(), Some("1.2.3=#040248ff"));
}

#[test]
fn nothing_in_a_value_ends_it() {
    for (value, escaped) in [
        ("a,CN=admin", "a\\,CN\\=admin"),
        ("a+b;c<d>e\"f\\g", "a\\+b\\;c\\<d\\>e\\\"f\\\\g"),
        ("#x#", "\\#x#"),
        (" a b ", "\\ a b\\ "),
        (" ", "\\ "),
        (
            "a\r\nX-Session-State: active",
            "a\\0d\\0aX-Session-State: active",
        ),
        ("J\u{fc}rgen", "J\\c3\\bcrgen"),
        ("a\0b\u{7f}", "a\\00b\\7f"),
    ] {
        let told = text(&[one("CN", value)]).expect(value);
        assert_eq!(told, format!("CN={escaped}"));
    }
}

#[test]
fn what_is_too_long_is_not_cut() {
    let long = "a".repeat(LONGEST - 3);
    assert_eq!(
        text(&[one("CN", &long)]).map(|text| text.len()),
        Some(LONGEST)
    );
    assert_eq!(text(&[one("CN", &format!("{long}a"))]), None);
}

/// The value again, as a reader of RFC 4514 has it.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut value = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let next = bytes.next().expect("something is escaped");
        match char::from(next).to_digit(16) {
            Some(high) => {
                let low = char::from(bytes.next().expect("two digits")).to_digit(16);
                value.push(u8::try_from(high * 16 + low.expect("a digit")).expect("a byte"));
            }
            None => value.push(next),
        }
    }
    value
}

proptest! {
    #[test]
    fn every_name_can_be_read_back_and_stands_in_a_header(value in "\\PC{0,40}|[ -~\\r\\n\\t\\x00]{0,40}") {
        let told = text(&[one("CN", &value)]).expect("short");
        prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let escaped = told.strip_prefix("CN=").expect("its type");
        prop_assert_eq!(unescaped(escaped), value.as_bytes());
    }
}
