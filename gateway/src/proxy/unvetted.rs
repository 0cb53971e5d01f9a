//! What is answered on the public listeners before anything of a request is judged: balancers ask for health by an address,
//! in HTTP/1.0 and without a host, and an authority asks for the answer to its challenge before there is a certificate.
//!
//! Only requests without a body are answered here, and each of these answers ends its connection: nothing that follows could
//! be read in two ways.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora_proxy::Session;
use rustix::fs::{Mode, OFlags, open, openat};
use tokio::task::spawn_blocking;

use super::Ctx;
use super::sender::sender;
use super::write::is_over_tls;
use crate::admin::readiness;
use crate::answer::Answer;
use crate::config::ServerConfig;
use crate::passage::Answerer;
use crate::state::{ActiveConfig, Gateway};

/// Where authorities look (RFC 8555, 8.3).
const CHALLENGES: &[u8] = b"/.well-known/acme-challenge/";
/// Far above any token, and any answer.
const TOKEN_MAX: usize = 128;
const ANSWER_MAX: u64 = 4096;

/// What is asked for.
enum Asked {
    Health,
    Challenge {
        folder: PathBuf,
        token: String,
    },
    /// An address of a challenge that no authority would ask for.
    NoChallenge,
}

/// The answer, if this is such a request.
pub(super) async fn answer(
    gateway: &Gateway,
    settings: &ActiveConfig,
    session: &Session,
    ctx: &mut Ctx,
) -> Option<Answer> {
    let server = &settings.config.server;
    if server.health_path.is_none() && server.acme_dir.is_none() {
        return None;
    }
    let asked = asked(server, session)?;
    ctx.record.client = sender(session, settings).1.client;
    let answer = match asked {
        Asked::Health => {
            ctx.record.answerer = Answerer::Endpoint("health");
            Answer::health(readiness::is_ready(gateway))
        }
        Asked::Challenge { folder, token } => {
            ctx.record.answerer = Answerer::Endpoint("acme");
            let read = spawn_blocking(move || read(&folder, &token)).await;
            read.ok()
                .flatten()
                .map_or_else(Answer::not_found, Answer::challenge)
        }
        Asked::NoChallenge => {
            ctx.record.answerer = Answerer::Endpoint("acme");
            Answer::not_found()
        }
    };
    Some(answer.closing())
}

fn asked(server: &ServerConfig, session: &Session) -> Option<Asked> {
    let head = session.req_header();
    let headers = &head.headers;
    let has_body = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    if has_body || !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let target = head.raw_path();
    let health = server.health_path.as_ref().map(String::as_bytes);
    if health == Some(target) {
        return Some(Asked::Health);
    }
    let folder = server.acme_dir.as_ref()?;
    let token = target.strip_prefix(CHALLENGES)?;
    if is_over_tls(session) {
        return None;
    }
    Some(match token_of(token) {
        Some(token) => Asked::Challenge {
            folder: folder.clone(),
            token: token.to_owned(),
        },
        None => Asked::NoChallenge,
    })
}

/// A token is of the letters of base64url, and so never the name of a folder or of a file elsewhere.
fn token_of(bytes: &[u8]) -> Option<&str> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_token = (1..=TOKEN_MAX).contains(&bytes.len()) && bytes.iter().all(is_letter);
    str::from_utf8(bytes).ok().filter(|_| is_token)
}

/// The answer in the folder. Follows no link, so that nothing outside of the folder is ever read.
fn read(folder: &Path, token: &str) -> Option<Bytes> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = open(folder, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
    // A pipe must not keep the thread.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = openat(&folder, token, flags, Mode::empty()).ok()?;
    let file = std::fs::File::from(file);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut answer = Vec::new();
    file.take(ANSWER_MAX + 1).read_to_end(&mut answer).ok()?;
    let fits = u64::try_from(answer.len()).is_ok_and(|length| length <= ANSWER_MAX);
    fits.then(|| answer.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn tokens_are_names_of_files_in_one_folder() {
        for token in ["a", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "_"] {
            assert_eq!(token_of(token.as_bytes()), Some(token));
        }
        let long = "a".repeat(TOKEN_MAX + 1);
        for other in [
            "", ".", "..", "a/b", "a.b", "a%2fb", "a?b", "a b", "\u{e4}", &long,
        ] {
            assert_eq!(token_of(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let place = TempDir::new().unwrap();
        let folder = place.path().join("acme");
        fs::create_dir_all(folder.join("folder")).unwrap();
        fs::write(folder.join("token"), "token.thumbprint").unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        symlink("../secret", folder.join("link")).unwrap();
        symlink("token", folder.join("near")).unwrap();
        fs::write(folder.join("large"), vec![b'a'; 5000]).unwrap();
        assert_eq!(read(&folder, "token").unwrap(), "token.thumbprint");
        for none in ["link", "near", "folder", "large", "absent"] {
            assert_eq!(read(&folder, none), None, "{none}");
        }
        assert_eq!(read(&place.path().join("absent"), "token"), None);
    }
}
