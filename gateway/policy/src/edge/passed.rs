//! What is found out about a request on its way through the rules of the edge.
//!
//! Who explains a decision listens to it. Who only decides does not, and pays nothing for it.

use super::{Cookies, ServedHost, Spoofed};

/// A question that found nothing wrong, and what it found. In the order in which they are asked.
#[derive(Debug, Clone, Copy)]
pub enum Passed<'p> {
    /// Where the request ends. The length of the body, if the request says it.
    Framing(Option<u64>),
    /// What it says about the connection. Whether it is a WebSocket handshake.
    Connection(bool),
    /// The method.
    Method,
    /// The canonical path.
    Target(&'p str),
    /// The host, as configured, and with it the site.
    Host(&'p ServedHost),
    /// The names of the header fields. Those that no app will get.
    HeaderNames(Spoofed),
    /// The cookies.
    Cookies(&'p Cookies<'p>),
}
