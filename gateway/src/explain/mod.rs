//! Why is a request served, or refused? The decision on one request, step by step, for whoever asks.
//!
//! Nothing is decided here: `decision` decides, as it does for the proxy, and this room writes down what each question has
//! found and which key of the configuration it comes from. It reads, and changes nothing: a session is looked at without
//! being used, and no app is called. No value of a field, no cookie, no sid and no query string is ever in what it says.
//!
//! | file | question |
//! |---|---|
//! | `question` | which request is it, in somebody's words? |
//! | `came` | what does the gateway read, when that request comes? |
//! | `listener` | what did each question of the decision find? |
//! | `examined` | what was decided before a session is looked up, and what has to be looked up? |
//! | `session` | what does the session change? |
//! | `old_cookies` | what would become of old logins? |
//! | `keys` | which keys of the configuration decided? |
//! | `report`, `shown` | how is it told, and what of it may be told? |

mod came;
mod examined;
mod keys;
mod listener;
mod old_cookies;
mod question;
mod report;
mod session;
mod shown;

pub(crate) use self::came::Came;
pub(crate) use self::examined::{Examined, Wanted};
pub(crate) use self::question::{Described, Question};
pub(crate) use self::report::{Report, Verdict};
pub(crate) use self::session::Known;
