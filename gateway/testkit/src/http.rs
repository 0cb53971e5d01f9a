//! Requests as bytes, responses as they came.

use std::fmt::Write as _;

use serde_json::Value;

/// A request that is written exactly as it is built. Host and Content-Length are added unless they were given.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    pub fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// Adds one field, also if there is one of this name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds this Cookie line, if there is any cookie in it.
    pub fn cookies(self, line: &str) -> Self {
        if line.is_empty() {
            self
        } else {
            self.header("Cookie", line)
        }
    }

    /// Adds what browsers say when they open a page.
    pub fn navigation(self) -> Self {
        self.header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
    }

    /// Adds a Cookie field with nothing but the session's cookie.
    pub fn sid(self, sid: &str) -> Self {
        self.header("Cookie", &format!("sid={sid}"))
    }

    /// Asks for a WebSocket, with the key of RFC 6455, 1.3.
    pub fn websocket(self) -> Self {
        self.header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// A JSON body with its content type.
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The bytes on the wire.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |wanted: &str| {
            let mut names = self.headers.iter().map(|(name, _)| name);
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        if !has("host") {
            write!(head, "Host: {host}\r\n").unwrap();
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let framed = has("content-length") || has("transfer-encoding");
        if let Some(body) = self.body.as_ref().filter(|_| !framed) {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A response as it came.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// In the order and spelling of the wire.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        all(&self.headers, name)
    }

    /// The value of a field that appears at most once.
    ///
    /// # Panics
    /// When it appears twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// The response, whose status must be this one.
    #[track_caller]
    pub fn must_be(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of {self:?}"))
    }

    /// The `code` of an answer that must be a problem document of this status (RFC 9457).
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let content_type = self.header("content-type").unwrap_or_default();
        assert_eq!(content_type, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        problem["code"].as_str().expect("a code").to_owned()
    }

    /// The sid that this response sets.
    ///
    /// # Panics
    /// When it sets none, or clears it.
    pub fn new_sid(&self) -> String {
        let cookies = self.all("set-cookie");
        let [cookie] = cookies.as_slice() else {
            panic!("exactly one Set-Cookie expected in {self:?}");
        };
        let (pair, _) = cookie.split_once(';').expect("attributes");
        let sid = pair.strip_prefix("sid=").expect("our cookie");
        assert_eq!(sid.len(), 36, "a sid has 36 characters: {cookie}");
        sid.to_owned()
    }

    /// Whether it takes the sid away.
    pub fn clears_the_sid(&self) -> bool {
        let cookie = self.header("set-cookie").unwrap_or_default();
        cookie.starts_with("sid=;") && cookie.contains("Max-Age=0")
    }

    /// Whether it has no Set-Cookie at all.
    pub fn leaves_cookies_alone(&self) -> bool {
        self.all("set-cookie").is_empty()
    }
}

/// Every value of `name` among `headers`.
pub fn all<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers
        .iter()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// The value of a field that must not be repeated.
pub fn single<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let values = all(headers, name);
    assert!(values.len() < 2, "{name} appears twice: {values:?}");
    values.first().copied()
}

/// First line and fields of a head that ends in an empty line.
pub fn parse_head(head: &[u8]) -> (String, Vec<(String, String)>) {
    let text: String = head.iter().map(|&byte| char::from(byte)).collect();
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a field has a colon");
            (name.to_owned(), value.trim().to_owned())
        })
        .collect();
    (first, headers)
}
