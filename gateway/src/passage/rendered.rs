//! Why a request is not served becomes an answer.

use pingora_http::RequestHeader;

use super::{Answerer, Record};
use crate::answer::{Answer, Rejection};
use crate::decision::missing;

/// The answer to a request that is not served. Where a route requires a session, the route decides it.
pub(crate) fn rendered(why: Rejection, head: &RequestHeader, record: &Record) -> Answer {
    let at = (
        &*record.settings,
        record.settings.site(record.site.unwrap_or_default()),
    );
    match (why, &record.answerer) {
        (Rejection::NoSession(why), Answerer::Route(route)) => {
            let asked = (head.method.as_str(), head.raw_path());
            missing::on_route(at, route, asked, &head.headers, why)
        }
        (Rejection::Unmet(why), Answerer::Route(route)) => {
            let asked = (head.method.as_str(), head.raw_path());
            missing::unmet(at, route, asked, &head.headers, why)
        }
        (why, _) => why.into(),
    }
}
