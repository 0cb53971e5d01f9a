//! What the other tiers were asked while something was done for a request.

use futures_util::future::Either;
use session_core::asked;

use super::Trace;
use super::ids::SpanId;

/// Does `work`, and records what it asked of the store and the shared cache, if `trace` records anything.
pub(crate) fn noting<F: Future + Send>(
    trace: Option<&Trace>,
    work: F,
) -> impl Future<Output = F::Output> {
    noting_within(trace, None, work)
}

/// The same, as a part of the span `of`.
///
/// No `async fn`, which would keep room for `work` twice. Few requests are recorded, so what is done for those is in a box.
pub(crate) fn noting_within<F: Future + Send>(
    trace: Option<&Trace>,
    of: Option<SpanId>,
    work: F,
) -> impl Future<Output = F::Output> {
    match trace.and_then(Trace::recording) {
        None => Either::Left(work),
        Some(recording) => Either::Right(Box::pin(async move {
            let (done, asked) = asked::noted(work).await;
            recording.asked(of, asked);
            done
        })),
    }
}
