//! The parameters behind the `?`: which go to the driver, which are ours, and what to write instead of the others.

use percent_encoding::percent_decode_str;
use strsim::levenshtein;
use zeroize::Zeroizing;

use crate::cause::parameter;

/// Files that libpq's TLS parameters name, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// `sslrootcert`. The word `system` is none: the system's authorities always count.
    pub authorities: Option<String>,
    /// `sslcert`
    pub certificate: Option<String>,
    /// `sslkey`
    pub key: Option<String>,
}

/// Those that the driver understands and that may be set.
const FOR_THE_DRIVER: [&str; 14] = [
    "application_name",
    "channel_binding",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "user",
];

/// Those that are read here.
const OURS: [&str; 6] = [
    "keepalives_count",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
];

/// Of a few words, those that each parameter may have.
const WORDS: [(&str, &[&str]); 4] = [
    ("channel_binding", &["disable", "prefer", "require"]),
    ("load_balance_hosts", &["disable", "random"]),
    ("sslnegotiation", &["postgres", "direct"]),
    ("keepalives", &["0", "1"]),
];

/// Those of libpq that say what is so anyway.
const IDLE: [(&str, &[&str]); 5] = [
    ("target_session_attrs", &["read-write", "primary"]),
    ("gssencmode", &["disable"]),
    ("sslcompression", &["0"]),
    ("sslsni", &["1"]),
    (
        "client_encoding",
        &["utf8", "UTF8", "utf-8", "UTF-8", "auto"],
    ),
];

/// What to do about the others that are known elsewhere.
const INSTEAD: [(&str, &str); 36] = [
    (
        "target_session_attrs",
        "leave it out: a server that takes writes is always asked for",
    ),
    (
        "gssencmode",
        "GSS encryption is not supported; leave it out",
    ),
    ("sslcompression", "TLS is never compressed; leave it out"),
    ("sslsni", "the name is always sent; leave it out"),
    (
        "client_encoding",
        "the encoding is always UTF-8; leave it out",
    ),
    ("connect_timeout", "set store.connect_timeout"),
    (
        "tcp_user_timeout",
        "leave it out: a silent peer counts as gone after 5 s",
    ),
    (
        "passfile",
        "set store.password = \"file:..\", which holds the password alone",
    ),
    ("service", "write host, port and database into the URL"),
    ("servicefile", "write host, port and database into the URL"),
    (
        "sslpassword",
        "decrypt the key (openssl pkey) and leave it out",
    ),
    ("sslcrl", "revocation lists are not read; leave it out"),
    ("sslcrldir", "revocation lists are not read; leave it out"),
    (
        "sslcertmode",
        "a certificate is shown if sslcert names one; leave it out",
    ),
    (
        "ssl_min_protocol_version",
        "TLS 1.2 and 1.3 are spoken, and nothing older; leave it out",
    ),
    (
        "ssl_max_protocol_version",
        "TLS 1.2 and 1.3 are spoken; leave it out",
    ),
    ("requiressl", "write sslmode=require"),
    ("ssl", "write sslmode=require"),
    (
        "sslfactory",
        "write sslmode=require; authorities of your own go into store.ca",
    ),
    ("tls", "write sslmode=require"),
    (
        "sslaccept",
        "certificates are always verified; authorities of your own go into store.ca",
    ),
    ("fallback_application_name", "write application_name"),
    (
        "require_auth",
        "leave it out, or write channel_binding=require",
    ),
    ("requirepeer", "it is not supported; leave it out"),
    ("krbsrvname", "Kerberos is not supported; leave it out"),
    ("gsslib", "Kerberos is not supported; leave it out"),
    ("gssdelegation", "Kerberos is not supported; leave it out"),
    ("replication", "leave it out"),
    ("keepalives_retries", "write keepalives_count"),
    ("schema", "write options=-c%20search_path=NAME"),
    ("currentSchema", "write options=-c%20search_path=NAME"),
    ("search_path", "write options=-c%20search_path=NAME"),
    ("statement_timeout", "set store.write_timeout"),
    ("pool_size", "set store.max_connections"),
    ("connection_limit", "set store.max_connections"),
    ("pool_timeout", "set store.acquire_timeout"),
];

