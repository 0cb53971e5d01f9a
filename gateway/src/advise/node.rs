//! What two readings of a node say of the time between them, or one of the time since its start.

use super::facts::{Acquires, Counted, Found, Lost, Node, Now};
use super::sample::Sample;

/// What a node has counted between `before` and `after`. It is counted from the start of the process where it was read
/// once, or was started between the two. `None`: it does not say when it was started.
pub(crate) fn node(name: &str, before: Option<&Sample>, after: &Sample) -> Option<Node> {
    let started = after.started()?;
    let before = before.filter(|before| before.started() == Some(started));
    let since = before.map_or(started, |before| before.at);
    let grown = Grown { before, after };
    Some(Node {
        name: name.to_owned(),
        watched: after.at.saturating_sub(since),
        is_since_start: before.is_none(),
        counted: counted(grown),
        now: now(after),
    })
}

/// By how much counters have grown.
#[derive(Clone, Copy)]
struct Grown<'a> {
    before: Option<&'a Sample>,
    after: &'a Sample,
}

impl Grown<'_> {
    /// `None` where the node does not have the counter.
    fn known(self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let after = self.after.sum(name, labels)?;
        let before = self.before.and_then(|before| before.sum(name, labels));
        Some((after - before.unwrap_or(0.0)).max(0.0))
    }

    fn by(self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.known(name, labels).unwrap_or(0.0)
    }

    /// Of several values of one label.
    fn each(self, name: &str, label: &str, values: &[&str]) -> f64 {
        let values = values.iter();
        values.map(|value| self.by(name, &[(label, value)])).sum()
    }
}

fn counted(grown: Grown<'_>) -> Counted {
    let resolved = |tier| {
        let of = |result| {
            grown.by(
                "sidgate_resolve_total",
                &[("tier", tier), ("result", result)],
            )
        };
        of("active")
    };
    let lost = |stream| grown.by("sidgate_log_lines_lost_total", &[("stream", stream)]);
    let core = |what| grown.by("sidgate_core_total", &[("what", what)]);
    let limited = |counters| grown.each("sidgate_login_limited_total", "counter", counters);
    let gone = ["absent", "revoked", "expired", "idle", "renewed"];
    Counted {
        requests: grown.by("sidgate_requests_total", &[]),
        cpu_seconds: grown.by("process_cpu_seconds_total", &[]),
        found: Found {
            local: resolved("local"),
            shared: resolved("shared"),
            store: resolved("store"),
        },
        gone: grown.each("sidgate_resolve_total", "result", &gone),
        store_loads: core("store_loads"),
        reads_queued: grown.by("sidgate_bulkhead_queued_total", &[]),
        reads_refused: grown.by("sidgate_resolve_total", &[("result", "overloaded")]),
        evicted: grown.known("sidgate_local_evictions_total", &[("entry", "fresh")]),
        redis_errors: core("shared_errors"),
        sessions_made: grown.by("sidgate_sessions_created_total", &[]),
        logins: grown.by("sidgate_login_attempts_total", &[]),
        limited_known: limited(&["live_session", "network"]),
        limited_others: limited(&["account", "client", "first_step"]),
        shed: grown.by("sidgate_shed_total", &[]),
        lost: Lost {
            log: lost("log"),
            access: lost("access"),
            audit: lost("audit"),
        },
        acquires: acquires(grown),
    }
}

fn acquires(grown: Grown<'_>) -> Option<Acquires> {
    let asked = |result| grown.known("sidgate_store_acquires_total", &[("result", result)]);
    Some(Acquires {
        at_once: asked("at_once")?,
        waited: asked("waited")?,
        timed_out: asked("timed_out")?,
        wait_seconds: grown.known("sidgate_store_wait_seconds_total", &[])?,
    })
}

fn now(after: &Sample) -> Now {
    let is = |name| after.sum(name, &[]);
    Now {
        sessions: is("sidgate_local_sessions").unwrap_or(0.0),
        session_bytes: is("sidgate_local_bytes").unwrap_or(0.0),
        worker_threads: is("sidgate_worker_threads"),
        open_files: is("process_open_fds"),
        most_files: is("process_max_fds"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(started: u64, at: u64, more: &str) -> Sample {
        let text = format!(
            "sidgate_build_info{{version=\"1\"}} 1\nprocess_start_time_seconds {started}\n{more}"
        );
        Sample::parse(&text, Duration::from_secs(at)).unwrap()
    }

    #[test]
    fn two_readings_count_what_came_between_them() {
        let before = sample(100, 200, "sidgate_shed_total{kind=\"known\"} 5\n");
        let after = sample(100, 260, "sidgate_shed_total{kind=\"known\"} 12\n");
        let node = node("n", Some(&before), &after).unwrap();
        assert_eq!(
            (node.watched, node.is_since_start),
            (Duration::from_secs(60), false)
        );
        assert_eq!(node.counted.shed, 7.0);
    }

    #[test]
    fn one_reading_and_a_restart_count_from_the_start() {
        let before = sample(100, 200, "sidgate_shed_total 50\n");
        let after = sample(210, 260, "sidgate_shed_total 12\n");
        for before in [None, Some(&before)] {
            let node = node("n", before, &after).unwrap();
            assert_eq!(
                (node.watched, node.is_since_start),
                (Duration::from_secs(50), true)
            );
            assert_eq!(node.counted.shed, 12.0);
        }
    }

    #[test]
    fn a_node_that_does_not_say_is_not_taken_for_one_that_says_zero() {
        let silent = node("n", None, &sample(1, 2, "")).unwrap();
        assert_eq!(silent.counted.evicted, None);
        assert_eq!(silent.counted.acquires, None);
        assert_eq!(silent.now.worker_threads, None);
        let says = "sidgate_local_evictions_total{entry=\"due\"} 3\n";
        let told = node("n", None, &sample(1, 2, says)).unwrap();
        assert_eq!(told.counted.evicted, Some(0.0));
    }
}
