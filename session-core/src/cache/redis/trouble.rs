//! Why there is no connection: fred connects in the background, and this listens to what it says.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::Server;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time;
use tokio_util::task::AbortOnDropHandle;

use super::fault::{Place, address, is_vague};
use crate::cause::Peer;
use crate::store::{TimedOut, Wait};

/// Why the last attempt to connect failed. Its listener ends with the last copy.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    last: Arc<Mutex<Option<String>>>,
    _listener: Arc<AbortOnDropHandle<()>>,
}

impl Trouble {
    /// Listens to `client`, which must not have been told to connect yet. `limit`: how long connecting may take.
    pub(super) fn of(client: &Client, place: Place, limit: Duration) -> Self {
        let last = Arc::<Mutex<Option<String>>>::default();
        let listener = Listener {
            errors: client.error_rx(),
            place,
            limit,
            last: Arc::clone(&last),
        };
        let listener = Handle::current().spawn(listener.listen());
        Self {
            last,
            _listener: Arc::new(AbortOnDropHandle::new(listener)),
        }
    }

    /// Nothing while `client` is connected.
    pub(super) fn last(&self, client: &Client) -> Option<String> {
        if client.is_connected() {
            return None;
        }
        self.last.lock().clone()
    }
}

struct Listener {
    errors: Receiver<(Error, Option<Server>)>,
    place: Place,
    limit: Duration,
    last: Arc<Mutex<Option<String>>>,
}

impl Listener {
    async fn listen(mut self) {
        loop {
            match self.errors.recv().await {
                // What was cancelled says nothing about the server.
                Ok((error, _)) if *error.kind() == ErrorKind::Canceled => {}
                Ok((error, _)) => {
                    let cause = self.cause(&error).await;
                    *self.last.lock() = Some(cause);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn cause(&self, error: &Error) -> String {
        if *error.kind() == ErrorKind::Timeout {
            return connect_timeout(self.limit, &self.place).to_string();
        }
        if is_vague(error) && !self.place.has_refused() {
            return self.of_sentinels().await;
        }
        self.place.cause(error)
    }

    /// Why no sentinel will do: the reason why the first cannot be reached, unless one can.
    async fn of_sentinels(&self) -> String {
        let mut first = None;
        for server in self.place.servers() {
            let (address, host) = (address(server), server.host.to_string());
            let connected =
                time::timeout(self.limit, TcpStream::connect((host, server.port))).await;
            let cause = match connected {
                Ok(Ok(_reached)) => {
                    return format!(
                        "the sentinel {address} is there and does not answer as it should: are sentinelPassword, \
                         cache.ca and cache.client_cert right?"
                    );
                }
                Ok(Err(error)) => Peer::at(&address).cause(&error),
                Err(elapsed) => Peer::at(&address).cause(&elapsed),
            };
            first = first.or(Some(cause));
        }
        first.unwrap_or_else(|| "no sentinel is named".to_owned())
    }
}

/// No connection within `limit`.
pub(super) fn connect_timeout(limit: Duration, place: &Place) -> TimedOut {
    TimedOut::after(limit)
        .waiting_for(Wait::Connection)
        .with(place.text())
        .set_by("cache.connect_timeout")
}
