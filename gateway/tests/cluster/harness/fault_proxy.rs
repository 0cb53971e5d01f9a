//! A TCP proxy whose faults are switched while connections are open.
//!
//! It stands between one node and one of its servers, so that a fault can concern one node, one server and one direction.
//! It listens for as long as it lives: a port that refuses connections is made by stopping the server itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// Every so many pieces, one is lost and sent again: five in a hundred.
const LOST_ONE_IN: u32 = 20;
/// What a lost packet costs: the first retransmission timeout of Linux.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Pieces on their way; a sender that is faster waits.
const PIECES: usize = 64;

/// Where all proxies of a test process run.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
});

/// What happens to bytes that go one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They arrive.
    #[default]
    None,
    /// They arrive later by this much.
    Latency(Duration),
    /// Some arrive as late as packets that were lost and sent again.
    Loss,
    /// They arrive one by one, with this pause before each.
    Trickle(Duration),
    /// They wait until the fault is over. Connections stay open.
    Freeze,
    /// The receiver is told that there will be no more.
    HalfClose,
}

/// The whole line.
#[derive(Clone, Copy, Debug)]
struct Line {
    server: SocketAddr,
    /// From the node to the server.
    up: Fault,
    /// From the server to the node.
    down: Fault,
    /// Connections are reset as soon as they are made.
    refuses: bool,
    /// Each change resets the connections that are open.
    resets: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// See the module.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    accepted: Arc<AtomicUsize>,
    listener: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts listening in front of a loopback port. Without faults until told otherwise.
    pub(crate) fn to(server: u16) -> Self {
        let (line, seen) = watch::channel(Line {
            server: loopback(server),
            up: Fault::None,
            down: Fault::None,
            refuses: false,
            resets: 0,
        });
        let listener = RUNTIME.block_on(TcpListener::bind(loopback(0))).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        Self {
            address,
            line,
            listener: RUNTIME.spawn(listen(listener, seen, Arc::clone(&accepted))),
            accepted,
        }
    }

    /// How often somebody has connected.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The same fault in both directions.
    pub(crate) fn set(&self, fault: Fault) {
        self.set_each_way(fault, fault);
    }

    /// `up`: what the node says; `down`: what it hears.
    pub(crate) fn set_each_way(&self, up: Fault, down: Fault) {
        self.line.send_modify(|line| {
            (line.up, line.down) = (up, down);
        });
    }

    /// Resets open connections and, until [`FaultProxy::heal`], new ones.
    pub(crate) fn refuse(&self) {
        self.line.send_modify(|line| {
            line.refuses = true;
            line.resets += 1;
        });
    }

    /// Resets open connections.
    pub(crate) fn reset_connections(&self) {
        self.line.send_modify(|line| line.resets += 1);
    }

    /// Leads to another server from now on, as a name or an address does that moves with a fail-over.
    pub(crate) fn lead_to(&self, server: u16) {
        self.line.send_modify(|line| {
            line.server = loopback(server);
            line.resets += 1;
        });
    }

    /// Ends every fault.
    pub(crate) fn heal(&self) {
        self.line.send_modify(|line| {
            (line.up, line.down, line.refuses) = (Fault::None, Fault::None, false);
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.reset_connections();
        self.listener.abort();
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

async fn listen(listener: TcpListener, line: watch::Receiver<Line>, accepted: Arc<AtomicUsize>) {
    while let Ok((node, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        RUNTIME.spawn(connection(node, line.clone()));
    }
}

/// One connection. It ends with both of its directions, with a reset, or with the proxy.
async fn connection(node: TcpStream, mut line: watch::Receiver<Line>) {
    let now = *line.borrow_and_update();
    // Whoever is dropped now is reset, and does not hear of an orderly end.
    let reset_by_drop = |stream: &TcpStream| stream.set_zero_linger().unwrap();
    reset_by_drop(&node);
    if now.refuses {
        return;
    }
    let Ok(server) = TcpStream::connect(now.server).await else {
        return;
    };
    reset_by_drop(&server);
    for stream in [&node, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_node, to_node) = node.into_split();
    let (from_server, to_server) = server.into_split();
    let both = async {
        tokio::join!(
            pump(from_node, to_server, line.clone(), Way::Up),
            pump(from_server, to_node, line.clone(), Way::Down),
        );
    };
    let mut resets = line.clone();
    tokio::select! {
        () = both => {}
        _reset = resets.wait_for(|line| line.resets != now.resets) => {}
    }
}

/// Carries bytes one way until the sender has finished, and then says so to the receiver.
async fn pump(from: OwnedReadHalf, to: OwnedWriteHalf, line: watch::Receiver<Line>, way: Way) {
    let (pieces, arrived) = mpsc::channel(PIECES);
    tokio::join!(take(from, pieces), pass_on(arrived, to, line, way));
}

/// A piece and when it came.
type Piece = (Instant, Vec<u8>);

async fn take(mut from: OwnedReadHalf, pieces: mpsc::Sender<Piece>) {
    let mut block = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut block).await {
        let piece = block.get(..length).unwrap_or_default().to_vec();
        if piece.is_empty() || pieces.send((Instant::now(), piece)).await.is_err() {
            return;
        }
    }
}

async fn pass_on(
    mut arrived: mpsc::Receiver<Piece>,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    way: Way,
) {
    let mut number = 0;
    loop {
        let piece = tokio::select! {
            piece = arrived.recv() => piece,
            () = half_closed(&mut line, way) => {
                let _told = to.shutdown().await;
                while arrived.recv().await.is_some() {}
                return;
            }
        };
        let Some(piece) = piece else { break };
        number += 1;
        if carry(piece, &mut to, &mut line, way, number).await.is_err() {
            return;
        }
    }
    // An end that arrives while nothing arrives is no end.
    thawed(&mut line, way).await;
    let _told = to.shutdown().await;
}

/// Waits until nothing is frozen, and returns what holds then.
async fn thawed(line: &mut watch::Receiver<Line>, way: Way) -> Fault {
    let thawed = line.wait_for(|line| fault(line, way) != Fault::Freeze);
    thawed.await.map_or(Fault::None, |line| fault(&line, way))
}

async fn half_closed(line: &mut watch::Receiver<Line>, way: Way) {
    if line
        .wait_for(|line| fault(line, way) == Fault::HalfClose)
        .await
        .is_err()
    {
        std::future::pending().await
    }
}

/// Carries one piece, by the fault that holds when it could leave.
async fn carry(
    (came, piece): Piece,
    to: &mut OwnedWriteHalf,
    line: &mut watch::Receiver<Line>,
    way: Way,
    number: u32,
) -> std::io::Result<()> {
    let holds = thawed(line, way).await;
    match holds {
        Fault::Latency(pause) => sleep_until(came + pause).await,
        Fault::Loss if number.is_multiple_of(LOST_ONE_IN) => sleep(RETRANSMISSION).await,
        Fault::Trickle(pause) => {
            for byte in &piece {
                if fault(&line.borrow(), way) == holds {
                    sleep(pause).await;
                }
                to.write_all(&[*byte]).await?;
            }
            return Ok(());
        }
        Fault::None | Fault::Loss | Fault::Freeze | Fault::HalfClose => {}
    }
    to.write_all(&piece).await
}

fn fault(line: &Line, way: Way) -> Fault {
    match way {
        Way::Up => line.up,
        Way::Down => line.down,
    }
}
