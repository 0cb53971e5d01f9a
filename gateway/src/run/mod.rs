//! Starts the gateway, keeps it current, and takes it down.
//!
//! | file | does |
//! |---|---|
//! | `server` | puts the parts together, runs them, and takes them down in order |
//! | `wiring` | loads the configuration, and names the concrete store and cache |
//! | `listeners`, `sockets`, `unix_socket` | binds the ports |
//! | `activation` | or takes sockets that the service manager has opened |
//! | `services` | lets Pingora serve them |
//! | `upgrade` | hands the listeners over to the next process |
//! | `background` | tasks beside requests: addresses, history, log rotation |
//! | `pause` | waits as long as the configuration in use says |
//! | `reload` | takes another configuration over |
//! | `tls`, `certificates` | how TLS is spoken; takes renewed certificates over |
//! | `announce` | the lines about the start and the end |
//! | `stop` | why the process ends |

mod activation;
mod announce;
mod background;
mod certificates;
mod listeners;
mod maintenance;
mod pause;
mod prober;
mod reload;
pub(crate) mod server;
mod services;
mod signals;
mod sockets;
mod stop;
mod tls;
mod unix_socket;
pub(crate) mod upgrade;
pub(crate) mod wiring;
