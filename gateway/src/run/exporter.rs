//! Sends spans to their receiver, in batches, for as long as the gateway runs.
//!
//! Requests never wait for it. While the receiver is away the queue fills, and what does not fit is dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::otlp::Tracing;
use crate::otlp::taken::{NotTaken, Taken};
use crate::state::Gateway;
use crate::telemetry::traces::queue::Fate;

/// Spans of one message.
const BATCH: usize = 512;
/// How long the first span of a message waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// Attempts for one message, and the pause after the first; each is twice as long as the one before.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause, whatever a receiver asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends what is recorded, until it is told to stop. What still waits then is sent once.
pub(super) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut exporter = Exporter {
        gateway,
        is_failing: false,
    };
    while stop.run_until_cancelled(exporter.gather()).await.is_some() {
        exporter.send_all(Some(&stop)).await;
    }
    exporter.send_all(None).await;
}

struct Exporter {
    gateway: Arc<Gateway>,
    /// Whether the last message was not taken, which is told once.
    is_failing: bool,
}

impl Exporter {
    /// Waits until a message is full, or its first span has waited long enough.
    async fn gather(&self) {
        let spans = &self.gateway.spans;
        while spans.len() == 0 {
            spans.some().await;
        }
        let full = async {
            while spans.len() < BATCH {
                spans.some().await;
            }
        };
        let _full_or_late = tokio::time::timeout(GATHER, full).await;
    }

    /// Sends everything that waits. `stop`: ends the attempts; without it there is one for each message.
    async fn send_all(&mut self, stop: Option<&CancellationToken>) {
        while !stop.is_some_and(CancellationToken::is_cancelled) {
            let spans = self.gateway.spans.take(BATCH);
            if spans.is_empty() {
                return;
            }
            let many = u64::try_from(spans.len()).unwrap_or(u64::MAX);
            let Some(tracing) = self.gateway.settings.get().tracing.clone() else {
                // A reload has switched tracing off.
                self.gateway.spans.note(Fate::Failed, many);
                continue;
            };
            match self.deliver(&tracing, spans, stop).await {
                Ok(taken) => self.taken(many, &taken),
                Err(why) => self.not_taken(many, &why),
            }
        }
    }

    async fn deliver(
        &self,
        tracing: &Tracing,
        spans: Vec<Span>,
        stop: Option<&CancellationToken>,
    ) -> Result<Taken, NotTaken> {
        let (mut pause, mut number) = (PAUSE, 1);
        loop {
            let failed = match tracing.receiver.send(spans.clone()).await {
                Ok(taken) => return Ok(taken),
                Err(failed) => failed,
            };
            let Some(stop) = stop.filter(|_| failed.is_passing() && number < ATTEMPTS) else {
                return Err(failed);
            };
            let wait = failed.pause().unwrap_or(pause).min(LONGEST_PAUSE);
            let waited = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            if waited.is_none() {
                // One more attempt, as for everything that waits.
                return tracing.receiver.send(spans).await;
            }
            (pause, number) = (pause * 2, number + 1);
        }
    }

    fn taken(&mut self, many: u64, taken: &Taken) {
        let rejected = taken.rejected.min(many);
        self.gateway.spans.note(Fate::Exported, many - rejected);
        self.gateway.spans.note(Fate::Rejected, rejected);
        if rejected > 0 {
            warn!(
                spans = rejected,
                cause = taken.why,
                "spans not wanted by their receiver"
            );
        }
        if std::mem::take(&mut self.is_failing) {
            info!("spans are taken again");
        }
    }

    fn not_taken(&mut self, many: u64, why: &NotTaken) {
        self.gateway.spans.note(Fate::Failed, many);
        if !std::mem::replace(&mut self.is_failing, true) {
            warn!(cause = %why, "spans not taken by their receiver: requests go on, traces are lost");
        }
    }
}
