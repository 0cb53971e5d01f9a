//! What a scrape of a gateway says that has served nobody yet: every series of a closed set is there, so that its first
//! increase is seen.

use std::collections::BTreeSet;

use sidgate_testkit::Stage;
use sidgate_testkit::metrics::Metrics;
use sidgate_testkit::port::free_port;

const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// Metrics that a gateway has only where its configuration asks for them.
fn is_asked_for(metric: &str) -> bool {
    metric.starts_with("sidgate_tls_certificate_")
        || metric.starts_with("sidgate_store_")
        || metric == "sidgate_site_requests_total"
}

/// Label values of that kind.
const ASKED_FOR: [(&str, &str); 1] = [("sidgate_breaker_state", "redis")];

/// The rows of the table of metrics: names, labels, meaning.
fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    let (_, section) = OPERATIONS.split_once("\n## Metrics\n").unwrap();
    let section = section.split("\n##").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').splitn(3, '|').collect();
        [cells[0], cells[1], cells[2]]
    })
}

fn in_code(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// What stands for a value of a label, not for a key, a path, a header or another metric.
fn is_value(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b':';
    !word.is_empty() && word.bytes().all(is_plain) && !word.starts_with("sidgate_")
}

#[test]
fn every_documented_value_of_a_label_is_there_from_the_start() {
    // Those of edges are there where edges may ask.
    let authz = format!("[authz]\nlisten = [\"127.0.0.1:{}\"]", free_port());
    let stage = Stage::with([&authz]);
    let scraped = stage.metrics();
    let (mut seen, mut missing) = (0, Vec::new());
    for [names, labels, meaning] in rows() {
        let labels: BTreeSet<_> = in_code(labels).collect();
        for name in in_code(names) {
            if is_asked_for(name) {
                continue;
            }
            let is_there = scraped.knows(name) || scraped.knows(&format!("{name}_count"));
            assert!(is_there, "{name}");
            for value in in_code(meaning).filter(|word| is_value(word)) {
                let is_label = ASKED_FOR.contains(&(name, value)) || labels.contains(value);
                let is_there = scraped.has_value(name, value);
                if !labels.is_empty() && !is_label && !is_there {
                    missing.push(format!("{name}: {value}"));
                }
                seen += usize::from(is_there);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 150, "{seen} values");
}

#[test]
fn what_is_named_total_is_a_counter_and_nothing_else_is() {
    let stage = Stage::start();
    let text = stage.admin("/metrics").must_be(200).text();
    let kinds: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    assert!(kinds.len() > 50, "{kinds:?}");
    for (name, kind) in kinds {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
    }
}

/// The names that dashboards for any program know.
#[test]
fn the_process_is_measured() {
    let stage = Stage::start();
    let metrics = stage.metrics();
    let of = |name: &str| {
        assert!(metrics.knows(name), "{name}");
        metrics.sum(name, &[])
    };
    let kib = stage.resident_kib();
    let resident = of("process_resident_memory_bytes") / 1024.0;
    #[expect(clippy::cast_precision_loss, reason = "less than 2^53")]
    let actual = kib as f64;
    assert!(
        (0.5..2.0).contains(&(resident / actual)),
        "{resident} {actual}"
    );
    assert!(of("process_virtual_memory_bytes") > resident);
    assert!(of("process_cpu_seconds_total") > 0.0);
    let threads = of("process_threads");
    assert!((4.0..200.0).contains(&threads), "{threads}");
    let (open, most) = (of("process_open_fds"), of("process_max_fds"));
    assert!(10.0 < open && open < most, "{open} {most}");
    let now = sidgate_testkit::wait::unix_now();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    let age = now - of("process_start_time_seconds") as i64;
    assert!((0..120).contains(&age), "{age}");
}

/// What the configuration names is there too.
#[test]
fn failures_of_routes_apps_and_sites_are_counted_from_nought() {
    let stage = Stage::with(["[[sites]]\nname = \"shop\"\norigin = \"https://shop.test\""]);
    let metrics = stage.metrics();
    let has = |name: &str, labels: &[(&str, &str)]| metrics.has(name, labels);
    for outcome in ["bad_gateway", "gateway_timeout", "unavailable"] {
        let labels = [("route", "/required"), ("outcome", outcome)];
        assert!(has("sidgate_requests_total", &labels), "{outcome}");
        let labels = [("site", "shop"), ("outcome", outcome)];
        assert!(has("sidgate_site_requests_total", &labels), "{outcome}");
    }
    let labels = [("upstream", "app"), ("kind", "refused")];
    assert!(has("sidgate_upstream_errors_total", &labels));
    let fresh = Metrics::parse(&stage.admin("/metrics").text());
    assert_eq!(fresh.sum("sidgate_upstream_errors_total", &[]), 0.0);
}