/// Names that differ in more letters are not meant.
const NEAR: usize = 2;

/// The query for the driver, and the files that it names for us.
pub(super) fn sorted(query: &str) -> Result<(Zeroizing<String>, TlsFiles), String> {
    let mut driver = Zeroizing::new(String::new());
    let mut files = TlsFiles::default();
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or("a parameter behind the ? has no \"=\"")?;
        if seen.contains(&name) {
            return Err(format!("the parameter {} is there twice", parameter(name)));
        }
        seen.push(name);
        let for_driver = match name {
            "sslmode" => Some(("sslmode", mode(value)?)),
            "keepalives_count" => Some(("keepalives_retries", value)),
            "sslrootcert" if value == "system" => None,
            "sslrootcert" | "sslcert" | "sslkey" => {
                *files.slot(name) = Some(path(name, value)?);
                None
            }
            _ => judged(name, value)?.then_some((name, value)),
        };
        if let Some((name, value)) = for_driver {
            if !driver.is_empty() {
                driver.push('&');
            }
            driver.push_str(name);
            driver.push('=');
            driver.push_str(value);
        }
    }
    Ok((driver, files))
}

impl TlsFiles {
    fn slot(&mut self, name: &str) -> &mut Option<String> {
        match name {
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            _ => &mut self.authorities,
        }
    }
}

/// The driver's word for a mode. It verifies chain and name whenever it uses TLS.
fn mode(value: &str) -> Result<&str, String> {
    match value {
        "disable" | "prefer" | "require" => Ok(value),
        "verify-ca" | "verify-full" => Ok("require"),
        "allow" => Err("sslmode=allow would try without TLS first; write prefer or require".to_owned()),
        _ => Err(
            "sslmode is not one of disable, prefer, require, verify-ca, verify-full; whenever TLS is used, the server's certificate and its name are verified"
                .to_owned(),
        ),
    }
}

fn path(name: &str, value: &str) -> Result<String, String> {
    let path = percent_decode_str(value).decode_utf8_lossy().into_owned();
    if path.is_empty() {
        return Err(format!("{name} names no file"));
    }
    Ok(path)
}

/// Whether the driver is to get it. An error says what to do instead.
fn judged(name: &str, value: &str) -> Result<bool, String> {
    let of = |table: &[(&str, &'static [&'static str])]| {
        let found = table.iter().find(|(known, _)| *known == name);
        found.map(|(_, words)| *words)
    };
    if of(&IDLE).is_some_and(|words| words.contains(&value)) {
        return Ok(false);
    }
    if let Some(words) = of(&WORDS)
        && !words.contains(&value)
    {
        return Err(format!("{name} is not one of {}", words.join(", ")));
    }
    if FOR_THE_DRIVER.contains(&name) {
        return Ok(true);
    }
    let instead = INSTEAD.iter().find(|(known, _)| *known == name);
    Err(match (instead, nearest(name)) {
        (Some((_, what)), _) => format!("the parameter {name} has no place here: {what}"),
        (None, Some(meant)) => format!(
            "the parameter {} is unknown; did you mean {meant}?",
            parameter(name)
        ),
        (None, None) => format!(
            "the parameter {} is unknown; known are {}",
            parameter(name),
            known().collect::<Vec<_>>().join(", ")
        ),
    })
}

fn known() -> impl Iterator<Item = &'static str> {
    FOR_THE_DRIVER.into_iter().chain(OURS)
}

fn nearest(name: &str) -> Option<&'static str> {
    known()
        .map(|known| (levenshtein(name, known), known))
        .filter(|(distance, _)| *distance <= NEAR)
        .min()
        .map(|(_, known)| known)
}
