//! The ways to the app.

use std::net::SocketAddr;
use std::path::Path;

use sidgate_testkit::front::{Front, Tls};

/// How the app is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Tcp,
    Unix,
    Tls,
    Http2,
}

impl To {
    pub(super) fn front(self, folder: &Path, app: SocketAddr) -> Option<Front> {
        Some(match self {
            Self::Tcp => return None,
            Self::Unix => Front::unix(&folder.join("app.sock"), app),
            Self::Tls => Front::tls(Tls::default(), app),
            Self::Http2 => Front::http2(None, app),
        })
    }
}
