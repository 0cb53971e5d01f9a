use proptest::prelude::*;

use super::*;

fn folded(typed: &str) -> String {
    Account::new(typed).as_str().to_owned()
}

/// Each is taken for `alice.smith@x.test` by some database or by some way of comparing.
#[test]
fn every_spelling_is_one_account() {
    for typed in [
        "ALICE.SMITH@X.TEST",
        " alice.smith@x.test\t",
        "\u{a0}alice.smith@x.test\u{3000}",
        "al\u{131}ce.sm\u{131}th@x.test",
        "al\u{130}ce.\u{17f}mith@x.te\u{17f}t",
        "AL\u{130}CE.SM\u{130}TH@X.TEST",
        "\u{ff41}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}\u{ff0e}smith\u{ff20}x\u{ff0e}test",
        "\u{e1}l\u{ed}c\u{e9}.sm\u{ef}th@x.test",
        "a\u{301}\u{301}\u{302}lice.smith@x.test",
        "a\u{200b}l\u{ad}i\u{2060}ce.sm\u{fe0f}ith@x.test\u{feff}",
        "alice\u{0}.smith@x.test",
        "al\u{e0069}ice.smith@x.test",
        "alice.smith@x.te\u{fb06}",
        "alice.smith@x.test.",
        "alice.smith@x.test. ..",
        "\u{1d4b6}lice.smith@x.test",
        "\u{24d0}lice.smith@x.test",
    ] {
        assert_eq!(folded(typed), "alice.smith@x.test", "{typed:?}");
    }
}

#[test]
fn capitals_without_a_counterpart_fold_too() {
    for (one, other) in [
        ("k@x", "\u{212a}@x"),
        ("stra\u{df}e", "STRASSE"),
        ("STRA\u{1e9e}E", "strasse"),
        ("\u{3c9}", "\u{2126}"),
        (
            "\u{3bf}\u{3b4}\u{3cc}\u{3c2}",
            "\u{39f}\u{394}\u{39f}\u{3a3}",
        ),
        ("\u{1fb3}", "\u{391}\u{399}"),
        ("\u{e5}", "\u{212b}"),
    ] {
        assert_eq!(folded(one), folded(other), "{one} {other}");
    }
}

/// Letters that only look alike, vowel signs, and parts of a name are the account's own.
#[test]
fn other_names_are_other_accounts() {
    for (one, other) in [
        ("alice@x.test", "bob@x.test"),
        ("alice@x.test", "alice@x.test.example"),
        ("alice@x.test", "\u{430}lice@x.test"),
        ("alice+a@x.test", "alice@x.test"),
        ("a.lice@x.test", "alice@x.test"),
        ("al ice@x.test", "alice@x.test"),
        (".alice", "alice"),
        ("\u{930}\u{93e}\u{92e}", "\u{930}\u{92e}"),
        ("\u{e17}\u{e34}", "\u{e17}"),
    ] {
        assert_ne!(folded(one), folded(other), "{one} {other}");
    }
}

/// Whatever a database compares by, upper case or lower case, finds what is equal for it in one bucket.
#[test]
fn case_does_not_matter_for_any_character() {
    // Ideographs, Hangul and private use have no case, and are nine in ten of all characters.
    let without_case =
        |code: &u32| matches!(code, 0x3400..=0x9fff | 0xac00..=0xf8ff | 0x1_7000..=0x1_cfff);
    let codes = (0..0x2_0000).filter(|code| !without_case(code));
    for char in codes.filter_map(char::from_u32) {
        let here = folded(&format!("a{char}b"));
        assert_eq!(folded(&here), here, "once is enough {char:?}");
        let upper: String = char.to_uppercase().collect();
        let lower: String = char.to_lowercase().collect();
        for cased in [upper, lower] {
            if !cased.chars().eq([char]) {
                assert_eq!(folded(&format!("a{cased}b")), here, "{char:?} {cased:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn folding_twice_changes_nothing(typed in "\\PC*") {
        let once = folded(&typed);
        prop_assert_eq!(folded(&once), once);
    }

    #[test]
    fn case_and_form_do_not_matter(typed in "\\PC*") {
        let here = folded(&typed);
        prop_assert_eq!(folded(&typed.to_uppercase()), here.clone());
        prop_assert_eq!(folded(&typed.nfkc().collect::<String>()), here.clone());
        prop_assert_eq!(folded(&typed.nfd().collect::<String>()), here);
    }
}
