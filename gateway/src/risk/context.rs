//! Where a request comes from, as far as risk is concerned: a network and a kind of software.

use session_core::session::Text;

pub(crate) use crate::edge::client_ip::network;
use crate::endpoints::device_label::device_label;

/// The kind of software that sent `user_agent`, without its version: what an update does not change.
pub(crate) fn family(user_agent: &str) -> Text {
    device_label(user_agent).into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

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
