//! The receiver of spans, as OTLP has it.
//!
//! | file | question |
//! |---|---|
//! | `receiver` | who takes them, in which form, and what does it say? |
//! | `grpc` | and how does that look by gRPC? |
//! | `taken` | were they taken, and if not, is it worth to try again? |

mod grpc;
pub(crate) mod receiver;
pub(crate) mod taken;

use std::sync::Arc;

use self::receiver::{Receiver, ReceiverError};
use crate::config::{Config, TelemetryConfig};
use crate::telemetry::traces::sampler::Sampler;

/// Tracing as it is configured.
#[derive(Debug)]
pub(crate) struct Tracing {
    /// Decides which requests are recorded.
    pub(crate) sampler: Sampler,
    /// Who takes their spans.
    pub(crate) receiver: Receiver,
    /// How many of them may wait.
    pub(crate) queue: usize,
}

impl Tracing {
    /// `None` where nothing is traced.
    ///
    /// # Errors
    /// When the receiver cannot be used.
    pub(crate) fn open(config: &Config) -> Result<Option<Arc<Self>>, ReceiverError> {
        let TelemetryConfig { otlp, queue, .. } = &config.telemetry;
        let Some(otlp) = otlp else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self {
            sampler: Sampler::new(&config.telemetry, &config.store.url),
            receiver: Receiver::new(otlp, &config.telemetry)?,
            queue: *queue,
        })))
    }
}
