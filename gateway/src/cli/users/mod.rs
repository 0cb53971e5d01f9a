//! `sidgate users`: what is held of one person, for those who answer such questions.

mod erase;
mod export;
mod found;

use clap::Subcommand;

use crate::run::wiring::WiringError;

#[derive(Subcommand)]
pub(super) enum Users {
    /// Print everything that the store holds of a user, as one JSON document. It holds no sid, key or digest.
    Export(export::Export),
    /// End all sessions of a user, then remove what the store holds of them, and print what was done and what has to stay.
    ///
    /// A user is whoever has the id, in whichever tenant. What has to stay, so that no ended session and no old login comes back,
    /// is in the receipt with its end.
    Erase(erase::Erase),
}

impl Users {
    pub(super) fn run(self) -> Result<(), WiringError> {
        match self {
            Self::Export(export) => export.run(),
            Self::Erase(erase) => erase.run(),
        }
    }
}
