//! Requests for the sessions under test, at every node, all the time.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sidgate_testkit::client::find;
use sidgate_testkit::http::{Request, parse_head, single};

use super::history::{Asked, History};
use super::{PATH, Session};

/// Longer than any fault here lasts.
const SILENCE: Duration = Duration::from_secs(40);

/// Sessions that are asked for, by number.
type Watched = Arc<Mutex<BTreeMap<usize, String>>>;

/// Says who is asked for, from any thread.
#[derive(Clone)]
pub(crate) struct Watch(Watched);

impl Watch {
    pub(crate) fn watch(&self, session: &Session) {
        let mut watched = self.0.lock().unwrap();
        watched.insert(session.index, session.sid.clone());
    }

    pub(crate) fn forget(&self, session: &Session) {
        self.0.lock().unwrap().remove(&session.index);
    }
}

/// Asks every node for every watched session again and again, each node in a thread of its own.
pub(crate) struct Traffic {
    watch: Watch,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// `pause`: between two rounds of a node.
    pub(crate) fn start(nodes: &[SocketAddr], history: &Arc<History>, pause: Duration) -> Self {
        let (watched, stop) = (Watched::default(), Arc::<AtomicBool>::default());
        let threads = nodes.iter().enumerate().map(|(node, &address)| {
            let (watched, stop) = (Arc::clone(&watched), Arc::clone(&stop));
            let history = Arc::clone(history);
            thread::spawn(move || {
                let mut asker = Asker::new(address);
                while !stop.load(Ordering::Relaxed) {
                    let round = watched.lock().unwrap().clone();
                    for (session, sid) in round {
                        history.note(asker.ask(&history, node, session, &sid));
                    }
                    thread::sleep(pause);
                }
            })
        });
        let threads = threads.collect();
        Self {
            watch: Watch(watched),
            stop,
            threads,
        }
    }

    /// For others who say who is asked for.
    pub(crate) fn to_watch(&self) -> Watch {
        self.watch.clone()
    }

    pub(crate) fn watch(&self, session: &Session) {
        self.watch.watch(session);
    }

    pub(crate) fn forget(&self, session: &Session) {
        self.watch.forget(session);
    }

    /// Stops asking. What is under way is waited for.
    pub(crate) fn stop(mut self) {
        self.end().expect("no asker has failed");
    }

    fn end(&mut self) -> thread::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).try_for_each(JoinHandle::join)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        // The test has failed already if it comes to this.
        let _failed = self.end();
    }
}

/// Asks one node on one connection, and opens another one when that ends.
pub(crate) struct Asker {
    address: SocketAddr,
    connection: Option<TcpStream>,
}

impl Asker {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let connection = None;
        Self {
            address,
            connection,
        }
    }

    pub(crate) fn ask(
        &mut self,
        history: &History,
        node: usize,
        session: usize,
        sid: &str,
    ) -> Asked {
        let start = history.now();
        let status = self.status(sid);
        let end = history.now();
        Asked {
            node,
            session,
            start,
            end,
            status,
        }
    }

    /// The status of an answer whose body has been read too, or nothing.
    fn status(&mut self, sid: &str) -> Option<u16> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => TcpStream::connect_timeout(&self.address, SILENCE).ok()?,
        };
        let (status, connection) = exchange(connection, self.address, sid)?;
        self.connection = connection;
        Some(status)
    }
}

/// One request and its answer; the connection comes back if it may be used again.
fn exchange(
    mut connection: TcpStream,
    address: SocketAddr,
    sid: &str,
) -> Option<(u16, Option<TcpStream>)> {
    connection.set_nodelay(true).ok()?;
    connection.set_read_timeout(Some(SILENCE)).ok()?;
    let request = Request::get(PATH).sid(sid);
    let host = format!("localhost:{}", address.port());
    connection.write_all(&request.bytes(&host)).ok()?;
    let (mut answer, mut block) = (Vec::new(), [0; 4_096]);
    let mut more = |answer: &mut Vec<u8>| {
        let length = connection
            .read(&mut block)
            .ok()
            .filter(|length| *length > 0)?;
        answer.extend_from_slice(&block[..length]);
        Some(())
    };
    let head = loop {
        match find(&answer, b"\r\n\r\n") {
            Some(end) => break end + 4,
            None => more(&mut answer)?,
        }
    };
    let (line, headers) = parse_head(&answer[..head]);
    let length: usize = single(&headers, "content-length")?.parse().ok()?;
    while answer.len() < head + length {
        more(&mut answer)?;
    }
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let closes = single(&headers, "connection").is_some_and(|value| value == "close");
    Some((status, (!closes).then_some(connection)))
}
