use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"0123456f-89ab-cdef-0123-456789abcdef";

#[test]
fn only_the_canonical_form_is_a_sid() {
    assert!(Sid::parse(TEXT).is_some());
    let upper = b"0123456F-89AB-CDEF-0123-456789ABCDEF";
    let cases: [&[u8]; 8] = [
        b"",
        upper,
        b"0123456f89abcdef0123456789abcdef",
        b"{123456f-89ab-cdef-0123-456789abcdef",
        b"0123456f-89ab-cdef-0123-456789abcdef0",
        b"0123456f-89ab-cdef-0123-456789abcde",
        b"0123456f089ab-cdef-0123-456789abcdef",
        b" 123456f-89ab-cdef-0123-456789abcdef",
    ];
    for case in cases {
        assert!(
            Sid::parse(case).is_none(),
            "accepted {:?}",
            String::from_utf8_lossy(case)
        );
    }
}

#[test]
fn debug_shows_nothing() {
    let sid = Sid::parse(TEXT).unwrap();
    let shown = format!(
        "{sid:?} {:?} {:?}",
        sid.expose(),
        SessionKey::from_bytes([0x42; 32])
    );
    assert_eq!(shown, "Sid(..) SidText(..) SessionKey(..)");
}

proptest! {
    #[test]
    fn text_round_trips(bytes: [u8; 16]) {
        let sid = Sid::from_bytes(bytes);
        let text = sid.expose();
        prop_assert_eq!(text.as_str().len(), SID_TEXT_LEN);
        prop_assert!(Sid::parse(text.as_str().as_bytes()) == Some(sid));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_accepted_ones_are_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Some(sid) = Sid::parse(&bytes) {
            let text = sid.expose();
            prop_assert_eq!(text.as_str().as_bytes(), &bytes[..]);
        }
    }

    #[test]
    fn one_changed_byte_is_another_sid_or_none(at in 0_usize..36, byte: u8) {
        let mut text = TEXT.to_vec();
        prop_assume!(text[at] != byte);
        text[at] = byte;
        prop_assert!(Sid::parse(&text) != Sid::parse(TEXT));
    }
}
