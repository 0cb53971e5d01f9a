//! The new process's side: takes the sockets of the old process, and tells it how that went.

use std::time::Duration;

use tracing::warn;

use super::line::{Heard, Line};
use super::{FAILED, FIRST_STEPS, GO, KEPT, OWN, SOCKETS, TAKEN, UpgradeFailed, WORD_LIMIT};
use crate::run::sockets::{Inherited, Socket};

/// The process whose place this one takes.
#[derive(Debug)]
pub(in crate::run) struct Predecessor(Line);

impl Predecessor {
    /// The process that has started this one.
    ///
    /// # Errors
    /// When that was somebody else.
    pub(in crate::run) fn on_stdin() -> Result<Self, UpgradeFailed> {
        Line::on_stdin()
            .map(Self)
            .map_err(|_error| UpgradeFailed::NoLine)
    }

    #[cfg(test)]
    pub(super) const fn over(line: Line) -> Self {
        Self(line)
    }

    /// Its listening sockets. Blocks, but it has sent them before this process ran.
    ///
    /// # Errors
    /// When it brings something else.
    pub(in crate::run) fn sockets(&self) -> Result<Vec<Inherited>, UpgradeFailed> {
        let (message, sockets) = match self.0.hear(WORD_LIMIT)? {
            Heard::Message(message, sockets) => (message, sockets),
            Heard::End => return Err(UpgradeFailed::Forsaken),
            Heard::Silence => return Err(UpgradeFailed::Late(WORD_LIMIT)),
        };
        let letters = message.strip_prefix(SOCKETS);
        let letters = letters.ok_or(UpgradeFailed::OtherWords)?;
        if letters.len() != sockets.len() || letters.iter().any(|l| ![OWN, KEPT].contains(l)) {
            return Err(UpgradeFailed::OtherWords);
        }
        let inherited = sockets.into_iter().zip(letters).map(|(socket, letter)| {
            Socket::listening(socket).map(|socket| Inherited {
                socket,
                is_kept: *letter == KEPT,
            })
        });
        let inherited: Option<Vec<_>> = inherited.collect();
        inherited
            .filter(|sockets| !sockets.is_empty())
            .ok_or(UpgradeFailed::NotListening)
    }

    /// Says that the sockets are in use, by this version.
    pub(in crate::run) fn say_taken(&self, version: &str) {
        self.say(&[TAKEN, version.as_bytes()].concat());
    }

    /// Says why this process ends.
    pub(in crate::run) fn say_failed(&self, cause: &str) {
        self.say(&[FAILED, cause.as_bytes()].concat());
    }

    fn say(&self, message: &[u8]) {
        if let Err(error) = self.0.say(message, &[]) {
            warn!(cause = %error, "the old process does not hear");
        }
    }

    /// Waits until this process is the one. Blocks.
    ///
    /// # Errors
    /// When the old process has ended first, or was told to.
    pub(in crate::run) fn wait_for_go(&self) -> Result<(), UpgradeFailed> {
        const LIMIT: Duration = FIRST_STEPS.saturating_add(WORD_LIMIT);

        match self.0.hear(LIMIT)? {
            Heard::Message(message, _) if message == GO => Ok(()),
            Heard::Message(..) => Err(UpgradeFailed::OtherWords),
            Heard::End => Err(UpgradeFailed::Forsaken),
            Heard::Silence => Err(UpgradeFailed::Late(LIMIT)),
        }
    }
}
