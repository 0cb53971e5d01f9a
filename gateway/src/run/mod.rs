//! Starts the gateway, keeps it current, and takes it down.
//!
//! | file | does |
//! |---|---|
//! | `server` | puts the parts together, runs them, and takes them down in order |
//! | `wiring` | loads the configuration, and names the concrete store and cache |
//! | `listeners`, `sockets`, `unix_socket` | binds the ports |
//! | `activation` | or takes sockets that the service manager has opened |
//! | `services` | lets Pingora serve them |
//! | `upgrade` | starts the next process, and hands the listeners over to it |
//! | `succession` | from the process before to this one |
//! | `service_manager`, `watchdog` | what systemd hears of this process |
//! | `background` | tasks beside requests: addresses, history, log rotation |
//! | `exporter` | sends spans to their receiver |
//! | `pause` | waits as long as the configuration in use says |
//! | `reload` | takes another configuration over |
//! | `tls`, `certificates` | how TLS is spoken; takes renewed certificates over |
//! | `announce` | the lines about the start and the end |
//! | `stop` | why the process ends |
//! | `first_process` | stays in a container as long as the process that has taken its place |

mod activation;
mod advice;
mod announce;
mod background;
mod certificates;
mod exporter;
mod first_process;
mod listeners;
mod maintenance;
mod pause;
mod prober;
mod reload;
pub(crate) mod server;
mod service_manager;
mod services;
pub(crate) mod shared_cache;
mod signals;
mod sockets;
mod stop;
mod succession;
mod tls;
mod unix_socket;
pub(crate) mod upgrade;
mod watchdog;
pub(crate) mod wiring;
