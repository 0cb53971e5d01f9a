//! Reads the numbers of running nodes, once or twice.

use std::path::Path;
use std::thread;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use session_core::clock::{Clock as _, SystemClock};
use session_core::secret::SecretString;

use crate::advise::facts::Node;
use crate::advise::node::node;
use crate::advise::report::Unheard;
use crate::advise::sample::Sample;
use crate::cli::running::{self, At, Reply};
use crate::cli::running_url::RunningUrl;
use crate::config::AdminPlace;
use crate::run::wiring::WiringError;

/// Where a gateway tells its numbers, on its admin listener.
pub(super) const METRICS: &str = "/metrics";
/// Longest wait for the numbers of one node.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which nodes are asked, and with what.
pub(super) struct Place {
    urls: Vec<RunningUrl>,
    token: Option<SecretString>,
}

impl Place {
    /// The node of this configuration.
    pub(super) fn of_config(config: &Path) -> Result<Self, WiringError> {
        let place = AdminPlace::load(config, &|name| std::env::var(name).ok())?;
        let url = RunningUrl {
            at: At::Tcp(place.address.to_string()),
            target: METRICS.to_owned(),
        };
        Ok(Self {
            urls: vec![url],
            token: place.token,
        })
    }

    /// Nodes that somebody has named.
    pub(super) fn named(urls: &[RunningUrl], token: Option<SecretString>) -> Self {
        let mut named: Vec<RunningUrl> = Vec::new();
        for url in urls {
            // A node that is named twice is one node.
            if !named.contains(url) {
                named.push(url.clone());
            }
        }
        Self { urls: named, token }
    }
}

/// What nodes have told.
pub(super) struct Watched {
    pub(super) nodes: Vec<Node>,
    pub(super) unheard: Vec<Unheard>,
}

/// Reads every node, and once more after `over`.
pub(super) fn watch(place: &Place, over: Option<Duration>) -> Result<Watched, WiringError> {
    let mut before = Vec::new();
    if let Some(over) = over {
        for url in &place.urls {
            before.push(read(url, place.token.as_ref())?.ok());
        }
        thread::sleep(over);
    }
    let mut watched = Watched {
        nodes: Vec::new(),
        unheard: Vec::new(),
    };
    let before = before.into_iter().chain(std::iter::repeat(None));
    for (url, before) in place.urls.iter().zip(before) {
        let name = url.at.to_string();
        let heard = read(url, place.token.as_ref())?.and_then(|after| {
            let told = node(&name, before.as_ref(), &after);
            told.ok_or_else(|| "it does not say since when it has been running".to_owned())
        });
        match heard {
            Ok(node) => watched.nodes.push(node),
            Err(why) => watched.unheard.push(Unheard { name, why }),
        }
    }
    Ok(watched)
}

/// The numbers of one node, or why there are none.
fn read(
    url: &RunningUrl,
    token: Option<&SecretString>,
) -> Result<Result<Sample, String>, WiringError> {
    let mut request = Request::get(url.target.as_str());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let Ok(request) = request.body(()) else {
        return Ok(Err("the token cannot be sent in a header".to_owned()));
    };
    let reply = running::ask(&url.at, request, PATIENCE)?;
    let at = SystemClock.wall().as_micros();
    let at = Duration::from_micros(u64::try_from(at).unwrap_or(0));
    Ok(reply
        .map_err(|why| why.to_string())
        .and_then(|reply| sample(&reply, at)))
}

fn sample(reply: &Reply, at: Duration) -> Result<Sample, String> {
    match reply.status {
        StatusCode::OK => {
            let text = std::str::from_utf8(&reply.body).ok();
            let sample = text.and_then(|text| Sample::parse(text, at));
            sample.ok_or_else(|| "the answer is not that of a gateway".to_owned())
        }
        StatusCode::UNAUTHORIZED => Err("it wants another admin.token".to_owned()),
        StatusCode::FORBIDDEN => {
            Err("it refuses to be asked by this name: use its address".to_owned())
        }
        StatusCode::NOT_FOUND => {
            Err("it has no /metrics: is ENABLE_SESSION_METRICS false?".to_owned())
        }
        other => Err(format!("status {}", other.as_u16())),
    }
}
