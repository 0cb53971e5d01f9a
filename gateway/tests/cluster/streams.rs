//! G23, X17: what was opened under a session ends with it, on every node, and nobody else's does.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sidgate_testkit::http::parse_head;
use sidgate_testkit::stores::sql;
use sidgate_testkit::wait::{instant, until_true};
use sidgate_testkit::{Reply, Request};

use crate::harness::{Cluster, Layout, Session};

/// Catalogue X17.
const CUT: Duration = Duration::from_secs(3);
/// Far more than fits into the buffers on the way.
const DOWNLOAD: usize = 256 << 20;

#[derive(Clone, Copy, Debug)]
enum Kind {
    IdleSocket,
    BusySocket,
    Events,
    Download,
    Upload,
}

const KINDS: [Kind; 5] = [
    Kind::IdleSocket,
    Kind::BusySocket,
    Kind::Events,
    Kind::Download,
    Kind::Upload,
];

/// One stream, seen from the client.
struct Stream {
    kind: Kind,
    connection: TcpStream,
}

impl Stream {
    /// On a busy machine Pingora 0.9 may end a WebSocket right after its handshake (cloudflare/pingora#946); a client comes
    /// again then, and so does this one.
    fn open(cluster: &Cluster, node: usize, kind: Kind, session: &Session) -> Self {
        let tries = (0..5).find_map(|_| {
            let mut stream = Self::open_once(cluster, node, kind, session);
            let is_socket = matches!(kind, Kind::IdleSocket | Kind::BusySocket);
            if is_socket {
                std::thread::sleep(Duration::from_millis(20));
            }
            (!is_socket || !stream.is_cut()).then_some(stream)
        });
        tries.expect("a stream that lives")
    }

    fn open_once(cluster: &Cluster, node: usize, kind: Kind, session: &Session) -> Self {
        let gateway = &cluster.nodes[node].gateway;
        let request = match kind {
            Kind::IdleSocket | Kind::BusySocket => Request::get("/socket").websocket(),
            Kind::Events => Request::get("/events"),
            Kind::Download => Request::get("/download"),
            Kind::Upload => Request::post("/upload").header("Content-Length", "10000000"),
        };
        let mut connection = TcpStream::connect(gateway.address()).unwrap();
        let request = request.sid(&session.sid).bytes(&gateway.host());
        connection.write_all(&request).unwrap();
        if !matches!(kind, Kind::Upload) {
            connection.set_read_timeout(Some(CUT)).unwrap();
            let head = read_head(&mut connection);
            let expected = if request.starts_with(b"GET /socket") {
                "101"
            } else {
                "200"
            };
            assert!(parse_head(&head).0.contains(expected), "{kind:?}");
        }
        Self { kind, connection }
    }

    /// Does what its client does; `true` when it has been cut.
    fn is_cut(&mut self) -> bool {
        self.connection.set_nonblocking(true).unwrap();
        let cut = match self.kind {
            Kind::IdleSocket | Kind::Events | Kind::Download => false,
            // A masked text frame of one byte.
            Kind::BusySocket => self.sends(&[0x81, 0x81, 0, 0, 0, 0, b'x']),
            Kind::Upload => self.sends(&[0; 1_024]),
        };
        cut || self.has_ended()
    }

    fn sends(&mut self, bytes: &[u8]) -> bool {
        match self.connection.write(bytes) {
            Ok(taken) => taken == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    fn has_ended(&mut self) -> bool {
        let mut block = vec![0; 64 * 1024];
        match self.connection.read(&mut block) {
            Ok(length) => length == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn read_head(connection: &mut TcpStream) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head
}

fn prepare(cluster: &Cluster) {
    let open = |path: &str, bytes: &[u8]| {
        let bytes = bytes.to_vec();
        cluster.app.on(path, move |_| Reply::Open(bytes.clone()));
    };
    open(
        "/socket",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    open(
        "/events",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n",
    );
    let mut download = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        DOWNLOAD * 2
    )
    .into_bytes();
    download.resize(download.len() + DOWNLOAD, b'x');
    open("/download", &download);
}

/// Opens every kind of stream for two sessions on every node, ends one of the two, and watches both.
fn cuts_one_of_two(cluster: &Cluster, name: &str, end: impl FnOnce(&Session)) {
    prepare(cluster);
    let [victim, bystander] = [(); 2].map(|()| cluster.known_session());
    let open = |session: &Session| -> Vec<Stream> {
        let places = (0..cluster.nodes.len()).flat_map(|node| KINDS.map(|kind| (node, kind)));
        places
            .map(|(node, kind)| Stream::open(cluster, node, kind, session))
            .collect()
    };
    let (mut of_victim, mut of_bystander) = (open(&victim), open(&bystander));
    // Downloads of the bystander are not read, so that they outlast the test.
    of_bystander.retain(|stream| !matches!(stream.kind, Kind::Download));
    let before: f64 = cut_by(cluster);

    end(&victim);

    let start = instant();
    let mut last = Duration::ZERO;
    until_true("the end of every stream", CUT, || {
        of_victim.retain_mut(|stream| {
            let cut = stream.is_cut();
            if cut {
                last = start.elapsed();
            }
            !cut
        });
        for stream in &mut of_bystander {
            assert!(!stream.is_cut(), "somebody else's {:?}", stream.kind);
        }
        of_victim.is_empty()
    });
    println!("FIGURES {name}: the last of 15 streams cut {last:?} after the end");
    assert!(last <= CUT);
    std::thread::sleep(Duration::from_secs(1));
    for stream in &mut of_bystander {
        assert!(!stream.is_cut(), "somebody else's {:?}", stream.kind);
    }
    assert!(cut_by(cluster) - before >= 12.0, "it shows on the metrics");
}

fn cut_by(cluster: &Cluster) -> f64 {
    let nodes = cluster.nodes.iter();
    nodes
        .map(|node| node.gateway.sum("sidgate_streams_cut_total", &[]))
        .sum()
}

#[test]
fn revocation_cuts_streams() {
    let cluster = Layout::new().start();
    cuts_one_of_two(&cluster, "G23 revocation", |session| {
        cluster.revoke_by_sql(session)
    });
}

#[test]
fn expiry_cuts_streams() {
    let cluster = Layout::new().start();
    cuts_one_of_two(&cluster, "G23 expiry", |session| {
        let expire = format!(
            "UPDATE sidgate_session SET expires_at = clock_timestamp() + interval '1 s' WHERE id = '{}'",
            session.handle
        );
        sql(&cluster.database, &expire);
        std::thread::sleep(Duration::from_secs(1));
    });
}
