//! Who has sent a request, as far as its connection tells.

use pingora_proxy::Session;
use sidgate_policy::edge::client_ip::Peer;

use crate::decision::Sender;
use crate::state::ActiveConfig;

/// Who has sent a request, and whom that one is taken for.
pub(super) fn sender(session: &Session, settings: &ActiveConfig) -> (Peer, Sender) {
    let peer = session
        .client_addr()
        .and_then(|addr| addr.as_inet())
        .map_or(Peer::Unix, |addr| Peer::Address(addr.ip()));
    let headers = &session.req_header().headers;
    (peer, Sender::of(peer, headers, settings))
}
