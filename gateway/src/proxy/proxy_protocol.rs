//! Hears from a balancer for whom a connection speaks, before anything else of it is read.

use std::net::IpAddr;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream as L4Stream;
use pingora_core::protocols::{GetSocketDigest as _, SocketDigest};
use sidgate_policy::edge::proxy_protocol::{LONGEST, Progress, read};
use sidgate_policy::edge::unread::Unread;
use tokio::io::AsyncReadExt as _;

use super::unread;
use crate::state::Gateway;

/// Most headers are no longer.
const USUAL: usize = 128;

/// The client that `stream` speaks for; from then on its digest names that one as the peer. Where the balancer speaks for
/// itself, that is the client. `None`: no good header has come, which is counted.
pub(super) async fn hear(
    gateway: &Gateway,
    stream: &mut L4Stream,
    limit: Duration,
) -> Option<Option<IpAddr>> {
    let digest = stream.get_socket_digest();
    let peer = digest
        .as_ref()
        .and_then(|digest| digest.peer_addr())
        .and_then(|peer| peer.as_inet())
        .map(|peer| peer.ip());
    let why = match tokio::time::timeout(limit, header(stream)).await {
        Ok(Ok(None)) => return Some(peer),
        Ok(Ok(Some(client))) => {
            speaks_for(stream, client);
            return Some(Some(client));
        }
        Ok(Err(why)) => why?,
        Err(_elapsed) => Unread::ProxyTimeout,
    };
    unread::note(gateway, peer, why);
    None
}

/// Reads a header and nothing behind it.
///
/// # Errors
/// What came instead; `None` when nothing did: whoever only looks whether the port is open.
async fn header(stream: &mut L4Stream) -> Result<Option<IpAddr>, Option<Unread>> {
    let mut bytes = Vec::with_capacity(USUAL);
    loop {
        let room = u64::try_from(LONGEST.saturating_sub(bytes.len())).unwrap_or(0);
        let read_on = (&mut *stream).take(room).read_buf(&mut bytes).await;
        if !read_on.is_ok_and(|length| length > 0) {
            return Err((!bytes.is_empty()).then_some(Unread::ProxyTruncated));
        }
        match read(&bytes) {
            Ok(Progress::Incomplete) => {}
            Ok(Progress::Complete(header)) => {
                stream.rewind(bytes.get(header.length..).unwrap_or_default());
                return Ok(header.client.map(|client| client.to_canonical()));
            }
            Err(why) => return Err(Some(why.into())),
        }
    }
}

/// Everything that asks for the peer's address gets this one.
fn speaks_for(stream: &mut L4Stream, client: IpAddr) {
    let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
    // Its port is known to the balancer alone.
    let client = SocketAddr::Inet((client, 0).into());
    // The digest is new, so there is none yet.
    let _first = digest.peer_addr.set(Some(client));
    stream.set_socket_digest(digest);
}
