//! The servers of an app, as the file names them: by address or name, over TCP or a unix socket, in clear text or under TLS.

use std::fmt;
use std::path::{Path, PathBuf};

use super::super::host::{Host, HostPort};

/// Longest path of a unix socket, in bytes (`sun_path` of Linux, without its end).
const UNIX_PATH_MAX: usize = 107;

/// One server of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// Where it listens.
    pub address: ServerAddress,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its share of the requests, against that of the others.
    pub weight: u16,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerAddress {
    /// At every address of a host.
    Tcp(HostPort),
    /// At a unix socket.
    Unix(PathBuf),
    /// Where the SRV records of a name say (RFC 2782).
    Srv(String),
}

impl UpstreamServer {
    /// The weight of a server that states none.
    pub(super) const WEIGHT: u16 = 1;

    /// Reads `host:port`, `http://host:port`, `https://host:port`, `unix:/path`, or `srv:NAME` and `https+srv:NAME`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let of = |address, tls| Self {
            address,
            tls,
            weight: Self::WEIGHT,
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(of(ServerAddress::Unix(unix_path(text, path)?), false));
        }
        if text.starts_with('/') {
            return Err(format!("{text:?}: write \"unix:{text}\" for a unix socket"));
        }
        if let Some(name) = text.strip_prefix("srv:") {
            return Ok(of(ServerAddress::Srv(srv_name(text, name)?), false));
        }
        if let Some(name) = text.strip_prefix("https+srv:") {
            return Ok(of(ServerAddress::Srv(srv_name(text, name)?), true));
        }
        match text.split_once("://") {
            None => Ok(of(ServerAddress::Tcp(HostPort::parse(text)?), false)),
            Some(("http", rest)) => Ok(of(ServerAddress::Tcp(host_port(text, rest)?), false)),
            Some(("https", rest)) => Ok(of(ServerAddress::Tcp(host_port(text, rest)?), true)),
            Some((scheme, _)) => Err(format!(
                "{text:?}: {scheme:?} is none of \"http\", \"https\", \"unix:\" and \"srv:\""
            )),
        }
    }

    /// The same with another weight.
    pub(super) fn weighing(self, weight: u16) -> Self {
        Self { weight, ..self }
    }
}

impl UpstreamServer {
    /// Host and port, if it is named by them.
    #[must_use]
    pub fn host_port(&self) -> Option<&HostPort> {
        match &self.address {
            ServerAddress::Tcp(at) => Some(at),
            ServerAddress::Unix(_) | ServerAddress::Srv(_) => None,
        }
    }
}

impl fmt::Display for UpstreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, self.tls) {
            (ServerAddress::Tcp(at), false) => write!(f, "{at}"),
            (ServerAddress::Tcp(at), true) => write!(f, "https://{at}"),
            (ServerAddress::Unix(path), _) => write!(f, "unix:{}", path.display()),
            (ServerAddress::Srv(name), false) => write!(f, "srv:{name}"),
            (ServerAddress::Srv(name), true) => write!(f, "https+srv:{name}"),
        }
    }
}

/// What follows a scheme: nothing but host and port.
fn host_port(text: &str, rest: &str) -> Result<HostPort, String> {
    if rest.contains(['/', '?', '#', '@']) {
        return Err(format!(
            "{text:?}: a server is a scheme, a host and a port, and nothing more; paths are for [[routes]]"
        ));
    }
    HostPort::parse(rest).map_err(|why| why.replace(&format!("{rest:?}"), &format!("{text:?}")))
}

fn unix_path(text: &str, path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(format!(
            "{text:?}: write the whole path, such as \"unix:/run/gunicorn.sock\""
        ));
    }
    if text.contains('\0') {
        return Err(format!("{text:?}: a path has no NUL"));
    }
    if path.as_os_str().len() > UNIX_PATH_MAX {
        return Err(format!(
            "{text:?}: the path of a unix socket has at most {UNIX_PATH_MAX} bytes"
        ));
    }
    Ok(path.to_owned())
}

/// A name such as `_http._tcp.app.internal`, in lower case.
fn srv_name(text: &str, name: &str) -> Result<String, String> {
    let malformed = || format!("{text:?}: write a name such as \"srv:_http._tcp.app.internal\"");
    let mut labels = name.splitn(3, '.');
    let is_marked =
        |label: Option<&str>| label.is_some_and(|label| label.len() > 1 && label.starts_with('_'));
    let is_service = is_marked(labels.next()) && is_marked(labels.next());
    let host = labels.next().filter(|_| is_service).ok_or_else(malformed)?;
    let host = Host::parse(host).map_err(|_no_name| malformed())?;
    if host.ip().is_some() {
        return Err(malformed());
    }
    Ok(name.to_ascii_lowercase())
}
