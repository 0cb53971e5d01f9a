//! One question to a server: does it take a connection, is it healthy?

use bytes::Bytes;
use http::header::{HOST, HeaderMap};
use http::{HeaderValue, Method};

use super::app::App;
use super::client::{Client, Question, Unanswered};
use super::server::Server;
use crate::config::HealthConfig;

/// Most of the body of an answer that is read: it says nothing, but a connection is used again only when it was read.
const BODY_MAX: usize = 16 * 1024;

/// Whether a connection stands in time.
///
/// # Errors
/// Why there is none.
pub(crate) async fn connects(client: &Client, app: &App, server: &Server) -> Result<(), String> {
    let connected = client.connects(&app.way, server).await;
    connected.map_err(|error| error.to_string())
}

/// Whether it answers a health check well, and in time. `authority`: the host that it is asked for.
///
/// # Errors
/// Why it does not.
pub(crate) async fn healthy(
    client: &Client,
    app: &App,
    server: &Server,
    (health, authority): (&HealthConfig, &str),
) -> Result<(), String> {
    let host = HeaderValue::try_from(authority);
    let host = host.map_err(|_odd| "the public host cannot be written".to_owned())?;
    let question = Question {
        method: Method::GET,
        target: health.path.clone(),
        headers: HeaderMap::from_iter([(HOST, host)]),
        body: Bytes::new(),
        timeout: health.timeout,
        max_answer_bytes: BODY_MAX,
    };
    match client.ask(&app.way, server, &question).await {
        Ok(answer) if (200..400).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status)),
        Err(Unanswered::Timeout(limit)) => {
            Err(format!("no answer within health.timeout ({limit:?})"))
        }
        Err(why) => Err(why.to_string()),
    }
}
