//! Which coding does a client like best? `Accept-Encoding` (RFC 9110, 12.5.3).

use http::HeaderValue;
use http::header::GetAll;
use sidgate_policy::edge::quality;

use crate::config::Coding;

/// More codings than there are; a bound on the work that a request can cause.
const MAX_CODINGS: usize = 32;

/// The one of `ours`, which has the best first, that the client wants most. `None`: it wants none of them, or has said
/// nothing, or likes the answer better as it is.
pub(super) fn best(fields: GetAll<'_, HeaderValue>, ours: &[Coding]) -> Option<Coding> {
    let fields = fields.iter().filter_map(|value| value.to_str().ok());
    let said: Vec<_> = fields
        .flat_map(|value| value.split(','))
        .take(MAX_CODINGS)
        .filter_map(weighted)
        .collect();
    let weight_of = |names: &[&str]| {
        let named =
            |(name, _): &&(&str, u16)| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        said.iter().find(named).map(|(_, weight)| *weight)
    };
    let plain = weight_of(&["identity"]).unwrap_or(0);
    let any = weight_of(&["*"]);
    let weights = ours.iter().map(|coding| {
        let weight = match coding {
            Coding::Gzip => weight_of(&["gzip", "x-gzip"]),
            Coding::Brotli => weight_of(&["br"]),
            Coding::Zstd => weight_of(&["zstd"]),
        };
        (*coding, weight.or(any).unwrap_or(0))
    });
    // Of equal weights the first is better, so the last one that is more wins from behind.
    let (coding, weight) = weights.rev().max_by_key(|(_, weight)| *weight)?;
    (weight > 0 && weight >= plain).then_some(coding)
}

/// A coding with its weight in thousandths. One whose weight makes no sense is not wanted.
fn weighted(text: &str) -> Option<(&str, u16)> {
    let (name, weight) = quality::weighted(text);
    (!name.is_empty()).then(|| (name, weight.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::ACCEPT_ENCODING;

    use super::*;

    const OURS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

    fn chosen(values: &[&'static str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        best(headers.get_all(ACCEPT_ENCODING), &OURS)
    }

    #[test]
    fn the_best_of_ours_that_is_wanted_most() {
        for (value, coding) in [
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br", Some(Coding::Brotli)),
            ("x-gzip", Some(Coding::Gzip)),
            ("GZIP;Q=0.5", Some(Coding::Gzip)),
            ("gzip;q=1.0, br;q=0.9", Some(Coding::Gzip)),
            ("gzip ; q=0.001", Some(Coding::Gzip)),
            ("*", Some(Coding::Zstd)),
            ("*;q=0.1, zstd;q=0", Some(Coding::Brotli)),
            ("gzip, identity;q=0", Some(Coding::Gzip)),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000, *;q=0", None),
            ("gzip;q=2", None),
            ("gzip;q=0.5555", None),
            ("identity", None),
            ("deflate, compress", None),
            ("", None),
        ] {
            assert_eq!(chosen(&[value]), coding, "{value}");
        }
        assert_eq!(chosen(&[]), None, "who says nothing gets it as it is");
        assert_eq!(chosen(&["gzip;q=0.2", "br;q=0.3"]), Some(Coding::Brotli));
    }
}
