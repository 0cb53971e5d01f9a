//! Why there is no drill, or no whole one.

use std::time::Duration;

use session_core::cache::SharedError;
use session_core::entropy::NoEntropy;
use session_core::store::StoreError;
use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
pub(crate) enum CannotDrill {
    /// A node does not allow it.
    #[error(
        "{0} refuses to be drilled: its configuration does not say `admin.drills = true`, which only that of a staging fleet should"
    )]
    Off(String),
    /// It is asked with the wrong token.
    #[error("{0} wants another admin.token")]
    Token(String),
    /// Another drill is under way.
    #[error(
        "{node} belongs to another drill, which gives it back in {} s at most unless it goes on",
        left.as_secs() + 1
    )]
    Taken {
        /// Which node.
        node: String,
        /// For how long at most.
        left: Duration,
    },
    /// Nobody answers.
    #[error("{node}: {cause}")]
    Silent {
        /// Which node.
        node: String,
        /// Why.
        cause: String,
    },
    /// Somebody else answers.
    #[error("{0} is no gateway, or one of an older version")]
    Stranger(String),
    /// An answer that makes no sense.
    #[error("{node} answers with status {status}")]
    Status {
        /// Which node.
        node: String,
        /// What it says.
        status: u16,
    },
    /// It tells of no address where it can be asked.
    #[error(
        "{0} has no public listener with a port: name one behind it, `--node ADMIN=http://HOST:PORT`"
    )]
    NoListener(String),
    /// Two addresses lead to one node.
    #[error("two --node lead to the same node: name each node by an address of its own")]
    SameNode,
    /// A node works with another store.
    #[error(
        "{0} is not on the list of the store of this configuration: it has another one, or no contact"
    )]
    NotOnList(String),
    /// There are more nodes.
    #[error(
        "{seen} nodes report to the store, and {named} are named: name each with --node, or what is measured is not the fleet"
    )]
    NotAll {
        /// How many there are.
        seen: usize,
        /// How many are named.
        named: usize,
    },
    /// No node.
    #[error("no node is named")]
    NoNode,
    /// A node is not well before anything has begun.
    #[error(
        "{node} does not admit a new session at {public}: the fleet has to be well before a drill"
    )]
    NotAdmitted {
        /// Which node.
        node: String,
        /// Where it was asked.
        public: String,
    },
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Redis failed.
    #[error("--redis-url: {0}")]
    Redis(#[from] SharedError),
    /// No randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Somebody has stopped it.
    #[error("broken off; every fault is undone")]
    Interrupted,
    /// A client could not be made.
    #[error("{0}")]
    Client(String),
}
