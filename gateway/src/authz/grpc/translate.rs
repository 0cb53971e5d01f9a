//! From Envoy's message to a request, and from what was decided to Envoy's message.

use http::header::{SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use sidgate_policy::edge::Refused as Rule;
use sidgate_policy::edge::client_ip;

use super::messages::{
    AddressKind, AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderField,
    HeaderOption, HttpRequest, HttpResponse, HttpStatus, OkHttpResponse, RpcStatus,
};
use super::text;
use crate::authz::allowed::Allowed;
use crate::authz::described::{Described, Said, SentBy};
use crate::authz::question::scheme_of;
use crate::authz::refused::Refused;
use crate::passage::record::REQUEST_ID;
use crate::telemetry::questions::NoQuestion;

/// `PERMISSION_DENIED` of gRPC: what Envoy takes for "the visitor gets this answer".
const DENIED: i32 = 7;

/// The request that a question describes.
///
/// # Errors
/// When it does not say where the request goes.
pub(super) fn described(question: CheckRequest) -> Result<Result<Described, Rule>, NoQuestion> {
    let attributes = question.attributes.ok_or(NoQuestion::Incomplete)?;
    let peer = peer(&attributes)?;
    let http = attributes.request.and_then(|request| request.http);
    let http = http.ok_or(NoQuestion::Incomplete)?;
    let is_complete = [&http.method, &http.path, &http.host]
        .iter()
        .all(|part| !part.is_empty());
    let host = HeaderValue::try_from(&http.host).map_err(|_unfit| NoQuestion::Incomplete)?;
    if !is_complete {
        return Err(NoQuestion::Incomplete);
    }
    let headers = fields(&http)?;
    // Envoy writes it. What the message calls the scheme is what the client has written.
    let scheme = scheme_of(&headers)?;
    Ok(Described::new(Said {
        method: http.method.as_bytes(),
        target: http.path.as_bytes(),
        host: &host,
        scheme,
        sender: SentBy::Peer(peer),
        headers,
    }))
}

/// Who sent the request to Envoy.
fn peer(attributes: &AttributeContext) -> Result<client_ip::Peer, NoQuestion> {
    let address = attributes.source.as_ref();
    let address = address.and_then(|source| source.address.as_ref());
    match address.and_then(|address| address.kind.as_ref()) {
        Some(AddressKind::Socket(socket)) => {
            let address = socket.address.parse();
            let address = address.map_err(|_no_address| NoQuestion::Incomplete)?;
            Ok(client_ip::Peer::Address(address))
        }
        Some(AddressKind::Pipe(_)) => Ok(client_ip::Peer::Unix),
        None => Err(NoQuestion::Incomplete),
    }
}

/// The fields of the request, without those that stand for its line in HTTP/2.
fn fields(http: &HttpRequest) -> Result<HeaderMap, NoQuestion> {
    let mut fields = HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        if name.starts_with(':') {
            return Ok(());
        }
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value);
        match (name, value) {
            (Ok(name), Ok(value)) => {
                fields.append(name, value);
                Ok(())
            }
            _ => Err(NoQuestion::Incomplete),
        }
    };
    match &http.header_map {
        Some(each) if !each.headers.is_empty() => {
            for field in &each.headers {
                let value = if field.raw_value.is_empty() {
                    field.value.as_bytes()
                } else {
                    &field.raw_value
                };
                add(&field.key, value)?;
            }
        }
        _ => {
            for (name, value) in &http.headers {
                add(name, value.as_bytes())?;
            }
        }
    }
    Ok(fields)
}

/// Envoy sends the request on.
pub(super) fn permission(allowed: Allowed) -> CheckResponse {
    let headers_to_remove = allowed.to_remove();
    let headers_to_remove = headers_to_remove
        .iter()
        .map(|name| name.as_str().to_owned());
    let headers_to_remove = headers_to_remove.collect();
    let request_id = (REQUEST_ID, allowed.request_id);
    let cookie = (http::header::COOKIE, allowed.cookie);
    let trace = allowed.trace.iter();
    let trace = trace.map(|(name, value)| (name.clone(), value.clone()));
    let told = allowed.identity.into_iter().chain([request_id, cookie]);
    let told = told.chain(trace);
    let set: Vec<_> = told.filter(|(_, value)| !value.is_empty()).collect();
    let cookies = allowed
        .set_cookies
        .iter()
        .map(|cookie| (SET_COOKIE, cookie));
    let for_browser = allowed.for_browser.iter();
    let for_browser = for_browser.map(|(name, value)| (name.clone(), value));
    CheckResponse {
        status: Some(RpcStatus { code: 0 }),
        http_response: Some(HttpResponse::Ok(OkHttpResponse {
            headers: set
                .iter()
                .map(|(name, value)| option(name, value, false))
                .collect(),
            headers_to_remove,
            response_headers_to_add: for_browser
                .chain(cookies)
                .map(|(name, value)| option(&name, value, true))
                .collect(),
        })),
    }
}

/// Envoy answers the visitor.
pub(super) fn refusal(refused: Refused) -> CheckResponse {
    let fields = refused.fields.iter();
    CheckResponse {
        status: Some(RpcStatus { code: DENIED }),
        http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: i32::from(refused.status),
            }),
            headers: fields
                .map(|(name, value)| option(name, value, *name == SET_COOKIE || *name == VARY))
                .collect(),
            body: String::from_utf8_lossy(&refused.body).into_owned(),
        })),
    }
}

/// A field, in place of one of that name or beside it.
fn option(name: &HeaderName, value: &HeaderValue, is_added: bool) -> HeaderOption {
    HeaderOption {
        header: Some(HeaderField {
            key: name.as_str().to_owned(),
            value: text(value),
            raw_value: vec![],
        }),
        append: Some(is_added),
    }
}

#[cfg(test)]
mod tests;
