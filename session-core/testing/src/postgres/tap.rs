//! What a store asks of its server, read off the wire.
//!
//! A [`Tap`] stands between the two and passes on every byte. It notes each statement that the server is told to run, and
//! where the store waited for an answer before it went on: statements that are under way together are one flight, and a
//! flight is a round trip.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::{TestDatabase, url};
use session_core::secret::SecretString;
use session_core::store::postgres::{PostgresOptions, PostgresStore};

/// A listener that passes everything on, and what it has heard. Flights are told apart for sure when store and tap share
/// one thread: the store has then sent a whole flight before the tap reads any of it.
#[derive(Debug)]
pub struct Tap {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    pub(super) notices: Arc<Mutex<Vec<String>>>,
}

impl Tap {
    /// Everything since the last call: the first word of each statement, a space between statements of one flight and
    /// ` | ` between flights. A statement that had to be prepared comes after `PREPARE`.
    #[must_use]
    pub fn take(&self) -> String {
        let flights = std::mem::take(&mut *self.heard.lock());
        let flights: Vec<String> = flights.iter().map(|flight| flight.join(" ")).collect();
        flights.join(" | ")
    }
}

impl TestDatabase {
    /// A tap, which is there for as long as the runtime.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn tap(&self) -> Tap {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a loopback port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let heard = Arc::<Mutex<Vec<Vec<String>>>>::default();
        let notices = Arc::<Mutex<Vec<String>>>::default();
        let (server, line) = (self.port, Line::new(&heard, &notices));
        Handle::current().spawn(async move {
            while let Ok((store, _)) = listener.accept().await {
                Handle::current().spawn(pass_on(store, server, line.another()));
            }
        });
        Tap {
            port,
            heard,
            notices,
        }
    }

    /// A store whose connections go through `tap`.
    ///
    /// # Panics
    /// Never: the URL is valid.
    #[must_use]
    pub fn store_through(&self, tap: &Tap, options: PostgresOptions) -> PostgresStore {
        let url = SecretString::new(url("postgres", tap.port, &self.name));
        PostgresStore::new(&url, options).expect("the URL is valid")
    }
}

async fn pass_on(store: TcpStream, server: u16, line: Line) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else {
        return;
    };
    let line = Mutex::new(line);
    let ((from_store, to_store), (from_server, to_server)) =
        (store.into_split(), server.into_split());
    let asked = copy(from_store, to_server, true, |kind, body| {
        line.lock().asks(kind, body);
    });
    let answered = copy(from_server, to_store, false, |kind, body| {
        line.lock().is_answered(kind, body);
    });
    tokio::join!(asked, answered);
}

/// Passes bytes on, once `read` has seen every message that they complete. The first message of a store has no kind.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut is_first: bool,
    mut read: impl FnMut(u8, &[u8]),
) {
    let mut waiting = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    while let Ok(length) = from.read(&mut chunk).await {
        let Some(new) = chunk.get(..length).filter(|new| !new.is_empty()) else {
            break;
        };
        waiting.extend_from_slice(new);
        while let Some((kind, body, length)) = message(&waiting, is_first) {
            read(kind, body);
            is_first = false;
            waiting.drain(..length);
        }
        if to.write_all(new).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Kind, body and length of the first message, if all of it is there.
fn message(bytes: &[u8], is_first: bool) -> Option<(u8, &[u8], usize)> {
    let kind = usize::from(!is_first);
    let length: [u8; 4] = bytes.get(kind..kind + 4)?.try_into().ok()?;
    let end = kind + usize::try_from(u32::from_be_bytes(length)).ok()?;
    let body = bytes.get(kind + 4..end)?;
    let kind = if is_first { 0 } else { *bytes.first()? };
    Some((kind, body, end))
}

/// One connection.
struct Line {
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    /// What the server has said of itself.
    notices: Arc<Mutex<Vec<String>>>,
    /// Text of each prepared statement, by its name.
    texts: HashMap<String, String>,
    /// Text of the statement that is about to be run.
    bound: String,
    /// Questions that the server has not answered yet.
    unanswered: usize,
}

impl Line {
    fn new(heard: &Arc<Mutex<Vec<Vec<String>>>>, notices: &Arc<Mutex<Vec<String>>>) -> Self {
        Self {
            heard: Arc::clone(heard),
            notices: Arc::clone(notices),
            texts: HashMap::new(),
            bound: String::new(),
            unanswered: 0,
        }
    }

    /// A new connection of the same tap.
    fn another(&self) -> Self {
        Self::new(&self.heard, &self.notices)
    }

    fn asks(&mut self, kind: u8, body: &[u8]) {
        let mut words = body.split(|byte| *byte == 0);
        let mut text = || String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
        match kind {
            b'Q' => {
                let text = text();
                self.note(&text);
                self.unanswered += 1;
            }
            b'P' => {
                let (name, text) = (text(), text());
                self.note("PREPARE");
                self.texts.insert(name, text);
            }
            b'B' => {
                let (_portal, name) = (text(), text());
                self.bound = self.texts.get(&name).cloned().unwrap_or_default();
            }
            b'E' => {
                let text = std::mem::take(&mut self.bound);
                self.note(&text);
            }
            b'S' => self.unanswered += 1,
            _ => {}
        }
    }

    fn note(&self, text: &str) {
        let word = text.split_whitespace().next().unwrap_or("(nothing)");
        let mut heard = self.heard.lock();
        if self.unanswered == 0 {
            heard.push(Vec::new());
        }
        if let Some(flight) = heard.last_mut() {
            flight.push(word.to_owned());
        }
    }

    fn is_answered(&mut self, kind: u8, body: &[u8]) {
        match kind {
            b'Z' => self.unanswered = self.unanswered.saturating_sub(1),
            b'N' => {
                let mut fields = body.split(|byte| *byte == 0);
                if let Some([b'M', text @ ..]) = fields.find(|field| field.first() == Some(&b'M')) {
                    let text = String::from_utf8_lossy(text).into_owned();
                    self.notices.lock().push(text);
                }
            }
            _ => {}
        }
    }
}
