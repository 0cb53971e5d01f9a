//! Why and how the process ends.

/// Why and how the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Stop {
    /// SIGTERM: requests get their answers.
    #[strum(serialize = "terminated")]
    Drain,
    /// SIGINT: at once.
    #[strum(serialize = "interrupted")]
    AtOnce,
    /// SIGQUIT or `sidgate upgrade`: another process has the listeners.
    Replaced,
}

impl Stop {
    /// As in the log.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}
