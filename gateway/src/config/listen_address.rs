//! Where to listen: an address and port, or a Unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::host::socket_addr;

/// Longest path of a Unix socket that the system takes, without its end mark.
const LONGEST_PATH: usize = 107;
/// Who may connect where `mode` does not say it: the user of the process, and its group.
const DEFAULT_MODE: u32 = 0o660;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address of this machine, and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(UnixAddress),
}

/// A Unix socket by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixAddress {
    /// The file; an absolute path.
    pub path: PathBuf,
    /// Who may connect, as permissions of the file.
    pub mode: u32,
}

impl ListenAddress {
    /// Reads `address:port`, or `unix:/path` with or without `?mode=0660`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(rest) => UnixAddress::parse(text, rest).map(Self::Unix),
            None if text.starts_with('/') => {
                Err(format!("{text:?} is a path; write \"unix:{text}\""))
            }
            None => socket_addr(text).map(Self::Tcp),
        }
    }

    /// The address and port, if it has one.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The Unix socket, if it is one.
    #[must_use]
    pub fn unix(&self) -> Option<&UnixAddress> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(socket) => Some(socket),
        }
    }

    /// Whether nobody beyond this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.tcp().is_none_or(|address| address.ip().is_loopback())
    }
}

impl UnixAddress {
    fn parse(text: &str, rest: &str) -> Result<Self, String> {
        let (path, mode) = match rest.split_once('?') {
            Some((path, setting)) => {
                let mode = setting.strip_prefix("mode=").and_then(mode);
                let mode = mode.ok_or_else(|| {
                    format!("{text:?}: what may follow \"?\" is a mode of 0600 to 0777 such as \"mode=0660\", with the owner's 6")
                })?;
                (path, mode)
            }
            None => (rest, DEFAULT_MODE),
        };
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let names = path.strip_prefix('/').unwrap_or_default();
        if names.is_empty() || !names.split('/').all(is_plain) || path.contains('\0') {
            return Err(format!(
                "{text:?}: write the absolute path of a socket, such as \"unix:/run/sidgate/http.sock\""
            ));
        }
        if path.len() > LONGEST_PATH {
            return Err(format!(
                "{text:?}: the path has {} bytes, and the system takes {LONGEST_PATH}",
                path.len()
            ));
        }
        Ok(Self {
            path: Path::new(path).to_owned(),
            mode,
        })
    }
}

/// Permissions in octal digits. Whoever owns the socket can use it.
fn mode(digits: &str) -> Option<u32> {
    let is_octal = digits.len() <= 4 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal)?;
    (mode & 0o600 == 0o600 && mode <= 0o777).then_some(mode)
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(socket) => socket.fmt(f),
        }
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.path.display())
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_sockets() {
        let tcp = ListenAddress::parse("127.0.0.1:80").unwrap();
        assert_eq!(tcp, ListenAddress::Tcp("127.0.0.1:80".parse().unwrap()));
        for (text, path, mode) in [
            ("unix:/run/a.sock", "/run/a.sock", 0o660),
            ("unix:/run/x/a.sock?mode=0600", "/run/x/a.sock", 0o600),
            ("unix:/a?mode=666", "/a", 0o666),
        ] {
            let parsed = ListenAddress::parse(text).unwrap();
            let path = PathBuf::from(path);
            assert_eq!(parsed, ListenAddress::Unix(UnixAddress { path, mode }));
            assert!(parsed.is_local() && parsed.tcp().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_neither() {
        for text in [
            "unix:",
            "unix:/",
            "unix:a.sock",
            "unix:/run/../a",
            "unix:/run//a",
            "unix:/run/a/",
            "unix:/run/a?mode=",
            "unix:/run/a?mode=0x1b0",
            "unix:/run/a?mode=+660",
            "unix:/run/a?mode=0440",
            "unix:/run/a?mode=1777",
            "unix:/run/a?mode=0660&x=1",
            "unix:/run/a?user=x",
            "/run/a.sock",
            "unix",
        ] {
            assert!(ListenAddress::parse(text).is_err(), "{text}");
        }
        let long = format!("unix:/{}", "a".repeat(LONGEST_PATH));
        assert!(ListenAddress::parse(&long).unwrap_err().contains("108"));
    }
}
