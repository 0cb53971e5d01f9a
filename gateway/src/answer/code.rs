//! The codes of problem documents: a closed set, each with the statuses that it comes with.

use crate::telemetry::outcome::Outcome;

/// The statuses of the problems with this code; empty where an outcome is never the code of a problem.
#[must_use]
pub(super) const fn statuses(code: Outcome) -> &'static [u16] {
    use Outcome as O;
    match code {
        O::BadRequest | O::Headers | O::InvalidRequest | O::Target => &[400],
        O::Cookies => &[400, 431],
        O::InvalidCredentials
        | O::LegacyRefused
        | O::MfaRequired
        | O::SessionEvicted
        | O::TokenRequired
        | O::Unauthenticated => &[401],
        O::ReauthenticationRequired => &[401, 403],
        O::AccountDisabled
        | O::CrossSite
        | O::Forbidden
        | O::HandoverRefused
        | O::HttpsRequired
        | O::OriginNotAllowed
        | O::WrongTenant => &[403],
        O::NotFound => &[404],
        O::MethodNotAllowed => &[405],
        O::RequestTimeout => &[408],
        O::SessionLimit => &[409],
        O::TooLarge => &[413],
        O::UriTooLong => &[414],
        O::UnsupportedMediaType => &[415],
        O::HostUnknown => &[421],
        O::Locked | O::TooManyRequests => &[429],
        O::TooManyStreams => &[429, 503],
        O::HeadersTooLarge => &[431],
        O::InternalError => &[500],
        O::NotImplemented => &[501],
        O::BadGateway => &[502],
        O::Maintenance | O::Overloaded | O::Unavailable => &[503],
        O::GatewayTimeout => &[504],
        O::Version => &[505],
        O::LoopDetected => &[508],
        O::Aborted
        | O::Acme
        | O::Active
        | O::Admin
        | O::Anonymous
        | O::BrokenOff
        | O::Cut
        | O::Dashboard
        | O::DeviceEnded
        | O::Devices
        | O::DevicesEnded
        | O::EventDone
        | O::EventNotCommitted
        | O::Events
        | O::Handover
        | O::Health
        | O::HttpsRedirect
        | O::Login
        | O::LoginRedirect
        | O::Logout
        | O::Migrated
        | O::None
        | O::OpenApi
        | O::Preflight
        | O::Redirect
        | O::Unknown => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sidgate_policy::edge::{Breach, Refused};
    use strum::VariantArray as _;

    use super::*;
    use crate::answer::Answer;
    use crate::endpoints::OPENAPI;

    fn known() -> BTreeMap<&'static str, Vec<u16>> {
        Outcome::VARIANTS
            .iter()
            .map(|code| (code.into_str(), statuses(*code).to_vec()))
            .filter(|(_, statuses)| !statuses.is_empty())
            .collect()
    }

    #[test]
    fn the_document_of_the_endpoints_has_every_code_with_its_statuses() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let documented: BTreeMap<_, _> = document["x-codes"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(code, row)| {
                let statuses = serde_json::from_value(row["status"].clone()).unwrap();
                (code.as_str(), statuses)
            })
            .collect();
        assert_eq!(documented, known());
    }

    #[test]
    fn every_code_stands_among_those_that_a_page_explains() {
        let page = include_str!("../../../docs/troubleshooting.md");
        let (_, section) = page.split_once("## By code").unwrap();
        for code in known().keys() {
            assert!(section.contains(&format!("`{code}`")), "{code}");
        }
    }

    #[test]
    fn rules_of_the_edge_keep_to_the_set() {
        for rule in Refused::VARIANTS {
            let answer = Answer::refused(&Breach {
                rule: *rule,
                field: None,
            });
            let statuses = statuses(answer.outcome);
            assert!(statuses.contains(&answer.status), "{rule:?}");
        }
    }
}
