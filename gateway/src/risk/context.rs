//! Where a request comes from, as far as risk is concerned: a network and a kind of software.

use session_core::session::Text;
pub(crate) use sidgate_policy::edge::client_ip::network;

use crate::views::device_label::device_label;

/// What stands for every program that is not a known browser on a known system.
const SOME_PROGRAM: &str = "a program";

/// A family as rules compare it. Programs other than browsers choose their names freely, so all of them are one family.
pub(crate) fn compared(family: &str) -> &str {
    if family.contains(" on ") {
        family
    } else {
        SOME_PROGRAM
    }
}

/// The kind of software that sent `user_agent`, without its version: what an update does not change.
pub(crate) fn family(user_agent: &str) -> Text {
    device_label(user_agent).into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_one_family_whatever_they_call_themselves() {
        let compare = |user_agent: &str| compared(&family(user_agent)).to_owned();
        for made_up in [
            "prog1x/1",
            "prog2x/1",
            "curl/8.5.0",
            "",
            "<b>",
            "Mozilla/5.0",
        ] {
            assert_eq!(compare(made_up), SOME_PROGRAM, "{made_up}");
        }
        assert_eq!(compared("Chrome on macOS"), "Chrome on macOS");
    }

    #[test]
    fn an_update_is_the_same_family() {
        let chrome = |version| {
            format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
            )
        };
        assert_eq!(family(&chrome(142)), family(&chrome(143)));
        assert_ne!(family(&chrome(142)), family("curl/8"));
    }
}
