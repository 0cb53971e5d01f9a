//! Where a running gateway is to be asked, as somebody writes it.

use http::Uri;

use super::running::At;

/// An address and what to ask for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunningUrl {
    pub(super) at: At,
    pub(super) target: String,
}

impl RunningUrl {
    /// Reads `http://127.0.0.1:3000/healthz` or `http://unix:/run/sidgate/http.sock:/healthz`. Without a path it is `usual`.
    pub(super) fn parse(text: &str, usual: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "not a URL such as http://127.0.0.1:9901{usual} or http://unix:/run/sidgate/http.sock:{usual}"
            )
        };
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (at, target) = match rest.strip_prefix("unix:") {
            Some(rest) => {
                let (socket, target) = rest.split_once(':').unwrap_or((rest, ""));
                let socket = Some(socket).filter(|socket| socket.starts_with('/'));
                (At::Unix(socket.ok_or_else(wrong)?.into()), target)
            }
            None => {
                let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (At::Tcp(with_port(host).ok_or_else(wrong)?), target)
            }
        };
        let target = match target {
            "" | "/" => usual,
            target => target,
        };
        let parsed = target.parse::<Uri>().ok();
        match parsed.filter(|_| target.starts_with('/')) {
            Some(_) => Ok(Self {
                at,
                target: target.to_owned(),
            }),
            None => Err(wrong()),
        }
    }
}

/// A host with its port, 80 if none is written.
fn with_port(authority: &str) -> Option<String> {
    let uri: Uri = format!("http://{authority}").parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    match uri.port_u16() {
        Some(port) if !authority.contains('@') => Some(format!("{host}:{port}")),
        None if authority == host => Some(format!("{host}:80")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_port_or_a_socket() {
        let tcp = |host: &str| At::Tcp(host.to_owned());
        let unix = || At::Unix("/run/sidgate/http.sock".into());
        for (text, at, target) in [
            ("http://127.0.0.1:9901", tcp("127.0.0.1:9901"), "/readyz"),
            ("http://127.0.0.1:9901/", tcp("127.0.0.1:9901"), "/readyz"),
            ("http://[::1]:1/healthz", tcp("[::1]:1"), "/healthz"),
            ("http://sidgate/livez", tcp("sidgate:80"), "/livez"),
            (
                "http://h:1/readyz?ignore=lease",
                tcp("h:1"),
                "/readyz?ignore=lease",
            ),
            (
                "http://unix:/run/sidgate/http.sock:/healthz",
                unix(),
                "/healthz",
            ),
            ("http://unix:/run/sidgate/http.sock", unix(), "/readyz"),
        ] {
            let target = target.to_owned();
            assert_eq!(
                RunningUrl::parse(text, "/readyz"),
                Ok(RunningUrl { at, target }),
                "{text}"
            );
        }
        for wrong in [
            "",
            "127.0.0.1:9901",
            "https://127.0.0.1:9901/readyz",
            "http://",
            "http:///readyz",
            "http://user@host:1/",
            "http://host:99999/",
            "http://host:1/a b",
            "http://unix:run.sock:/healthz",
            "http://unix:/run.sock:healthz",
            "unix:/run.sock",
        ] {
            assert!(RunningUrl::parse(wrong, "/readyz").is_err(), "{wrong}");
        }
    }
}
