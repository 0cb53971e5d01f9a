//! `[access_log]`: what the line of a request says, and where it goes.

use std::path::PathBuf;

use http::HeaderName;
use strum::VariantArray as _;

use super::reader::Reader;
use super::secret::Sources;

/// Header fields in one line.
const MAX_HEADERS: usize = 16;

/// The access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// File that the lines are appended to; `None`: they stand among the other lines on stdout.
    pub file: Option<PathBuf>,
    /// What the lines say.
    pub fields: AccessFields,
    /// Header fields of requests that they repeat.
    pub headers: Vec<HeaderName>,
}

/// One thing that a line may say.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray, strum::EnumString,
)]
#[strum(serialize_all = "snake_case")]
pub enum AccessField {
    /// `X-Request-Id`
    RequestId,
    /// The trace, where requests are traced.
    TraceId,
    /// Method.
    Method,
    /// Path, without query and secrets.
    Path,
    /// Host, as the client has named it.
    Host,
    /// The site, where sites have names.
    Site,
    /// Version of HTTP.
    Protocol,
    /// Which edge asks about it, where it did not come itself.
    Via,
    /// Version of TLS.
    Tls,
    /// Prefix of the route, or the part of the gateway that answered.
    Route,
    /// What came of it.
    Outcome,
    /// Status code.
    Status,
    /// Why it was refused.
    Reason,
    /// The header or cookie because of which.
    Field,
    /// Handle of the session.
    Session,
    /// Tier that answered for the session.
    Tier,
    /// Address of the client.
    Client,
    /// `User-Agent`
    UserAgent,
    /// The app.
    Upstream,
    /// The server of the app that was asked last.
    Server,
    /// How long it took to begin its answer.
    FirstByteUs,
    /// Bytes of the request's body.
    Received,
    /// Bytes of the answer's body.
    Bytes,
    /// How long everything took.
    DurationUs,
}

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessFields(u32);

impl AccessFields {
    /// What a line says where nothing is said about it.
    #[must_use]
    pub fn usual() -> Self {
        let all = AccessField::VARIANTS.iter().filter(|field| {
            !matches!(
                field,
                AccessField::Protocol
                    | AccessField::Tls
                    | AccessField::UserAgent
                    | AccessField::Received
            )
        });
        all.copied().collect()
    }

    /// Whether a line says this.
    #[must_use]
    pub const fn has(self, field: AccessField) -> bool {
        self.0 & Self::bit(field) != 0
    }

    const fn bit(field: AccessField) -> u32 {
        1 << field as u32
    }
}

impl FromIterator<AccessField> for AccessFields {
    fn from_iter<T: IntoIterator<Item = AccessField>>(fields: T) -> Self {
        let bits = fields.into_iter().map(Self::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl AccessLogConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("access_log", |section| Self {
            file: section
                .text("file", |text| sources.guarded_path(text))
                .flatten(),
            fields: section
                .texts("fields", field)
                .map_or_else(AccessFields::usual, AccessFields::from_iter),
            headers: headers(section),
        })
    }
}

fn headers(section: &mut Reader<'_>) -> Vec<HeaderName> {
    let headers = section.texts("headers", header).unwrap_or_default();
    if headers.len() > MAX_HEADERS {
        let message = format!("has {} names, more than {MAX_HEADERS}", headers.len());
        section.contradiction(&["headers"], message);
    }
    headers
}

fn field(text: &str) -> Result<AccessField, String> {
    text.parse().map_err(|_error| {
        let all: Vec<&str> = AccessField::VARIANTS.iter().map(Into::into).collect();
        format!("{text:?} is not one of {}", all.join(", "))
    })
}

/// A name whose values may be written down.
fn header(text: &str) -> Result<HeaderName, String> {
    /// Parts of names whose values open something.
    const SECRET: [&str; 15] = [
        "auth",
        "cookie",
        "credential",
        "csrf",
        "jwt",
        "key",
        "nonce",
        "password",
        "passwd",
        "secret",
        "session",
        "sid",
        "signature",
        "token",
        "xsrf",
    ];
    /// Names whose values are addresses, with paths and queries that open something.
    const ADDRESSES: [&str; 7] = [
        "referer",
        "forwarded",
        "x-forwarded-uri",
        "x-original-uri",
        "x-original-url",
        "x-rewrite-url",
        "next-url",
    ];

    let name = HeaderName::try_from(text)
        .map_err(|_error| format!("{text:?} is not the name of a header field"))?;
    let lower = name.as_str();
    if let Some(part) = SECRET.iter().find(|part| lower.contains(**part)) {
        return Err(format!(
            "{text:?} holds what nobody may read: no name with {part:?} in it is written down"
        ));
    }
    if ADDRESSES.contains(&lower) {
        return Err(format!(
            "{text:?} holds paths and queries, which may open something: it is not written down"
        ));
    }
    Ok(name)
}
