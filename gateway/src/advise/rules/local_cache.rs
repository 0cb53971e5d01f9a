//! `cache.local_max_entries` and `cache.local_max_bytes`: do the sessions in use fit into memory?
//!
//! A session that had to make room though it was still good is read again when its visitor comes back. A cache that is
//! large enough is full of old sessions in the end, and pushes those out: that costs nothing and is not counted.

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, Node, Settings};
use crate::advise::words::{count, float, number, percent, round_up, size};

/// Evictions that cost something, for each look-up. Below it a larger cache would save next to nothing.
const WORTH_IT: f64 = 0.01;
/// Above the sessions that were in use.
const SPARE: f64 = 1.25;
/// Bytes that a session takes with an identity of 400 bytes, where the node's own figure says nothing.
const USUAL_BYTES: f64 = 1_024.0;
/// The part of `cache.local_max_bytes` that is for sessions.
const FOR_SESSIONS: f64 = 0.75;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let evicted = |node: &Node| node.a_second(node.counted.evicted.unwrap_or(0.0));
    let Some((node, name)) = facts.worst(evicted) else {
        return Vec::new();
    };
    let set = &facts.set;
    let bytes_bind = are_bytes_reached_first(set, node);
    let looked = Looked {
        key: if bytes_bind {
            "cache.local_max_bytes"
        } else {
            "cache.local_max_entries"
        },
        rule: Rule::LocalCache,
        set: if bytes_bind {
            size(bytes_of(set))
        } else {
            number(float(set.local_max_entries))
        },
        measured: measured(node, &name),
    };
    let Some(evicted) = node.counted.evicted else {
        return vec![looked.not_judged("the node does not say what it pushes out: upgrade it")];
    };
    let lookups = node.counted.found.all();
    if lookups < ENOUGH {
        return vec![
            looked.not_judged(format!("{} look-ups are needed to judge it", count(ENOUGH))),
        ];
    }
    if evicted < WORTH_IT * lookups {
        return vec![looked.keep("nearly everybody who comes back is still in memory")];
    }
    raise(set, node, evicted, looked)
}

fn raise(set: &Settings, node: &Node, evicted: f64, looked: Looked) -> Vec<Advice> {
    let in_use = in_use(set, node, evicted);
    let bytes = round_up(in_use * SPARE * bytes_of_one(node) / FOR_SESSIONS);
    let why = format!(
        "sessions push each other out before `cache.local_ttl` is over, and are read again: up to {} were in use. \
         A larger cache costs memory alone",
        count(in_use)
    );
    if looked.key == "cache.local_max_bytes" {
        let to = size(bytes.max(bytes_of(set) * SPARE));
        return vec![looked.change(to, why)];
    }
    let entries = round_up((in_use * SPARE).max(float(set.local_max_entries) * SPARE));
    let also = (bytes > bytes_of(set)).then(|| {
        Looked {
            key: "cache.local_max_bytes",
            set: size(bytes_of(set)),
            ..looked.clone()
        }
        .change(
            size(bytes),
            "so many sessions do not fit into what is set here",
        )
    });
    let mut advice = vec![looked.change(number(entries), why)];
    advice.extend(also);
    advice
}

/// Sessions that were in use within `cache.local_ttl`, at most: those that are held, and those that were pushed out in that
/// time though they were still good.
fn in_use(set: &Settings, node: &Node, evicted: f64) -> f64 {
    let window = set.local_ttl.min(node.watched).as_secs_f64();
    node.now.sessions + node.a_second(evicted) * window
}

/// Whether the bytes are used up while the number is not.
fn are_bytes_reached_first(set: &Settings, node: &Node) -> bool {
    node.now.sessions < 0.8 * float(set.local_max_entries)
        && node.now.session_bytes > 0.8 * FOR_SESSIONS * bytes_of(set)
}

/// A node counts a session with at least its share of the bytes. Where the bytes are reached first, it is what it takes.
fn bytes_of_one(node: &Node) -> f64 {
    let own = node.now.session_bytes / node.now.sessions.max(1.0);
    if own > 0.0 && own < 16.0 * USUAL_BYTES {
        own.max(USUAL_BYTES / 2.0)
    } else {
        USUAL_BYTES
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn bytes_of(set: &Settings) -> f64 {
    set.local_max_bytes as f64
}

fn measured(node: &Node, name: &str) -> String {
    let found = node.counted.found;
    let evicted = node.counted.evicted.map_or_else(String::new, |evicted| {
        format!(", {} still good were pushed out", count(evicted))
    });
    format!(
        "{} look-ups, {} of them answered from memory; {} sessions are held{evicted}{name}",
        count(found.all()),
        percent(found.local, found.all()),
        count(node.now.sessions),
    )
}

#[cfg(test)]
mod tests;
