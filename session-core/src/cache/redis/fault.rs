//! What an error of fred means, in words.
//!
//! fred keeps errors of the system and of the TLS library as the text that is meant for programmers. So what can be recognised
//! in it is made an error again, and told as everywhere else.

use std::io;

use fred::error::{Error, ErrorKind};
use fred::types::config::Server;
use rustls::{AlertDescription, InvalidMessage};

use crate::cause::{Peer, plain};
use crate::trust::Refusal;

/// How the standard library begins when a name does not resolve.
const NO_ADDRESS: &str = "failed to lookup address information: ";
/// What Redis says to whoever shows no password.
const NO_AUTH: &str = "NOAUTH";
/// What fred says when no sentinel would do, whatever the reason.
const NO_SENTINEL: &str = "Failed to connect to all sentinel nodes";

/// What fred says when the sentinels do not know the service.
const NO_SERVICE: &str = "Missing primary address";

/// The servers that a client speaks to, for its causes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    servers: Vec<Server>,
    /// All of them, as text.
    text: String,
    refusal: Refusal,
}

impl Place {
    /// `refusal`: what certificates of these servers are refused for.
    pub(super) fn new(servers: Vec<Server>, refusal: Refusal) -> Self {
        /// Servers that are named.
        const NAMED: usize = 3;
        let mut names: Vec<String> = servers.iter().take(NAMED).map(address).collect();
        if servers.len() > NAMED {
            names.push("..".to_owned());
        }
        Self {
            text: names.join(", "),
            servers,
            refusal,
        }
    }

    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// All servers, as text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a certificate was refused, and nobody was told yet.
    pub(super) fn has_refused(&self) -> bool {
        self.refusal.is_there()
    }

    /// Why it failed. A server's own words are its whole answer; it quotes no values.
    pub(super) fn cause(&self, error: &Error) -> String {
        let details = error.details();
        if details.starts_with(NO_AUTH) {
            return format!(
                "{}: give a password in cache.redis_url or cache.password",
                plain(details).trim_end_matches('.')
            );
        }
        if details.starts_with(NO_SERVICE) {
            return format!(
                "the sentinels know no service of that sentinelServiceName ({})",
                self.text
            );
        }
        let refused = self.refusal.take();
        if let Some(refused) = refused
            && (details.contains("InvalidCertificate(") || is_vague(error))
        {
            return self.peer().cause(&refused);
        }
        match understood(details) {
            Some(Understood::System(error)) => self.peer().cause(&error),
            Some(Understood::Tls(error)) => self.peer().cause(&error),
            None if *error.kind() == ErrorKind::Timeout => {
                format!("no answer in time ({})", self.text)
            }
            None => plain(details).trim_end_matches('.').to_owned(),
        }
    }

    fn peer(&self) -> Peer<'_> {
        Peer {
            address: Some(&self.text),
            authorities: Some("cache.ca"),
            certificate: Some("cache.client_cert"),
        }
    }
}

/// Whether the reason is lost: fred tries one sentinel after the other and keeps no error.
pub(super) fn is_vague(error: &Error) -> bool {
    error.details().starts_with(NO_SENTINEL)
}

/// Whether the server answers and takes no new values.
pub(super) fn takes_no_values(error: &Error) -> bool {
    // Out of memory; the last snapshot failed; too few replicas.
    const SAID: [&str; 3] = ["OOM ", "MISCONF ", "NOREPLICAS "];
    SAID.iter().any(|said| error.details().starts_with(said))
}

/// `host:port`
pub(super) fn address(server: &Server) -> String {
    format!("{}:{}", server.host, server.port)
}

/// What a text for programmers was made of.
enum Understood {
    System(io::Error),
    Tls(rustls::Error),
}

fn understood(details: &str) -> Option<Understood> {
    let after = |mark: &str| details.split_once(mark).map(|(_, rest)| rest);
    if let Some(code) = after("Os { code: ") {
        let code = code.split(',').next()?.trim().parse().ok()?;
        return Some(Understood::System(io::Error::from_raw_os_error(code)));
    }
    if let Some(why) = after(NO_ADDRESS) {
        let why = why.split('"').next().unwrap_or_default();
        return Some(Understood::System(io::Error::other(format!(
            "{NO_ADDRESS}{why}"
        ))));
    }
    if let Some(alert) = after("AlertReceived(") {
        let alert = alert_of(alert.split(')').next().unwrap_or_default());
        return Some(Understood::Tls(rustls::Error::AlertReceived(alert)));
    }
    if details.contains("InvalidContentType") {
        let error = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        return Some(Understood::Tls(error));
    }
    if details.contains("UnexpectedEof") {
        return Some(Understood::System(io::ErrorKind::UnexpectedEof.into()));
    }
    None
}

fn alert_of(name: &str) -> AlertDescription {
    const ALERTS: [AlertDescription; 11] = [
        AlertDescription::HandshakeFailure,
        AlertDescription::BadCertificate,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::CertificateRevoked,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnknownCA,
        AlertDescription::AccessDenied,
        AlertDescription::ProtocolVersion,
        AlertDescription::CertificateRequired,
        AlertDescription::UnrecognisedName,
    ];
    let found = ALERTS.iter().find(|alert| format!("{alert:?}") == name);
    found.copied().unwrap_or(AlertDescription::InternalError)
}

#[cfg(test)]
mod tests;
