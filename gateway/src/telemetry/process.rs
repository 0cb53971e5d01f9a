//! What the system says of this process: CPU, memory, file descriptors, threads. Names are those that Prometheus' own
//! client libraries use.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};
use prometheus::Opts;
use prometheus::core::{Collector, Desc, Describer as _};
use prometheus::proto::{MetricFamily, MetricType};

use super::families::{counter, family, gauge};
use super::reading::as_f64;

struct Row {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn(&Seen) -> Option<f64>,
}

const ROWS: [Row; 7] = [
    Row {
        name: "process_cpu_seconds_total",
        help: "CPU time of the process, in user and system mode.",
        kind: MetricType::COUNTER,
        read: |seen| Some(seen.cpu_seconds),
    },
    Row {
        name: "process_start_time_seconds",
        help: "When the process was started, in unix seconds.",
        kind: MetricType::GAUGE,
        read: |seen| seen.started,
    },
    Row {
        name: "process_resident_memory_bytes",
        help: "Memory that the process holds.",
        kind: MetricType::GAUGE,
        read: |seen| Some(seen.resident),
    },
    Row {
        name: "process_virtual_memory_bytes",
        help: "Address space of the process.",
        kind: MetricType::GAUGE,
        read: |seen| Some(seen.virtual_memory),
    },
    Row {
        name: "process_open_fds",
        help: "Open file descriptors.",
        kind: MetricType::GAUGE,
        read: |seen| seen.open_files,
    },
    Row {
        name: "process_max_fds",
        help: "File descriptors that may be open. Absent where there is no limit.",
        kind: MetricType::GAUGE,
        read: |seen| seen.most_files,
    },
    Row {
        name: "process_threads",
        help: "Threads of the process.",
        kind: MetricType::GAUGE,
        read: |seen| Some(seen.threads),
    },
];

/// One look at the process.
struct Seen {
    cpu_seconds: f64,
    started: Option<f64>,
    resident: f64,
    virtual_memory: f64,
    open_files: Option<f64>,
    most_files: Option<f64>,
    threads: f64,
}

impl Seen {
    fn now() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = as_f64(ticks_per_second());
        let most = process.limits().ok().map(|limits| limits.max_open_files);
        Ok(Self {
            cpu_seconds: as_f64(stat.utime.saturating_add(stat.stime)) / ticks,
            started: boot_time_secs()
                .ok()
                .map(|boot| as_f64(boot) + as_f64(stat.starttime) / ticks),
            resident: as_f64(stat.rss.saturating_mul(page_size())),
            virtual_memory: as_f64(stat.vsize),
            open_files: process.fd_count().ok().map(count),
            most_files: most.and_then(|limit| match limit.soft_limit {
                LimitValue::Value(most) => Some(as_f64(most)),
                LimitValue::Unlimited => None,
            }),
            threads: as_f64(u64::try_from(stat.num_threads).unwrap_or(0)),
        })
    }
}

fn count(of: usize) -> f64 {
    as_f64(u64::try_from(of).unwrap_or(u64::MAX))
}

/// Looks at the process whenever metrics are gathered.
pub(super) struct OfProcess {
    /// One for each row.
    descriptions: Vec<Desc>,
}

impl OfProcess {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let descriptions = ROWS
            .iter()
            .map(|row| Opts::new(row.name, row.help).describe());
        Ok(Self {
            descriptions: descriptions.collect::<Result<_, _>>()?,
        })
    }
}

impl Collector for OfProcess {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    /// Nothing where `/proc` cannot be read: a scrape is never lost for that.
    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(seen) = Seen::now() else {
            return vec![];
        };
        let rows = ROWS.iter().filter_map(|row| {
            let value = (row.read)(&seen)?;
            let metric = match row.kind {
                MetricType::COUNTER => counter(value),
                _ => gauge(value),
            };
            Some(family(row.name, row.help, row.kind, vec![metric]))
        });
        rows.collect()
    }
}
