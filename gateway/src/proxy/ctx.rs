//! What one request carries from hook to hook.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Uri};
use pingora_core::{Error, ErrorType, Result};
use session_core::clock::Boot;
use sidgate_policy::auth::decide::State;

use super::progress::Progress;
use super::tries::Tries;
use super::watch::Watch;
use crate::answer::{Answer, Rejection};
use crate::apps::server::Server;
use crate::limits::streams::Holder;
use crate::passage::{Forward, Record};
use crate::state::Gateway;
use crate::state::client::NO_ADDRESS;
use crate::telemetry::traces::recording::FailedAttempt;

/// The state of one request.
pub(crate) struct Ctx {
    pub(super) gateway: Arc<Gateway>,
    /// What is known of it.
    pub(super) record: Record,
    /// Whether the request has been written to the log.
    pub(super) logged: bool,
    /// How it counts among the requests and streams under way.
    pub(super) progress: Arc<Progress>,
    /// The request's supervisor.
    pub(super) watch: Option<Arc<Watch>>,
    /// Bytes of the request body that were let through.
    pub(super) body_bytes: u64,
    /// When the first of them came.
    pub(super) body_began: Option<Boot>,
    /// Why the request is not served although it was on its way to the app. What a hook reports to Pingora is a number.
    pub(super) rejection: Option<Rejection>,
    /// The same in words, for the log.
    pub(super) rejected_because: Option<&'static str>,
    /// Method and target of a request that was vetted, for the line of one that is cut.
    pub(super) asked: Option<(Method, Uri)>,
    /// When the request was on its way to the server that was asked last.
    pub(super) asked_app: Option<Boot>,
    /// How long that server took to begin its answer.
    pub(super) first_byte: Option<Duration>,
    /// Set when the request goes to an app.
    pub(super) forward: Option<Forward>,
    /// How the app is being reached.
    pub(super) tries: Tries,
}

impl Ctx {
    pub(super) fn new(gateway: &Arc<Gateway>) -> Self {
        let progress = Progress::begin(gateway);
        Self {
            gateway: Arc::clone(gateway),
            record: Record::begin(gateway, None),
            logged: false,
            watch: Watch::header_is_read(&progress),
            progress,
            body_bytes: 0,
            rejection: None,
            rejected_because: None,
            asked: None,
            body_began: None,
            asked_app: None,
            first_byte: None,
            forward: None,
            tries: Tries::default(),
        }
    }
}

impl Ctx {
    /// Gives the request up. The answer is made of `why` when Pingora asks for it.
    pub(super) fn reject<T>(&mut self, why: Rejection, context: &'static str) -> Result<T> {
        let status = Answer::from(why.clone()).status;
        self.rejection = Some(why);
        self.rejected_because = Some(context);
        Error::e_explain(ErrorType::HTTPStatus(status), context)
    }

    /// The request is on its way to a server of an app.
    pub(super) fn asks_app(&mut self) {
        self.asked_app = Some(self.gateway.sessions.clock().boot());
    }

    /// The server that was asked last has failed the request.
    pub(super) fn attempt_failed(&self, why: &str, goes_on: bool) {
        let Some(recording) = self.record.recording() else {
            return;
        };
        let now = self.gateway.sessions.clock().boot();
        recording.attempt_failed(
            now,
            FailedAttempt {
                server: self.tries.server().map_or("", Server::name),
                why,
                goes_on,
            },
        );
    }

    /// The server that was asked has begun its answer.
    pub(super) fn app_answers(&mut self) {
        let (Some(asked), Some(forward)) = (self.asked_app.take(), &self.forward) else {
            return;
        };
        let took = self.gateway.sessions.clock().boot().since(asked);
        self.gateway
            .metrics
            .upstream_answers(&forward.app.name, took);
        self.first_byte = Some(took);
    }

    /// On whose account a stream is that becomes of this request.
    pub(super) fn holder(&self) -> Holder {
        let session = match self.forward.as_ref().map(|forward| &forward.state) {
            Some(State::Active(active)) => Some(active.entry.session().key),
            _ => None,
        };
        Holder {
            session,
            client: self.record.client.unwrap_or(NO_ADDRESS),
        }
    }
}
