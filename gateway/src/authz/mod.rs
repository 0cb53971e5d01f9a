//! Forward-auth: edges that are there already ask what becomes of a request, and send it to the app themselves.
//!
//! The decision is that of the proxy: `decision` and `passage` serve both. What is here translates: a question into the request that
//! it describes, and what was decided into fields that an edge can copy.
//!
//! | file | question |
//! |---|---|
//! | `listener` | who connects? |
//! | `serve` | what is asked, and who may ask? |
//! | `question` | which request does an edge describe? |
//! | `described` | what would it look like if it had come here? |
//! | `flow` | what becomes of it? |
//! | `allowed` | what does the edge have to know where the app gets it? |
//! | `refused` | and what where it does not? |
//! | `grpc` | the same in the messages of Envoy |
//! | `issued` | which ids of requests have we given to an app? |
//! | `event` | what does an app want done about a session? |

mod allowed;
mod described;
mod event;
mod flow;
mod grpc;
mod issued;
pub(crate) mod listener;
mod question;
mod refused;
mod serve;

pub(crate) use self::serve::NUMBERED_COOKIES;

/// The document that describes what is asked here.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");
