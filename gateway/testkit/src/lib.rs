//! What the tests of the gateway are built from. Everything runs on the loopback interface, on free ports, in temporary
//! folders.
//!
//! | file | what it is |
//! |---|---|
//! | `gateway` | the program under test with its configuration |
//! | `builder` | how it is configured and started |
//! | `stage` | the program with an app behind it |
//! | `app` | an app that knows users; records every byte it receives |
//! | `audit` | security events |
//! | `upstream` | the recording TCP server under it |
//! | `front` | other ways to an app: a unix socket, TLS, HTTP/2 |
//! | `django` | the demo app under gunicorn |
//! | `edge` | a proxy that asks the gateway about requests |
//! | `browser` | a client that keeps cookies and fills in forms |
//! | `traveller` | one that goes from site to site, with the cookies of each |
//! | `client`, `http` | a client that sends exact bytes; requests and responses |
//! | `h2` | the same over HTTP/2 |
//! | `wire` | what they run over: TCP, a Unix socket, TLS |
//! | `legacy` | the system that is being replaced, and an app that knows its logins |
//! | `tls`, `tls_connection`, `tls_receiver` | clients that speak TLS, and a server |
//! | `token` | signed texts, made and checked without the gateway's code |
//! | `metrics` | numbers of `/metrics` |
//! | `mmdb` | small databases of places, in MaxMind's format |
//! | `spans` | a receiver of spans, and a collector before it |
//! | `sids` | sids that stand for no session |
//! | `stores` | PostgreSQL and Redis, past the gateway |
//! | `pooler` | PgBouncer in front of PostgreSQL |
//! | `cli` | commands of the program |
//! | `drill` | its drill, beside the nodes of a fleet |
//! | `config`, `port`, `process`, `wait`, `places` | what those are made of |
//! | `corpus` | property tests over bytes, with inputs that are kept |

#![expect(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "test support: whatever does not hold fails the test"
)]

pub mod app;
pub mod audit;
pub mod browser;
pub mod builder;
pub mod cli;
pub mod client;
pub mod config;
pub mod corpus;
pub mod django;
pub mod drill;
pub mod edge;
pub mod front;
pub mod gateway;
pub mod h2;
pub mod http;
pub mod legacy;
pub mod metrics;
pub mod mmdb;
pub mod places;
pub mod pooler;
pub mod port;
pub mod process;
pub mod secrets;
pub mod sids;
pub mod spans;
pub mod stage;
pub mod stores;
pub mod tls;
pub mod tls_connection;
pub mod tls_receiver;
pub mod token;
pub mod traveller;
pub mod upstream;
pub mod wait;
pub mod wire;

pub use app::App;
pub use gateway::{Gateway, SESSION, login};
pub use http::{Request, Response};
pub use stage::Stage;
pub use traveller::Traveller;
pub use upstream::Reply;
