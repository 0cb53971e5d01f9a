//! The body of an answer, as its reader gets it: a problem document, a page that is built in, or one of the operator's.

use bytes::Bytes;
use http::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, RETRY_AFTER,
};
use serde_json::Value;

use super::page::{Page, Reader};
use super::{Answer, Body};

/// What a page of the operator's may do: it has styles and pictures, in the page or from here, and never a script.
const OWN_PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The body of an answer, for whoever reads it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) kind: HeaderValue,
    pub(crate) body: Bytes,
    /// Header fields that stand in place of those that the answer has otherwise.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// The body, for whoever reads it.
    #[must_use]
    pub(crate) fn render(self, request_id: &str, reader: &Reader) -> Rendered {
        let (Body::Problem(problem), Reader::Person(person)) = (&self.body, reader) else {
            let (kind, body) = self.body.bytes(request_id);
            return Rendered {
                kind,
                body,
                fields: vec![],
            };
        };
        let page = Page {
            status: self.status,
            outcome: self.outcome,
            title: problem
                .get("title")
                .and_then(Value::as_str)
                .unwrap_or("Error"),
            request_id,
            wait: self.wait(),
        };
        let mut fields = vec![];
        let html = match &person.own {
            Some(own) => {
                fields.push((CONTENT_SECURITY_POLICY, OWN_PAGE_POLICY));
                let language = own.language.as_deref();
                let language = language.and_then(|tag| HeaderValue::from_str(tag).ok());
                fields.extend(language.map(|tag| (CONTENT_LANGUAGE, tag)));
                page.filled(person, own)
            }
            None => page.html(person),
        };
        Rendered {
            kind: HeaderValue::from_static("text/html; charset=utf-8"),
            body: html.into(),
            fields,
        }
    }

    /// Seconds after which it is worth to try again.
    fn wait(&self) -> Option<u64> {
        let mut fields = self.headers.iter();
        let (_, seconds) = fields.find(|(name, _)| name == RETRY_AFTER)?;
        seconds.to_str().ok()?.parse().ok()
    }
}
