//! The line between two processes: a pair of connected sockets, of which the new process has one as its standard input. Whoever
//! has an end of it was given it, so neither has to ask who the other is. Messages arrive as a whole.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    sockopt,
};
use session_core::clock::{Clock as _, SystemClock};

/// Most sockets of one process; the configuration allows fewer listeners.
const SOCKETS_MAX: usize = 128;
/// Longest message. A longer cause is cut off.
const MESSAGE_MAX: usize = 16 * 1024;
/// Longest wait until a message is on its way.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Shortest wait for a message. None at all would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// One end of the line.
#[derive(Debug)]
pub(super) struct Line(OwnedFd);

/// What comes along the line.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message, with the sockets that came with it.
    Message(Vec<u8>, Vec<OwnedFd>),
    /// The other end is closed.
    End,
    /// Nothing, in the time that was given.
    Silence,
}

impl Line {
    /// Both ends. The second one is for another process.
    ///
    /// # Errors
    /// When there are too few file descriptors.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (own, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Self::over(own).map(|own| (own, other))
    }

    /// The end that is the standard input of this process.
    ///
    /// # Errors
    /// When that is something else.
    pub(super) fn on_stdin() -> io::Result<Self> {
        let stdin = io::stdin();
        if sockopt::socket_domain(&stdin)? != AddressFamily::UNIX
            || sockopt::socket_type(&stdin)? != SocketType::SEQPACKET
        {
            return Err(ErrorKind::InvalidInput.into());
        }
        Self::over(stdin.as_fd().try_clone_to_owned()?)
    }

    pub(super) fn over(socket: OwnedFd) -> io::Result<Self> {
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(SEND_LIMIT))?;
        Ok(Self(socket))
    }

    /// # Errors
    /// When the other process cannot hear it.
    pub(super) fn say(&self, message: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(sockets)) {
            let message = "there are more listeners than can be handed over";
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let message = message.get(..MESSAGE_MAX).unwrap_or(message);
        let message = [IoSlice::new(message)];
        // A signal that comes meanwhile is no answer.
        retry_on_intr(|| sendmsg(&self.0, &message, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn hear(&self, limit: Duration) -> io::Result<Heard> {
        let until = SystemClock.boot().plus(limit);
        let mut message = vec![0; MESSAGE_MAX];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        // A signal that comes meanwhile is no answer.
        let received = retry_on_intr(|| {
            let left = until.since(SystemClock.boot()).max(SHORTEST);
            sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Recv, Some(left))?;
            recvmsg(
                &self.0,
                &mut [IoSliceMut::new(&mut message)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            )
        });
        let length = match received {
            Ok(received) => received.bytes,
            Err(Errno::AGAIN) => return Ok(Heard::Silence),
            // What was said to a process that is gone.
            Err(Errno::CONNRESET) => return Ok(Heard::End),
            Err(error) => return Err(error.into()),
        };
        if length == 0 {
            return Ok(Heard::End);
        }
        let sockets = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        });
        let sockets = sockets.flatten().collect();
        message.truncate(length);
        Ok(Heard::Message(message, sockets))
    }
}
