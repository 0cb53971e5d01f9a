//! Sizes such as `"256MiB"`, always inside stated bounds.

use std::ops::RangeInclusive;

const UNITS: [(&str, u64); 5] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("", 1),
];

/// A parser of sizes inside `bounds`.
pub(super) fn within(bounds: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        let malformed = || {
            format!(
                "{text:?} is not a size: write a number of bytes such as 10_485_760, or \"10MiB\" with KiB, MiB, GiB or TiB"
            )
        };
        let (count, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .filter(|(count, _)| is_number(count))
            .ok_or_else(malformed)?;
        let bytes = count.parse::<u64>().ok();
        inside(bytes.and_then(|count| count.checked_mul(unit)), &bounds)
    }
}

/// `bytes`, if they lie inside `bounds`; `None` is more than any bound.
pub(super) fn inside(bytes: Option<u64>, bounds: &RangeInclusive<u64>) -> Result<u64, String> {
    bytes.filter(|bytes| bounds.contains(bytes)).ok_or_else(|| {
        let (least, most) = (show(*bounds.start()), show(*bounds.end()));
        format!("must be between {least} and {most}")
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The largest unit that says it exactly.
fn show(size: u64) -> String {
    let unit = UNITS
        .iter()
        .rfind(|(name, unit)| !name.is_empty() && size >= *unit && size.is_multiple_of(*unit));
    unit.map_or_else(
        || format!("{size}"),
        |(name, unit)| format!("{}{name}", size / unit),
    )
}
