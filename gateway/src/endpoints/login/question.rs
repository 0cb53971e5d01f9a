//! Asks the app whether credentials are good, and counts its answer.

use std::sync::Arc;

use tracing::warn;

use crate::apps::backend::{BackendError, Credentials, Fault, Refusal, Verdict};
use crate::apps::server::Server;
use crate::limits::logins::{Attempt, Factors, Turn};
use crate::state::{ActiveConfig, Client, Gateway};

/// What the backend is asked, with the permits that are held for it.
pub(super) struct Question {
    pub(super) credentials: Credentials,
    pub(super) factors: Factors,
    pub(super) attempt: Attempt,
    pub(super) turn: Turn,
}

impl Question {
    /// Asks on the core runtime, where the client's connections live. What is counted is settled there too, so that a
    /// client that hangs up changes nothing about it.
    pub(super) async fn ask(
        self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        client: &Client,
    ) -> Result<Verdict, BackendError> {
        let (backend, settings, client, now) = (
            gateway.backend.clone(),
            Arc::clone(settings),
            client.clone(),
            gateway.now(),
        );
        let call = async move {
            let verdict = match settings.backend(&client.to) {
                Ok(target) => {
                    backend
                        .authenticate(&target, &self.credentials, client.behalf(), now)
                        .await
                }
                Err(failed) => Err(failed),
            };
            settle(self.attempt, self.factors, &verdict);
            // Held until the app has answered, also when the client has disconnected.
            drop(self.turn);
            verdict
        };
        gateway
            .core
            .spawn(call)
            .await
            .unwrap_or(Err(Fault::Interrupted.into()))
    }
}

/// Counts a failure. A success is not counted, and neither is an attempt that the app did not judge.
fn settle(attempt: Attempt, factors: Factors, verdict: &Result<Verdict, BackendError>) {
    let Ok(Err(rejected)) = verdict else {
        return;
    };
    if is_failure(&rejected.why, factors) {
        attempt.failed(rejected.account.as_deref());
    } else {
        attempt.half_way();
    }
}

/// A demand for another factor means that the password was right. It is a failure only if the attempt already carried a
/// factor, which was then wrong.
pub(super) fn is_failure(why: &Refusal, factors: Factors) -> bool {
    !matches!(why, Refusal::MfaRequired(_)) || factors == Factors::More
}

/// Says why the backend did not judge a login.
pub(super) fn not_judged(
    settings: &ActiveConfig,
    client: &Client,
    server: Option<&Server>,
    fault: &Fault,
) {
    warn!(
        request_id = &*client.request_id,
        upstream = settings.config.backend.upstream.name,
        server = server.map(tracing::field::display),
        call = "authenticate",
        cause = %fault,
        "login not possible"
    );
}
