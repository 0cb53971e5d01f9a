//! What kept the backend from a usable answer, in words for whoever has to mend it. Nothing of an answer is quoted.

use std::sync::Arc;
use std::time::Duration;

use session_core::session::MemberRefused;
use thiserror::Error;

use crate::apps::server::Server;

/// The backend gave no usable answer.
#[derive(Debug, Error)]
#[error("{fault}{}", place(.server.as_deref(), .call))]
pub(crate) struct BackendError {
    /// What happened.
    pub fault: Fault,
    /// Which of its servers was asked; `None`: none was.
    pub server: Option<Arc<Server>>,
    /// What it was asked, as the path says it.
    pub call: &'static str,
}

/// Where a fault was found.
fn place(server: Option<&Server>, call: &str) -> String {
    server.map_or_else(String::new, |server| format!(" ({call} at {server})"))
}

/// A fault before any server was asked.
impl From<Fault> for BackendError {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            server: None,
            call: "",
        }
    }
}

/// What happened to a call.
#[derive(Debug, Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Fault {
    /// The configuration has no such app, which a valid one rules out.
    #[error("backend.upstream names no upstream")]
    NoApp,
    /// The call could not be put into JSON.
    #[error("the call could not be written")]
    NotWritten,
    /// The call could not be signed.
    #[error("the call could not be signed")]
    NotSigned,
    /// The task that waited for the answer is gone: the process is stopping.
    #[error("the call was interrupted")]
    Interrupted,
    /// No server has an address. The text says which name does not resolve, and since when.
    #[error("no server has an address: {0}")]
    NoAddress(String),
    /// Every server has as many requests as it may have.
    #[error("every server has max_connections requests")]
    Busy,
    /// No connection: the app is unreachable for everybody.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// There was no whole answer in time.
    #[error("no answer within backend.timeout ({0:?})")]
    Timeout(Duration),
    /// The connection stood, and the answer is missing or incomplete.
    #[error("no complete answer: {0}")]
    BrokenOff(String),
    /// The app sends us elsewhere. Nothing is followed.
    #[error("the answer is a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// A status that the contract does not have for this call.
    #[error("the status of the answer is {status}{}", hint(*.status))]
    Status {
        /// It.
        status: u16,
    },
    /// The body is of another type.
    #[error("the answer ({status}{}) {found}", hint(*.status))]
    NotJson {
        /// Its status.
        status: u16,
        /// What it is.
        found: Found,
    },
    /// The body is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The body says it is JSON, and is none.
    #[error("the answer is not valid JSON (line {line}, column {column})")]
    BadJson {
        /// Line of the first odd character.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// A member is not as documented.
    #[error(transparent)]
    Member(#[from] MemberRefused),
    /// A refusal without a code that the contract has for its status.
    #[error("the answer refuses with {0}, and its code is none that the protocol has for that")]
    Refusal(u16),
}

/// What a body is that is no JSON.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum Found {
    /// A page.
    #[error("is HTML instead of JSON")]
    Html,
    /// Something else.
    #[error("is of another type than JSON")]
    Other,
    /// The answer does not say.
    #[error("has no Content-Type, where application/json must stand")]
    Untyped,
}

/// What most often lies behind a status.
const fn hint(status: u16) -> &'static str {
    match status {
        404 => ": does the app answer below /__sidgate__/?",
        _ => "",
    }
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// There was an answer, or the fault is on our side.
    Answered,
    /// The app took the call, but its answer is missing or incomplete.
    Silent,
    /// No connection.
    Unreachable,
}

impl Fault {
    /// How far the call came.
    pub(crate) const fn reach(&self) -> Reach {
        match self {
            Self::NoAddress(_) | Self::NoConnection(_) | Self::Busy => Reach::Unreachable,
            Self::Timeout(_) | Self::BrokenOff(_) => Reach::Silent,
            Self::NoApp
            | Self::NotWritten
            | Self::NotSigned
            | Self::Interrupted
            | Self::Redirect(_)
            | Self::Status { .. }
            | Self::NotJson { .. }
            | Self::TooLarge(_)
            | Self::BadJson { .. }
            | Self::Member(_)
            | Self::Refusal(_) => Reach::Answered,
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::BadJson {
            line: error.line(),
            column: error.column(),
        }
    }
}
