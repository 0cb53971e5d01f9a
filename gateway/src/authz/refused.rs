//! An answer of the gateway for a visitor, as an edge passes it on.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, SET_COOKIE};

use super::described::Described;
use crate::answer::{Answer, Rendered};
use crate::passage::record::REQUEST_ID;
use crate::passage::{Record, reader};
use crate::state::Gateway;

/// Status, fields and body.
pub(super) struct Refused {
    /// Status code.
    pub status: u16,
    /// The `code` of problem documents.
    pub code: &'static str,
    /// All fields, cookies included.
    pub fields: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Refused {
    /// `answer` to the request that was described; `None`: no request was.
    pub(super) fn new(
        gateway: &Gateway,
        record: &mut Record,
        described: Option<&Described>,
        answer: Answer,
    ) -> Self {
        record.outcome = answer.outcome;
        let (status, code) = (answer.status, answer.outcome.into_str());
        let mut fields = answer.fields();
        fields.insert(REQUEST_ID, record.request_id.header());
        if let Some(changes) = record.cookie_changes.take() {
            for cookie in changes.lines(gateway, &record.settings, true) {
                fields.append(SET_COOKIE, cookie);
            }
        }
        for (name, value) in record.cors.fields() {
            fields.append(name, value);
        }
        let reader = described.map_or(crate::answer::Reader::Program, |described| {
            reader::of(described.head(), &record.settings, &answer)
        });
        let rendered = answer.render(&record.request_id, &reader);
        let Rendered {
            kind,
            body,
            fields: of_body,
        } = rendered;
        fields.extend(of_body);
        if !body.is_empty() {
            fields.insert(CONTENT_TYPE, kind);
        }
        Self {
            status,
            code,
            fields,
            body,
        }
    }
}
