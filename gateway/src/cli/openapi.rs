//! `sidgate openapi`: what the listeners answer, for those who write clients.

use clap::{Args, ValueEnum};

use super::say;
use crate::run::wiring::WiringError;
use crate::{admin, authz, endpoints};

/// Print the OpenAPI 3.1 document of a listener.
#[derive(Args)]
pub(super) struct OpenApi {
    /// Which one.
    listener: Listener,
}

/// Whose document it is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Listener {
    /// What browsers call, below endpoints.base_path. Also every code of an error.
    Public,
    /// The admin API, at server.admin_listen.
    Admin,
    /// What edges ask, at authz.listen.
    Authz,
}

impl OpenApi {
    pub(super) fn run(&self) -> Result<(), WiringError> {
        let document = match self.listener {
            Listener::Public => endpoints::OPENAPI,
            Listener::Admin => admin::OPENAPI,
            Listener::Authz => authz::OPENAPI,
        };
        say(document.trim_end())
    }
}
