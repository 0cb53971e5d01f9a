//! Sizes such as `"256MiB"`, always inside stated bounds.

use std::ops::RangeInclusive;

const UNITS: [(&str, u64); 4] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A parser of sizes inside `bounds`.
pub(super) fn within(bounds: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        let size = parse(text).ok_or_else(|| {
            format!("{text:?} is not a size such as \"256MiB\"; units are KiB, MiB, GiB and TiB")
        })?;
        if bounds.contains(&size) {
            Ok(size)
        } else {
            let (least, most) = (show(*bounds.start()), show(*bounds.end()));
            Err(format!("must be between {least} and {most}"))
        }
    }
}

/// The bytes of `text`.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (count, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    count
        .parse::<u64>()
        .ok()
        .filter(|_| is_number)?
        .checked_mul(unit)
}

fn show(size: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, unit)| size >= *unit);
    unit.map_or_else(
        || format!("{size} bytes"),
        |(name, unit)| format!("{}{name}", size / unit),
    )
}
