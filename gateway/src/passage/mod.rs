//! A request on its way through the gateway, as far as the proxy and forward-auth do the same with it.
//!
//! | file | question |
//! |---|---|
//! | `record` | what is known of a request, and what will its line say? |
//! | `course` | what has to be done about what was decided? |
//! | `forward` | what is known about its session, and so what happens? |
//! | `cookie_line` | which cookies does the app get? |
//! | `rendered` | why is it not served, and so what is answered? |
//! | `renew` | does the session get a new sid? |
//! | `spans` | and what do its spans say? |
//! | `event` | what does the app want done about the session? |
//! | `reader` | who reads an answer: a program, or a person? |
//! | `told` | what of the client's text may be written down? |
//! | `line` | the request is over: which counters, which line? |

pub(crate) mod cookie_line;
pub(crate) mod course;
pub(crate) mod event;
pub(crate) mod forward;
pub(crate) mod line;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod rendered;
pub(crate) mod renew;
pub(crate) mod spans;
pub(crate) mod told;

pub(crate) use self::forward::Forward;
pub(crate) use self::record::{Answerer, Record, Refusal};
