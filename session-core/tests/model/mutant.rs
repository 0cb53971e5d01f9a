//! Mistakes: each leaves out one rule of the protocol, and the invariants must notice.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// The usual design: delete the key, publish a message, and let a time to live do the rest.
    DeleteAndPublish,
    /// The lease counts from when the heartbeat was answered.
    LeaseFromReceipt,
    /// The lease is extended before the events of the heartbeat are applied.
    LeaseBeforeEvents,
    /// The lease is extended although the answer did not reach the head.
    LeaseBehindHead,
    /// A heartbeat that failed extends the lease like one that did not.
    LeaseOnError,
    /// A push message extends the lease.
    HintExtendsLease,
    /// A push message counts as applied.
    HintAdvances,
    /// What the shared cache answers is believed without asking the window.
    SharedUnchecked,
    /// What the store answered is installed without comparing its number with the events known by then.
    InstallUnchecked,
    /// An entry is checked when it is installed and never again.
    UseUnchecked,
    /// Applying an event does not disturb entries that were checked before.
    ApplyWithoutTick,
    /// Values older than the window are accepted.
    InstallBeforeWindow,
    /// Entries that were last checked before the window began are believed.
    UseBeforeWindow,
    /// A window that was loaded afresh claims to know all of the past.
    ResetFromZero,
    /// Numbers of different incarnations are compared.
    InstallAcrossIncarnations,
    /// Entries of the window's previous epoch are believed.
    UseAcrossEpochs,
    /// Missing events are not noticed.
    GapUnseen,
    /// A fail-over that loses events goes on under the same incarnation, and gives numbers a second time.
    LossUntold,
    /// Another incarnation is not noticed.
    IncarnationUnseen,
    /// A failed read is remembered as "no such session".
    ErrorIsAbsence,
}
