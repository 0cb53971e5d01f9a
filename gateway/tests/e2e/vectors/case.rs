//! The form of a vector: bytes in, what must come of them.
//!
//! In every text `{host}`, `{port}`, `{origin}`, `{N}` (name of the session cookie), `{sid}` and `{bob}` (live sessions of
//! alice and bob) stand for those of the run, `{each}` for each entry of the case's list in turn, and `{x*9}` for nine
//! times `x`. Characters up to U+00FF are sent as one byte, others as UTF-8.

use serde::Deserialize;

/// A file of vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Laid over the usual configuration.
    #[serde(default)]
    pub(crate) config: String,
    /// The run is repeated for each.
    #[serde(default = "just_sid")]
    pub(crate) cookie_names: Vec<String>,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

fn just_sid() -> Vec<String> {
    vec!["sid".to_owned()]
}

/// One vector. Sent over HTTP/1 and HTTP/2, unless it is given as the bytes of one of them.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) each: Vec<String>,
    /// HTTP/1, byte for byte.
    pub(crate) h1: Option<String>,
    /// HTTP/2: every field, pseudo fields included.
    pub(crate) h2: Option<Vec<[String; 2]>>,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) fields: Vec<[String; 2]>,
    pub(crate) body: Option<String>,
    /// 0: the end of the stream or connection, without an answer.
    pub(crate) status: Option<u16>,
    /// Where parser and gateway may each answer in its own way: any of these.
    #[serde(default)]
    pub(crate) status_in: Vec<u16>,
    /// `code` of the problem document.
    pub(crate) code: Option<String>,
    /// The rule of the edge that refuses it.
    pub(crate) reason: Option<String>,
    /// The parser below the gateway may refuse it first, with 400 and in its own words.
    #[serde(default)]
    pub(crate) accept_parser: bool,
    /// Field lines of the answer; looked at over HTTP/1.
    #[serde(default)]
    pub(crate) answer: Vec<String>,
    /// Fields that the answer does not have.
    #[serde(default)]
    pub(crate) answer_lacks: Vec<String>,
    /// Texts that are nowhere in the bytes of the answer, whatever their letter case; looked at with `reply`.
    #[serde(default)]
    pub(crate) never: Vec<String>,
    /// What the app answers, byte for byte, before it closes. Such a case asks to close, too, and is not for real servers.
    pub(crate) reply: Option<String>,
    /// What the app receives; nothing if absent.
    pub(crate) upstream: Option<Upstream>,
    /// Session look-ups that it may cost; by default one if the app is told of a session, else none.
    pub(crate) lookups: Option<u32>,
}

impl Case {
    /// One for each entry of the list: its id, and its values beside those of the run.
    pub(crate) fn instances(&self, run: &[(&'static str, String)]) -> Vec<(String, Values)> {
        if self.each.is_empty() {
            return vec![(self.id.clone(), Values(run.to_vec()))];
        }
        let each = self.each.iter().map(|entry| {
            let mut values = vec![("each", entry.clone())];
            values.extend_from_slice(run);
            (format!("{}[{entry:?}]", self.id), Values(values))
        });
        each.collect()
    }
}

fn get() -> String {
    "GET".to_owned()
}

/// Exactly what the app receives, beside what the gateway writes on every request.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// `METHOD target`.
    pub(crate) line: String,
    #[serde(default)]
    pub(crate) fields: Vec<String>,
    #[serde(default)]
    pub(crate) body: String,
    /// `alice`, `anonymous` or `none`.
    #[serde(default = "alice")]
    pub(crate) seen_as: String,
    /// `any` of the configured hosts, by default the one of the public origin.
    pub(crate) host: Option<String>,
}

fn alice() -> String {
    "alice".to_owned()
}

/// The values that stand in for placeholders.
pub(crate) struct Values(pub(crate) Vec<(&'static str, String)>);

impl Values {
    /// `text` with everything filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Twice, because `{each}` may bring others.
        for _ in 0..2 {
            for (name, value) in &self.0 {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
        }
        repeat(&filled)
    }

    /// The bytes that `text` stands for.
    pub(crate) fn bytes(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for character in self.fill(text).chars() {
            match u8::try_from(u32::from(character)) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend(character.to_string().bytes()),
            }
        }
        bytes
    }
}

/// `{x*9}` becomes nine times `x`.
fn repeat(text: &str) -> String {
    let Some(star) = text.find('*').filter(|star| text[..*star].contains('{')) else {
        return text.to_owned();
    };
    let open = text[..star].rfind('{').unwrap();
    let times = text[star + 1..].split('}').next().unwrap();
    let Ok(times) = times.parse::<usize>() else {
        return text.to_owned();
    };
    let close = star + 1 + text[star + 1..].find('}').unwrap();
    let (before, after) = (&text[..open], &text[close + 1..]);
    let repeated = text[open + 1..star].repeat(times);
    format!("{before}{repeated}{}", repeat(after))
}
