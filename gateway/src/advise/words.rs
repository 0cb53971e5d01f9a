//! Numbers as people write them.

use std::time::Duration;

/// `1,234,567`, without what follows the point.
pub(super) fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things that have been counted with integers.
pub(super) fn whole(number: usize) -> String {
    count(float(number))
}

/// `0.3`, `12`: two digits of what is small.
pub(super) fn rate(number: f64) -> String {
    match number {
        small if small > 0.0 && small < 0.1 => "less than 0.1".to_owned(),
        small if small < 10.0 => format!("{small:.1}"),
        _ => count(number),
    }
}

/// `12 %`.
pub(super) fn percent(part: f64, of: f64) -> String {
    let share = if of > 0.0 { part / of * 100.0 } else { 0.0 };
    match share {
        small if small > 0.0 && small < 0.1 => "less than 0.1 %".to_owned(),
        small if small < 10.0 => format!("{small:.1} %"),
        _ => format!("{share:.0} %"),
    }
}

/// `45 s`, `12 min`, `3.5 h`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        short if short < 120.0 => format!("{short:.0} s"),
        some if some < 7_200.0 => format!("{:.0} min", some / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// As a configuration has it: `90s`, `30m`.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{}ms", time.as_millis()),
        hours if hours.is_multiple_of(3_600) => format!("{}h", hours / 3_600),
        minutes if minutes.is_multiple_of(60) => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
}

/// `512 MiB`, `1.5 GiB`.
pub(super) fn bytes(bytes: f64) -> String {
    const MIB: f64 = 1_048_576.0;
    match bytes / MIB {
        mib if mib < 1.0 => format!("{:.0} KiB", bytes / 1_024.0),
        mib if mib < 1_024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1_024.0),
    }
}

/// As a configuration has it, in whole MiB.
pub(super) fn size(bytes: f64) -> String {
    format!("{:.0}MiB", (bytes / 1_048_576.0).ceil())
}

/// As a configuration has it: `12_000`.
pub(super) fn number(number: f64) -> String {
    count(number).replace(',', "_")
}

/// The next number above that has two digits and then zeros.
pub(super) fn round_up(number: f64) -> f64 {
    if number < 10.0 {
        return number.ceil();
    }
    let unit = 10_f64.powf(number.log10().floor() - 1.0);
    (number / unit).ceil() * unit
}

/// Counts are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
pub(super) fn float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(count(1_234_567.4), "1,234,567");
        assert_eq!(count(999.0), "999");
        assert_eq!(number(12_000.0), "12_000");
        assert_eq!(rate(0.0), "0.0");
        assert_eq!(rate(0.01), "less than 0.1");
        assert_eq!(rate(1_234.0), "1,234");
        assert_eq!(percent(1.0, 0.0), "0.0 %");
        assert_eq!(percent(79.0, 100.0), "79 %");
        assert_eq!(round_up(1_234.0), 1_300.0);
        assert_eq!(round_up(1_300.0), 1_300.0);
        assert_eq!(round_up(7.2), 8.0);
        assert_eq!(time(Duration::from_secs(90)), "90 s");
        assert_eq!(time(Duration::from_secs(600)), "10 min");
        assert_eq!(duration(Duration::from_secs(300)), "5m");
        assert_eq!(duration(Duration::from_millis(250)), "250ms");
        assert_eq!(size(268_435_456.0), "256MiB");
        assert_eq!(bytes(1_572_864_000.0), "1.5 GiB");
    }
}
