//! A vector as it is put on the wire.

use sidgate_testkit::h2::Field;

use super::case::{Case, Values};

/// A case with its values.
pub(crate) struct Sent<'a> {
    pub(crate) case: &'a Case,
    pub(crate) id: &'a str,
    pub(crate) values: Values,
}

impl Sent<'_> {
    pub(crate) fn is_head(&self) -> bool {
        let bytes = self.case.h1.as_deref();
        bytes.map_or(self.case.method == "HEAD", |h1| h1.starts_with("HEAD "))
    }

    /// Over HTTP/1, byte for byte.
    pub(crate) fn h1_bytes(&self) -> Vec<u8> {
        if let Some(bytes) = &self.case.h1 {
            return self.values.bytes(bytes);
        }
        let target = self.case.target.as_deref().expect("a target");
        let mut text = format!(
            "{} {target} HTTP/1.1\r\nHost: {{host}}\r\n",
            self.case.method
        );
        for [name, value] in &self.case.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(self.case.body.as_deref().unwrap_or_default());
        self.values.bytes(&text)
    }

    /// Over HTTP/2: fields and body.
    pub(crate) fn h2_fields(&self) -> (Vec<Field>, Option<Vec<u8>>) {
        let body = || {
            let body = self.case.body.as_deref();
            body.map(|body| self.values.bytes(body))
        };
        if let Some(fields) = &self.case.h2 {
            let exactly =
                |[name, value]: &[String; 2]| (self.values.bytes(name), self.values.bytes(value));
            return (fields.iter().map(exactly).collect(), body());
        }
        let fill = |[name, value]: &[String; 2]| {
            let name = self.values.fill(name).to_lowercase();
            (name.into_bytes(), self.values.bytes(value))
        };
        let target = self.case.target.as_deref().expect("a target");
        let pseudo = [
            (":method", self.case.method.as_str()),
            (":scheme", "http"),
            (":path", target),
            (":authority", "{host}"),
        ]
        .map(|(name, value)| [name.to_owned(), value.to_owned()]);
        let fields = pseudo.iter().chain(&self.case.fields).map(fill).collect();
        (fields, body())
    }
}
