//! With hints a node learns of an event at once, before its next regular heartbeat (R4).
//!
//! A hint drops the session that it names from the local tier, and wakes the heartbeat. It proves nothing, so it
//! changes neither the applied events nor the lease. A forged hint costs a few reads. A suppressed hint costs the time
//! until the next heartbeat.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Listener, Node};
use crate::hint::{Hint, HintError, HintResult, HintStream};

/// Shortest time between two heartbeats that hints or changes on this node bring forward.
pub const WAKE_EVERY: Duration = Duration::from_millis(10);
/// Shortest and longest pause before a channel is opened again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Pause after a channel turned out to carry nothing: only a change of the configuration can help.
const SWALLOWED_PAUSE: Duration = Duration::from_secs(60);

/// Opens a channel; `None` when the source never has one.
pub type OpenHints =
    Box<dyn Fn() -> BoxFuture<'static, HintResult<Option<Box<dyn HintStream>>>> + Send + Sync>;

/// Follows one channel of hints.
pub struct Follower {
    /// What the channel is called in the log.
    pub channel: &'static str,
    /// Opens the channel, at first and after each failure.
    pub open: OpenHints,
    /// Drops the sessions that hints name.
    pub listener: Arc<dyn Listener>,
    /// The node whose heartbeat hints wake.
    pub node: Arc<Node>,
}

/// Follows hints until `stop`, or until it turns out that there is no channel. Failures only cost time.
pub async fn follow_hints(follower: Follower, stop: CancellationToken) {
    stop.run_until_cancelled(follower.run()).await;
}

impl Follower {
    async fn run(self) {
        let mut retry = Retry::default();
        loop {
            let opened = (self.open)().await;
            let since = Instant::now();
            let failed = match opened {
                Ok(None) => return,
                Ok(Some(stream)) => {
                    retry.opened(self.channel);
                    // Changes that were committed before the channel was open came without a hint.
                    self.wake();
                    self.read(stream).await
                }
                Err(failed) => failed,
            };
            self.node.stats.hint_channels_lost.add();
            let pause = retry.failed(self.channel, &failed, since.elapsed());
            time::sleep(self.node.paced(pause)).await;
        }
    }

    /// Reads a channel to its end.
    async fn read(&self, mut stream: Box<dyn HintStream>) -> HintError {
        // Until when the heartbeat is not woken, and whether to wake it then.
        let mut resting: Option<Instant> = None;
        let mut due = false;
        loop {
            let rest = resting.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = time::sleep_until(rest), if resting.is_some() => {
                    resting = self.wake_if(due);
                    due = false;
                }
                hint = stream.next() => match hint {
                    Ok(hint) => {
                        self.take(hint);
                        if resting.is_none() {
                            resting = self.wake_if(true);
                        } else {
                            due = true;
                        }
                    }
                    Err(failed) => {
                        self.wake_if(due);
                        return failed;
                    }
                },
            }
        }
    }

    fn take(&self, hint: Hint) {
        self.node.stats.hints.add();
        if let Hint::Session(key) = hint {
            self.listener.hinted(&key);
        }
    }

    fn wake_if(&self, due: bool) -> Option<Instant> {
        due.then(|| {
            self.wake();
            Instant::now() + WAKE_EVERY
        })
    }

    fn wake(&self) {
        self.node.stats.hint_wakes.add();
        self.node.signals.wake();
    }
}

/// How long to wait before the next attempt, and which failures were logged.
#[derive(Debug)]
struct Retry {
    pause: Duration,
    complained: bool,
    complained_of_pooler: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            pause: PAUSE.0,
            complained: false,
            complained_of_pooler: false,
        }
    }
}

impl Retry {
    fn opened(&mut self, channel: &'static str) {
        if self.complained {
            info!(channel, "hints arrive again");
        }
        self.complained = false;
        self.complained_of_pooler = false;
    }

    /// The pause after a channel, or an attempt to open one, that lasted for `lasted`. Logs the first failure of a row.
    fn failed(&mut self, channel: &'static str, failed: &HintError, lasted: Duration) -> Duration {
        let (kind, cause) = (failed.kind(), failed.cause());
        if matches!(failed, HintError::Swallowed) {
            if !self.complained_of_pooler {
                warn!(
                    channel,
                    kind, cause, "no hints: this node learns of revocations only by its heartbeat"
                );
            }
            self.complained_of_pooler = true;
            self.pause = PAUSE.0;
            return SWALLOWED_PAUSE;
        }
        if !self.complained {
            warn!(
                channel,
                kind, cause, "no hints: this node learns of revocations only by its heartbeat"
            );
        }
        self.complained = true;
        if lasted > PAUSE.1 {
            self.pause = PAUSE.0;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE.1);
        pause
    }
}

#[cfg(test)]
mod tests;
