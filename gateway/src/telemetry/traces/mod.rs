//! Traces: which requests are recorded, as which spans, and how those get out.
//!
//! A request without `[telemetry]` has no [`Trace`], and nothing here is called. One that is not sampled has ids for the app and
//! for its access line, and records nothing.
//!
//! | file | question |
//! |---|---|
//! | `sampler` | whose trace is continued, and is the request recorded? |
//! | `ids` | which ids does it have? |
//! | `trace` | and what do others hear of them? |
//! | `recording` | what happened to it, and when? |
//! | `noting` | what was the store asked for it? |
//! | `attributes` | how is a fact written? |
//! | `queue` | how many spans wait? |

pub(crate) mod attributes;
pub(crate) mod ids;
pub(crate) mod noting;
pub(crate) mod queue;
pub(crate) mod recording;
pub(crate) mod sampler;
pub(crate) mod trace;

pub(crate) use self::noting::noting;
pub(crate) use self::trace::Trace;
