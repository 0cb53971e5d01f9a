//! What the tests are built from. Everything runs on the loopback interface, on free ports, in temporary folders.
//!
//! | file | what it is |
//! |---|---|
//! | `gateway` | the program under test with its configuration |
//! | `builder` | how it is configured and started |
//! | `app` | an app that knows users; records every byte it receives |
//! | `audit` | security events |
//! | `upstream` | the recording TCP server under it |
//! | `django` | the demo app under gunicorn |
//! | `browser` | a client that keeps cookies and fills in forms |
//! | `client`, `http` | a client that sends exact bytes; requests and responses |
//! | `h2` | the same over HTTP/2 |
//! | `legacy` | the system that is being replaced, and an app that knows its logins |
//! | `tls`, `tls_receiver` | a client that speaks TLS, and a server |
//! | `token` | signed texts, made and checked without the gateway's code |
//! | `metrics` | numbers of `/metrics` |
//! | `mmdb` | small databases of places, in MaxMind's format |
//! | `sids` | sids that stand for no session |
//! | `stores` | PostgreSQL and Redis, past the gateway |
//! | `cli` | commands of the program |
//! | `config`, `port`, `process`, `wait` | what those are made of |

pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod browser;
pub(crate) mod builder;
pub(crate) mod cli;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod django;
pub(crate) mod gateway;
pub(crate) mod h2;
pub(crate) mod http;
pub(crate) mod legacy;
pub(crate) mod metrics;
pub(crate) mod mmdb;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod secrets;
pub(crate) mod sids;
pub(crate) mod stores;
pub(crate) mod tls;
pub(crate) mod tls_receiver;
pub(crate) mod token;
pub(crate) mod upstream;
pub(crate) mod wait;

pub(crate) use app::App;
pub(crate) use gateway::{Gateway, SESSION, login};
pub(crate) use http::{Request, Response};
pub(crate) use upstream::Reply;
