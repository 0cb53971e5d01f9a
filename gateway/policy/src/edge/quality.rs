//! How much is something wanted? The weights of `Accept` and its like (RFC 9110, 12.4.2), in thousandths.

/// As much as can be: `q=1`, or no weight at all.
pub const MOST: u16 = 1000;

/// A quality value; `None` when it is none.
#[must_use]
pub fn parse(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole {
        "1" => Some(MOST),
        "0" => format!("{fraction:0<3}").parse().ok(),
        _ => None,
    }
}

/// An item of a list such as `gzip;q=0.5`, and its weight; `None` where that makes no sense.
#[must_use]
pub fn weighted(item: &str) -> (&str, Option<u16>) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    (name, parts.next().map_or(Some(MOST), of_parameter))
}

fn of_parameter(parameter: &str) -> Option<u16> {
    let stated = parameter.strip_prefix("q=");
    parse(stated.or_else(|| parameter.strip_prefix("Q="))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_thousandths() {
        for (text, weight) in [
            ("q=1", Some(1000)),
            ("Q=1.000", Some(1000)),
            ("q=0", Some(0)),
            ("q=0.", Some(0)),
            ("q=0.5", Some(500)),
            ("q=0.123", Some(123)),
            ("q=0.1234", None),
            ("q=2", None),
            ("q=-1", None),
            ("q=", None),
            ("x=1", None),
            ("1", None),
        ] {
            assert_eq!(of_parameter(text), weight, "{text}");
        }
    }
}
