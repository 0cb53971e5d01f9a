//! Labels of what edges and apps ask (forward-auth). `docs/operations.md` lists every member.

use strum::{IntoStaticStr, VariantArray};

/// Which edge asks about a request: `via` of `sidgate_authz_requests_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Via {
    /// nginx or HAProxy.
    Nginx,
    /// Traefik or Caddy.
    #[strum(serialize = "forward")]
    ForwardAuth,
    /// Envoy, over HTTP.
    EnvoyHttp,
    /// Envoy, over gRPC.
    EnvoyGrpc,
    /// An app, which has something done about a session.
    Event,
}

/// Why a question of an edge was not looked at: `reason` of `sidgate_authz_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum NoQuestion {
    /// Whoever asks is not one of `authz.trusted_edges`.
    Peer,
    /// It does not say, or says twice, where the request goes.
    Incomplete,
    /// There is nothing at its path.
    Path,
    /// Nobody can have got the id of the request from this installation.
    RequestId,
    /// The id of the request has been used already.
    Replayed,
    /// It was not complete in time, or is larger than anything that makes sense.
    Body,
}
