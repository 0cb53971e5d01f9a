//! How many streams are open. A stream lasts as long as its client likes, and does not count as a request in progress.
//!
//! Two kinds, counted apart: event streams of the gateway, and what apps send (WebSockets, and answers that take long).
//! Each kind is limited for the process, for each client and for each session, so that one client cannot take all of
//! them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use session_core::sid::SessionKey;
use sidgate_policy::edge::client_ip::limit_key;

use crate::config::Config;

/// What a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `GET /events`.
    Events,
    /// A WebSocket, or an answer of an app that takes long.
    Forwarded,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    all: usize,
    of_session: usize,
    of_client: usize,
}

impl Room {
    /// What the configuration says.
    pub(crate) const fn of(kind: Kind, config: &Config) -> Self {
        let limits = config.edge.streams;
        Self {
            all: match kind {
                Kind::Events => config.endpoints.max_streams,
                Kind::Forwarded => limits.max,
            },
            of_session: limits.per_session,
            of_client: limits.per_client,
        }
    }
}

/// The session and client that a stream is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The session, if there is one.
    pub session: Option<SessionKey>,
    /// The client; an IPv6 client is its /64.
    pub client: IpAddr,
}

/// The open streams of this process: two entries of less than 64 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: HashMap<Kind, usize>,
    /// Those of them that are WebSockets.
    sockets: usize,
    of_session: HashMap<(Kind, SessionKey), usize>,
    of_client: HashMap<(Kind, IpAddr), usize>,
}

/// Why a stream cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Full {
    /// The process has reached its limit.
    #[strum(serialize = "max_streams")]
    Process,
    /// The client has reached its limit.
    #[strum(serialize = "streams_per_client")]
    Client,
    /// The session has reached its limit.
    #[strum(serialize = "streams_per_session")]
    Session,
}

impl Streams {
    /// Takes a place for a stream.
    ///
    /// # Errors
    /// [`Full`] says which limit is reached.
    pub(crate) fn enter(
        self: &Arc<Self>,
        kind: Kind,
        holder: Holder,
        room: Room,
    ) -> Result<StreamPermit, Full> {
        let holder = Holder {
            client: limit_key(holder.client),
            ..holder
        };
        let mut open = self.open.lock();
        let count = |of: Option<&usize>| of.copied().unwrap_or_default();
        if count(open.total.get(&kind)) >= room.all {
            return Err(Full::Process);
        }
        if let Some(key) = holder.session
            && count(open.of_session.get(&(kind, key))) >= room.of_session
        {
            return Err(Full::Session);
        }
        if count(open.of_client.get(&(kind, holder.client))) >= room.of_client {
            return Err(Full::Client);
        }
        *open.total.entry(kind).or_default() += 1;
        *open.of_client.entry((kind, holder.client)).or_default() += 1;
        if let Some(key) = holder.session {
            *open.of_session.entry((kind, key)).or_default() += 1;
        }
        drop(open);
        Ok(StreamPermit {
            streams: Arc::clone(self),
            kind,
            holder,
            is_socket: false,
        })
    }

    /// Streams of this kind open now.
    #[must_use]
    pub(crate) fn len(&self, kind: Kind) -> usize {
        let open = self.open.lock();
        open.total.get(&kind).copied().unwrap_or_default()
    }

    /// Whether streams are open that come to an end by themselves when the gateway stops: all but WebSockets.
    #[must_use]
    pub(crate) fn are_ending(&self) -> bool {
        let open = self.open.lock();
        open.total.values().sum::<usize>() > open.sockets
    }
}

/// The place of one stream; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    streams: Arc<Streams>,
    kind: Kind,
    holder: Holder,
    is_socket: bool,
}

impl StreamPermit {
    /// The stream is a WebSocket: it lasts until its client or its app ends it.
    pub(crate) fn of_socket(mut self) -> Self {
        if !self.is_socket {
            self.is_socket = true;
            self.streams.open.lock().sockets += 1;
        }
        self
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        if self.is_socket {
            open.sockets = open.sockets.saturating_sub(1);
        }
        leave(&mut open.total, &self.kind);
        leave(&mut open.of_client, &(self.kind, self.holder.client));
        if let Some(key) = self.holder.session {
            leave(&mut open.of_session, &(self.kind, key));
        }
    }
}

/// Counts one less, and drops an entry that reaches zero.
fn leave<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests;
