//! A share of a whole.

/// A share of a whole, to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    millionths: u32,
}

impl Ratio {
    /// One in a hundred.
    pub const HUNDREDTH: Self = Self { millionths: 10_000 };

    /// # Errors
    /// When the text is no number between 0 and 1.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let number = text.parse::<f64>().ok();
        let share = number.filter(|share| (0.0..=1.0).contains(share));
        // Rounded as it is written, because a number that is cast may be cut.
        let millionths = share.and_then(|share| format!("{:.0}", share * 1e6).parse().ok());
        let millionths = millionths.ok_or("must be a number between 0 and 1")?;
        if millionths == 0 && share != Some(0.0) {
            return Err("is less than one in a million: write 0 for none".to_owned());
        }
        Ok(Self { millionths })
    }

    /// Whether a value that is one of 2^56 equally likely ones belongs to this share. A value that belongs to a share belongs
    /// to every larger one.
    #[must_use]
    pub const fn holds(self, value: u64) -> bool {
        const ALL: u128 = 1 << 56;
        let from_the_top = ALL - (value as u128 & (ALL - 1));
        from_the_top * 1_000_000 <= self.millionths as u128 * ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(text: &str) -> Ratio {
        Ratio::parse(text).expect(text)
    }

    #[test]
    fn a_share_is_a_number_between_nothing_and_all() {
        assert_eq!(ratio("0.01"), Ratio::HUNDREDTH);
        assert_eq!(ratio("1e-2"), Ratio::HUNDREDTH);
        assert_eq!(ratio("1"), ratio("1.0"));
        for bad in ["", "-0.1", "1.000001", "nan", "inf", "1%", "0.0000001"] {
            assert!(Ratio::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn so_many_values_belong_to_a_share() {
        const LAST: u64 = (1 << 56) - 1;
        for value in [0, 1, LAST / 2, LAST] {
            assert!(!ratio("0").holds(value), "{value} of nothing");
            assert!(ratio("1").holds(value), "{value} of all");
        }
        for (share, wanted) in [("0.5", 50_000), ("0.01", 1_000), ("0.25", 25_000)] {
            let step = LAST / 100_000;
            let held = (0..100_000)
                .filter(|at| ratio(share).holds(at * step))
                .count();
            assert!(held.abs_diff(wanted) <= 1, "{held} for {share}");
        }
    }
}
