//! What an error means, in one sentence for whoever has to mend it.
//!
//! A driver's error says "error connecting to server" and has the reason some links below. [`cause`] walks the links and tells
//! the one that says why: what the operating system said, that a name does not resolve, what is wrong with a certificate.
//! The sentence is safe to show: it is one line of bounded length, and [`plain`] masks what could be a secret.

use std::error::Error;
use std::io;

mod mask;
mod os;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use self::mask::parameter;
pub use self::mask::plain;

/// Links of a chain that are looked at. Longer ones do not occur, but a chain could lead back to itself.
const LINKS: usize = 16;

/// Why it failed: the deepest link of the chain that is understood, or else what the last link says of itself.
///
/// An error that shows the URL it was made for must be stripped of it first (`reqwest::Error::without_url`): [`plain`] would
/// only mask it.
#[must_use]
pub fn cause(error: &(dyn Error + 'static)) -> String {
    Peer::default().cause(error)
}

/// The other side of a connection, as far as a cause should name it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    /// Where it is: `host:port`.
    pub address: Option<&'a str>,
    /// The key of the configuration that names authorities to trust, such as `store.ca`.
    pub authorities: Option<&'a str>,
    /// The key of the configuration that names our own certificate, such as `store.client_cert`.
    pub certificate: Option<&'a str>,
}

impl<'a> Peer<'a> {
    /// The peer at `host:port`.
    #[must_use]
    pub const fn at(address: &'a str) -> Self {
        Self {
            address: Some(address),
            authorities: None,
            certificate: None,
        }
    }

    /// [`cause`] of an error on the way to this peer.
    #[must_use]
    pub fn cause(&self, error: &(dyn Error + 'static)) -> String {
        let mut understood = None;
        let mut last = error;
        for _ in 0..LINKS {
            understood = self.words(last).or(understood);
            match next(last) {
                Some(link) => last = link,
                None => break,
            }
        }
        let words = understood.unwrap_or_else(|| self.located(&last.to_string()));
        plain(&words)
    }

    /// What this link of a chain says, if it says why.
    fn words(&self, link: &(dyn Error + 'static)) -> Option<String> {
        if let Some(error) = link.downcast_ref::<rustls::Error>() {
            return Some(tls::words(error, self));
        }
        if link.is::<tokio::time::error::Elapsed>() {
            return Some(self.located("no answer in time"));
        }
        os::words(link.downcast_ref()?, self)
    }

    /// `words`, and where that was.
    fn located(&self, words: &str) -> String {
        match self.address {
            Some(address) => format!("{words} ({address})"),
            None => words.to_owned(),
        }
    }

    /// The host alone.
    fn host(&self) -> Option<&'a str> {
        let address = self.address?;
        Some(address.rsplit_once(':').map_or(address, |(host, _)| host))
    }
}

/// The next link. An [`io::Error`] leaves out the error that it wraps when asked for its source.
fn next<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
