//! The receiver of signals: can it be reached? A connection and TLS, and no request: a receiver may count what it is sent.

use std::sync::Arc;

use http::Uri;
use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use session_core::cause::Peer;
use session_core::trust::Trust;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::finding::{Finding, Question, Topic};
use crate::apps::http_client;
use crate::config::{Config, Webhook};

/// `None` without a receiver.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let webhook = config.risk.webhook.as_ref()?;
    let question = Question::new(
        Topic::Webhook,
        "webhook",
        "a connection, and TLS where its URL is https",
    );
    let remedy = "mend risk.webhook_url or risk.webhook_ca, or start the receiver";
    let connected = tokio::time::timeout(webhook.timeout, connect(webhook)).await;
    Some(match connected {
        Ok(Ok(line)) => question.ok(line),
        Ok(Err(why)) => question.fail(why, remedy),
        Err(_elapsed) => question.fail(format!("no answer in {:?}", webhook.timeout), remedy),
    })
}

async fn connect(webhook: &Webhook) -> Result<String, String> {
    let uri: Uri = webhook
        .url
        .expose()
        .parse()
        .map_err(|_error| "its URL cannot be read")?;
    let host = uri.host().unwrap_or_default();
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let place = format!("{host}:{port}");
    let peer = Peer {
        authorities: Some("risk.webhook_ca"),
        ..Peer::at(&place)
    };
    let socket = TcpStream::connect(&place)
        .await
        .map_err(|error| peer.cause(&error))?;
    if !is_tls {
        return Ok(format!("connected to {place}"));
    }
    let trust = match &webhook.ca {
        Some(file) => http_client::authorities(file)?,
        None => Trust::default(),
    };
    let tls = http_client::tls(&trust).map_err(|error| peer.cause(&error))?;
    let name = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|error| peer.cause(&error))?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, socket);
    let stream = stream.await.map_err(|error| peer.cause(&error))?;
    let version = stream.get_ref().1.protocol_version();
    let version = version.map_or("TLS", tls_version);
    Ok(format!("connected to {place}, {version}"))
}

fn tls_version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        _ => "TLS",
    }
}
