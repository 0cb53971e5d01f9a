//! What the two processes say to each other, once each knows who the other is: a greeting with the sockets, and a word when
//! they are in use.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Comes with the sockets. The number is that of this protocol.
const GREETING: &[u8] = b"sidgate sockets 1\n";
/// Comes back when they are in use.
const TAKEN: &[u8] = b"taken\n";
/// Most sockets of one process; the configuration allows fewer listeners.
const SOCKETS_MAX: usize = 128;

pub(super) fn set_timeouts(stream: &UnixStream, limit: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))
}

pub(super) fn send(stream: &UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(sockets)) {
        let message = "there are more listeners than can be handed over";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    let sent = sendmsg(
        stream,
        &[IoSlice::new(GREETING)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    if sent == GREETING.len() {
        Ok(())
    } else {
        Err(ErrorKind::WriteZero.into())
    }
}

pub(super) fn receive(stream: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut greeting = [0; GREETING.len()];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut greeting)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let sockets: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes != GREETING.len() || greeting != GREETING {
        let message = "the other process does not speak of sockets, or is of another version";
        return Err(io::Error::new(ErrorKind::InvalidData, message));
    }
    Ok(sockets)
}

pub(super) fn say_taken(stream: &mut UnixStream) -> io::Result<()> {
    stream.write_all(TAKEN)
}

/// Whether the other process keeps the line for so long.
pub(super) fn lives_for(stream: &mut UnixStream, time: Duration) -> bool {
    let heard = stream
        .set_read_timeout(Some(time))
        .and_then(|()| stream.read(&mut [0]));
    heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

pub(super) fn hear_taken(stream: &mut UnixStream) -> io::Result<bool> {
    let mut word = [0; TAKEN.len()];
    stream.read_exact(&mut word)?;
    Ok(word == TAKEN)
}
