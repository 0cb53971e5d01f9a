//! `store.max_connections`, and `max_connections` of PostgreSQL: do requests wait for a connection, and does the server take
//! those of all nodes?

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Acquires, Facts, Node, Server, StoreKind};
use crate::advise::words::{count, float, percent, whole};

/// The part that may wait: more is a queue.
const MAY_WAIT: f64 = 0.01;
/// More connections than this do not make a server faster.
const MOST: usize = 64;
/// Connections of a node beside those of requests: the heartbeat, the hints, two for lists.
const BESIDE: usize = 4;
/// During a rollout old and new processes run side by side.
const ROLLOUT: usize = 2;

pub(super) fn of_a_node(facts: &Facts) -> Vec<Advice> {
    if facts.set.store != StoreKind::Postgres {
        return Vec::new();
    }
    let late = |asked: Acquires| asked.waited + asked.timed_out;
    let share = |node: &Node| {
        let asked = node.counted.acquires.unwrap_or_default();
        late(asked) / asked.all().max(1.0)
    };
    let Some((node, name)) = facts.worst(share) else {
        return Vec::new();
    };
    let asked = node.counted.acquires;
    let looked = Looked {
        key: "store.max_connections",
        rule: Rule::Connections,
        set: whole(facts.set.store_connections),
        measured: asked.map_or_else(String::new, |asked| measured(node, asked, &name)),
    };
    let Some(asked) = asked else {
        return vec![looked.not_judged("the node does not count who waits: upgrade it")];
    };
    if asked.all() < ENOUGH {
        return vec![looked.not_judged(format!(
            "a connection was asked for {} times, and {} are needed",
            count(asked.all()),
            count(ENOUGH)
        ))];
    }
    if asked.timed_out == 0.0 && share(node) < MAY_WAIT {
        return vec![looked.keep("there is nearly always a free one")];
    }
    if facts.set.store_connections >= MOST {
        return vec![looked.keep(
            "more connections would not make the server faster: look for slow statements, for its CPU and its disk",
        )];
    }
    let to = (facts.set.store_connections * 2).min(MOST);
    vec![looked.change(
        whole(to),
        "requests wait for a connection, and those that wait for longer than `store.acquire_timeout` get 503. \
         If they still wait afterwards, the server is slow: look at its CPU and its disk",
    )]
}

fn measured(node: &Node, asked: Acquires, name: &str) -> String {
    let waited = asked.waited + asked.timed_out;
    let each = if waited > 0.0 {
        format!(", {:.1} ms each", asked.wait_seconds / waited * 1_000.0)
    } else {
        String::new()
    };
    format!(
        "asked for {} times: {} waited{each}, {} in vain; {} reads queued before{name}",
        count(asked.all()),
        percent(waited, asked.all()),
        count(asked.timed_out),
        count(node.counted.reads_queued)
    )
}

pub(super) fn of_the_server(facts: &Facts) -> Vec<Advice> {
    let Some(server) = facts.server else {
        return Vec::new();
    };
    let need = facts.node_count() * (facts.set.store_connections + BESIDE) * ROLLOUT;
    let looked = Looked {
        key: "max_connections (PostgreSQL)",
        rule: Rule::ServerConnections,
        set: format!(
            "{} for roles that are no superusers",
            server.connections_max
        ),
        measured: measured_of_server(facts, server),
    };
    let room = float(usize::try_from(server.connections_max).unwrap_or(usize::MAX));
    if float(need) > room {
        return vec![looked.change(
            format!("{} at least", whole(need)),
            "nodes times connections, twice that during a rollout, and what others need. Where there is no room, a node gets \
             no lease. Or set `store.max_connections` lower, or put a pooler between them",
        )];
    }
    vec![looked.keep(format!(
        "{} are needed while all nodes are replaced at once",
        whole(need)
    ))]
}

fn measured_of_server(facts: &Facts, server: Server) -> String {
    format!(
        "{} nodes of up to {} connections each; {} are open now, whoever has them",
        facts.node_count(),
        facts.set.store_connections + BESIDE,
        server.connections_open
    )
}

#[cfg(test)]
mod tests;
