//! `[authz]`: where edges that are there already ask about requests.

use sidgate_policy::edge::client_ip::NamedPeers;

use super::listen_address::ListenAddress;
use super::networks::{loopback_peers, peers};
use super::reader::Reader;
use super::server::loopback;

/// The listener of questions, and who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthzConfig {
    /// Where edges and apps ask; never empty.
    pub listen: Vec<ListenAddress>,
    /// Edges and apps. Whoever comes by a unix socket is one of them: its file says who may.
    pub trusted_edges: NamedPeers,
}

impl AuthzConfig {
    /// `None`: the section is not there, and nobody may ask.
    pub(super) fn read(root: &mut Reader<'_>) -> Option<Self> {
        root.section("authz", |authz| {
            let listen = authz.texts("listen", ListenAddress::parse);
            let has_edges = authz.has("trusted_edges");
            let mut trusted_edges = peers(authz, "trusted_edges");
            if !authz.is_present() {
                return None;
            }
            if !has_edges {
                trusted_edges = loopback_peers();
            }
            trusted_edges.unix = true;
            let listen = listen.unwrap_or_else(|| vec![loopback(3001).into()]);
            if listen.is_empty() {
                authz.contradiction(&["listen"], "is empty; leave [authz] out for no questions");
            }
            Some(Self {
                listen,
                trusted_edges,
            })
        })
    }
}
