//! Who is served when there is too much to do: those who lose most by waiting.
//!
//! Health has a listener and a runtime of its own and is not counted here. Of the rest, the share of
//! `edge.max_requests` up to which each kind is served grows with what it is worth: people leaving, then people who are
//! logged in and cost no read, then people whose session has to be read, then people who are about to get one from an old
//! login, then everybody else.

/// What a request is, as far as can be told without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Kind {
    /// A logout. Whoever wants to leave must be able to.
    Leaving,
    /// A session that is at hand.
    Known,
    /// A genuine sid that has to be looked up.
    ToRead,
    /// No session, but a login of the old system, for which the backend has to be asked.
    Migrating,
    /// No sid, or a forged one. A login is of this kind.
    Anonymous,
}

impl Kind {
    /// Hundredths of the limit up to which requests of this kind are served. Leaving may go beyond it.
    const fn hundredths(self) -> usize {
        match self {
            Self::Leaving => 120,
            Self::Known => 100,
            Self::ToRead => 90,
            Self::Migrating => 85,
            Self::Anonymous => 80,
        }
    }
}

/// Whether requests of every kind are served at this load. Asked first, because it is nearly always true.
#[must_use]
pub(crate) const fn is_calm(in_flight: usize, max: usize) -> bool {
    in_flight.saturating_mul(100) <= max.saturating_mul(Kind::Anonymous.hundredths())
}

/// Whether a request of this kind is served. `in_flight` counts it already.
#[must_use]
pub(crate) const fn admits(kind: Kind, in_flight: usize, max: usize) -> bool {
    in_flight.saturating_mul(100) <= max.saturating_mul(kind.hundredths())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_lose_most_are_served_longest() {
        let kinds = [
            Kind::Leaving,
            Kind::Known,
            Kind::ToRead,
            Kind::Migrating,
            Kind::Anonymous,
        ];
        for in_flight in 0..200 {
            let served = kinds.map(|kind| admits(kind, in_flight, 100));
            assert!(
                served.is_sorted_by(|more, less| more >= less),
                "{in_flight}: {served:?}"
            );
            assert_eq!(is_calm(in_flight, 100), served.iter().all(|served| *served));
        }
        assert!(admits(Kind::Anonymous, 80, 100) && !admits(Kind::Anonymous, 81, 100));
        assert!(admits(Kind::Migrating, 85, 100) && !admits(Kind::Migrating, 86, 100));
        assert!(admits(Kind::ToRead, 90, 100) && !admits(Kind::ToRead, 91, 100));
        assert!(admits(Kind::Known, 100, 100) && !admits(Kind::Known, 101, 100));
        assert!(admits(Kind::Leaving, 120, 100) && !admits(Kind::Leaving, 121, 100));
    }
}
