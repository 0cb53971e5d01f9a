//! What a drill can do, and what is promised meanwhile.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// One exercise. They are done in this order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum, strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exercise {
    /// A session is ended, and every node asked for it.
    Canary,
    /// A node sends no heartbeat.
    Heartbeat,
    /// Redis answers nobody.
    Redis,
    /// A node has no place left for a read.
    Bulkhead,
}

impl Exercise {
    /// What it does, for whoever is about to allow it.
    pub(crate) const fn plan(self) -> &'static str {
        match self {
            Self::Canary => {
                "makes a session of the user sidgate-drill in the store, asks every node for it, ends it, and goes on asking. Users notice nothing."
            }
            Self::Heartbeat => {
                "has the last node send no heartbeat for 4 s. Users of that node get 503 for about 2 s, unless the load balancer follows /readyz."
            }
            Self::Redis => {
                "has each Redis of --redis-url answer nobody for 5 s (CLIENT PAUSE), whoever uses it. Users of the gateway notice a slower first request."
            }
            Self::Bulkhead => {
                "takes every place for a read of sessions at the last node for 3 s. Users whom that node does not know yet get 503 there."
            }
        }
    }

    /// What is promised.
    pub(super) const fn promise(self) -> &'static str {
        match self {
            Self::Canary => {
                "no node admits an ended session later than 2 s after the commit, whatever fails, and a node that has refused it never admits it again"
            }
            Self::Heartbeat => {
                "a node that hears nothing from the store stops admitting after 2 s: it answers 503 and is not ready, refuses nobody, and is back with the next heartbeat; other nodes notice nothing"
            }
            Self::Redis => {
                "without Redis nobody is refused and nobody gets 503: each node reads the store instead, and uses Redis again when it is back"
            }
            Self::Bulkhead => {
                "a node without a free place serves the sessions that it knows, answers 503 with Retry-After for the others at once, refuses nobody, and serves them as soon as there is a place; other nodes notice nothing"
            }
        }
    }

    /// The document that promises it.
    pub(super) const fn promised_by(self) -> &'static str {
        match self {
            Self::Canary => "docs/revocation.md",
            Self::Heartbeat | Self::Redis | Self::Bulkhead => {
                "docs/operations.md, \"What failures look like\""
            }
        }
    }
}

impl fmt::Display for Exercise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canary => "canary",
            Self::Heartbeat => "heartbeat",
            Self::Redis => "redis",
            Self::Bulkhead => "bulkhead",
        })
    }
}
