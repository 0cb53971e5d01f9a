//! The request of an ordinary browser, and a configuration that it meets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use sidgate::config::Config;
use sidgate_benches::{Fault, browser_headers};
use sidgate_policy::edge::RawRequest;
use tempfile::TempDir;

/// What it asks for.
pub(crate) const TARGET: &str = "/reports/2026/11?page=2&sort=-created_at";

/// Twenty routes: more than most, and the last that matches is the one that is looked for.
///
/// # Errors
/// When there is no place for its files.
pub(crate) fn configuration() -> Result<Config, Fault> {
    let folder = TempDir::new()?;
    let key = folder.path().join("master.key");
    fs::write(&key, "q83vEjRWeJq83u/+3LqYdlQyEP7cuph2VDIQ/ty6mHY=")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let mut text = String::from(
        "[server]\npublic_origin = \"https://app.example.com\"\n[backend]\nupstream = \"app\"\n\
         [upstreams.app]\nservers = [\"127.0.0.1:8000\"]\n\
         [identity.headers]\n\"X-Session-Email\" = \"user.email\"\n\
         [[routes]]\npath = \"/\"\nupstream = \"app\"\nsession = \"optional\"\n",
    );
    for number in 1..20 {
        text.push_str(&format!(
            "[[routes]]\npath = \"/part-{number}/\"\nupstream = \"app\"\n"
        ));
    }
    let path = folder.path().join("sidgate.toml");
    fs::write(&path, text)?;
    Ok(Config::load(&path, &|_| None)?)
}

/// A request as it came.
pub(crate) struct Received {
    headers: HeaderMap,
    head: Vec<u8>,
}

impl Received {
    /// What a browser sends.
    ///
    /// # Errors
    /// When a field is none.
    pub(crate) fn new() -> Result<Self, Fault> {
        let mut headers = HeaderMap::new();
        let mut head = format!("GET {TARGET} HTTP/1.1\r\n").into_bytes();
        for (name, value) in browser_headers() {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        Ok(Self { headers, head })
    }

    /// As the rules of the edge see it.
    pub(crate) fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            version: http::Version::HTTP_11,
            method: "GET",
            target: TARGET.as_bytes(),
            authority: None,
            headers: &self.headers,
            raw_head: Some(&self.head),
            from_trusted_proxy: false,
        }
    }
}
