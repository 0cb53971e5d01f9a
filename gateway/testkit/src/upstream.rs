//! An app that writes down exactly what it receives.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::client::find;
use super::http::{all, parse_head, single};
use super::secrets;
use super::wait::LONG;

/// Between two looks whether the test is over.
const LOOK: Duration = Duration::from_millis(100);

/// One request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// From the first byte to the empty line.
    pub head: Vec<u8>,
    /// Without chunk framing.
    pub body: Vec<u8>,
    /// Head and body as they came.
    pub wire: Vec<u8>,
}

impl Received {
    /// `METHOD target`.
    pub fn request_line(&self) -> String {
        let (line, _) = parse_head(&self.head);
        line.trim_end_matches(" HTTP/1.1").to_owned()
    }

    pub fn target(&self) -> String {
        let line = self.request_line();
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    pub fn headers(&self) -> Vec<(String, String)> {
        parse_head(&self.head).1
    }

    /// The value of a field that appears at most once.
    pub fn header(&self, name: &str) -> Option<String> {
        single(&self.headers(), name).map(str::to_owned)
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<String> {
        let headers = self.headers();
        let values = all(&headers, name);
        values.into_iter().map(str::to_owned).collect()
    }

    /// The state of the session that the gateway told the app.
    pub fn state(&self) -> String {
        self.header("x-session-state").expect("a state")
    }

    /// Whose session it is, as the gateway told the app.
    pub fn user(&self) -> Option<String> {
        self.header("x-session-user-id")
    }

    /// Names of all fields in lower case, sorted.
    pub fn names(&self) -> Vec<String> {
        let headers = self.headers().into_iter();
        let mut names: Vec<_> = headers.map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names
    }
}

/// What an app does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes; the connection goes on.
    Bytes(Vec<u8>),
    /// These bytes and the end of the connection.
    Last(Vec<u8>),
    /// These bytes and no end: the connection stays open until the other side closes it.
    Open(Vec<u8>),
    /// Nothing, ever.
    Silence,
}

impl Reply {
    /// A complete response.
    pub fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = body.len();
        Self::Bytes(format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes())
    }

    pub fn ok() -> Self {
        Self::new(200, &[("Content-Type", "text/plain")], "from the app")
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = [("Content-Type", "application/json")];
        Self::new(status, &headers, &body.to_string())
    }

    /// The end of the connection without a word.
    pub fn hang_up() -> Self {
        Self::Last(Vec::new())
    }
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

/// A TCP server that records requests and answers as it is told.
pub struct RecordingUpstream {
    address: SocketAddr,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    received: Mutex<Vec<Received>>,
    arrived: Condvar,
}

impl RecordingUpstream {
    /// Starts listening; `answer` says what happens to each request.
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (log, stop) = (Arc::<Log>::default(), Arc::<AtomicBool>::default());
        let answer: Arc<Handler> = Arc::new(answer);
        let (server_log, server_stop) = (Arc::clone(&log), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if server_stop.load(Ordering::Relaxed) {
                    return;
                }
                server_log.connections.fetch_add(1, Ordering::Relaxed);
                let connection = Connection {
                    stream,
                    buffer: Vec::new(),
                    wire: Vec::new(),
                    log: Arc::clone(&server_log),
                    stop: Arc::clone(&server_stop),
                };
                let answer = Arc::clone(&answer);
                thread::spawn(move || connection.serve(&*answer));
            }
        });
        Self { address, log, stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything received so far.
    pub fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::Relaxed)
    }

    /// Waits until as many requests have come.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let received = self.log.received.lock().unwrap();
        let (received, timeout) = self
            .log
            .arrived
            .wait_timeout_while(received, LONG, |received| received.len() < count)
            .unwrap();
        assert!(!timeout.timed_out(), "{count} requests expected");
        received.clone()
    }
}

impl Drop for RecordingUpstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is over.
        let _woken = TcpStream::connect(self.address);
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What the current request has taken of it.
    wire: Vec<u8>,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
}

impl Connection {
    fn serve(mut self, answer: &Handler) {
        self.stream.set_read_timeout(Some(LOOK)).unwrap();
        while let Some(received) = self.read_request() {
            self.log.received.lock().unwrap().push(received.clone());
            self.log.arrived.notify_all();
            let (bytes, last) = match answer(&received) {
                Reply::Bytes(bytes) => (bytes, false),
                Reply::Last(bytes) => (bytes, true),
                Reply::Silence => return self.stay_silent(),
                Reply::Open(bytes) => {
                    let _reset = self.stream.write_all(&bytes);
                    return self.stay_silent();
                }
            };
            if self.stream.write_all(&bytes).is_err() || last {
                return;
            }
        }
    }

    fn read_request(&mut self) -> Option<Received> {
        let end = self.fill_until(|buffer| find(buffer, b"\r\n\r\n"))?;
        self.wire.clear();
        let head = self.take(end + 4)?;
        let (_, headers) = parse_head(&head);
        let body = if all(&headers, "transfer-encoding") == ["chunked"] {
            self.read_chunks()?
        } else {
            let length = all(&headers, "content-length")
                .first()
                .map_or(0, |length| length.parse().unwrap_or(0));
            self.take(length)?
        };
        let wire = self.wire.clone();
        secrets::keep_of_received(&head);
        Some(Received { head, body, wire })
    }

    fn read_chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill_until(|buffer| find(buffer, b"\r\n"))?;
            let line = self.take(end + 2)?;
            let size = str::from_utf8(&line).ok()?.trim_end();
            let size = usize::from_str_radix(size, 16).ok()?;
            body.extend(self.take(size)?);
            self.take(2)?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        self.fill_until(|buffer| (buffer.len() >= length).then_some(()))?;
        let taken: Vec<u8> = self.buffer.drain(..length).collect();
        self.wire.extend_from_slice(&taken);
        Some(taken)
    }

    /// Reads until `probe` finds what it looks for; `None` when the connection or the test ends.
    fn fill_until<T>(&mut self, probe: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = probe(&self.buffer) {
                return Some(found);
            }
            let mut block = [0; 16 * 1024];
            match self.stream.read(&mut block) {
                Ok(0) => return None,
                Ok(length) => self.buffer.extend_from_slice(&block[..length]),
                Err(error) if is_timeout(error.kind()) => {
                    if self.stop.load(Ordering::Relaxed) {
                        return None;
                    }
                }
                Err(_reset) => return None,
            }
        }
    }

    fn stay_silent(mut self) {
        let _closed = self.fill_until(|_| None::<()>);
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
