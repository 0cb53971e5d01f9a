//! HTTP/2 with prior knowledge, frame by frame: fields are sent as they are given, also those that no library would send.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::wire::Way;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SILENCE: Duration = Duration::from_secs(15);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// What a request got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A response.
    Response { status: u16, body: String },
    /// The end of the stream or the connection without one.
    Reset,
}

impl Answer {
    /// The status, or 0 without a response.
    pub fn status(&self) -> u16 {
        match self {
            Self::Response { status, .. } => *status,
            Self::Reset => 0,
        }
    }
}

/// A name and a value, of any bytes.
pub type Field = (Vec<u8>, Vec<u8>);

/// Sends one request, whose fields include the pseudo fields, on a connection of its own.
pub fn send(address: SocketAddr, fields: &[Field], body: Option<&[u8]>) -> Answer {
    send_by(&Way::Tcp(address), fields, body)
}

/// The same, by whatever way.
pub fn send_by(way: &Way, fields: &[Field], body: Option<&[u8]>) -> Answer {
    let mut stream = way.open().unwrap();
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    let block = block(fields);
    if let Some(body) = body {
        bytes.extend(frame(HEADERS, END_HEADERS, 1, &block));
        bytes.extend(frame(DATA, END_STREAM, 1, body));
    } else {
        bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block));
    }
    stream.write_all(&bytes).unwrap();
    read_answer(&mut stream)
}

/// A connection on which any frame can be sent, also one that no client would send.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects, and sends the preface and `settings` (pairs of number and value).
    pub fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let mut payload = Vec::new();
        for (number, value) in settings {
            payload.extend(number.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        stream.write_all(PREFACE).unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &payload)).unwrap();
        Self(stream)
    }

    /// Sends a header on `stream`; `is_last`: there is no body.
    pub fn request(&mut self, stream: u32, fields: &[Field], is_last: bool) -> bool {
        let last = if is_last { END_STREAM } else { 0 };
        self.frame(HEADERS, END_HEADERS | last, stream, &block(fields))
    }

    /// Sends a frame of a body.
    pub fn data(&mut self, stream: u32, payload: &[u8]) -> bool {
        self.frame(DATA, 0, stream, payload)
    }

    /// Takes a request back.
    pub fn reset(&mut self, stream: u32) -> bool {
        self.frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
    }

    /// Begins a header that `times` continuations do not end. False when the peer has gone before.
    pub fn flood_continuations(&mut self, times: usize) -> bool {
        self.frame(HEADERS, END_STREAM, 1, &[])
            && (0..times).all(|_| self.frame(CONTINUATION, 0, 1, &[]))
    }

    /// False when the peer takes nothing more.
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.0
            .write_all(&frame(kind, flags, stream, payload))
            .is_ok()
    }

    /// Reads until `stream` is taken back, or the connection goes.
    pub fn wait_for_the_end(&mut self, stream: u32) {
        while let Some(frame) = read_frame(&mut self.0) {
            if frame.kind == GOAWAY || (frame.kind == RST_STREAM && frame.stream == stream) {
                return;
            }
        }
    }
}

fn read_answer(stream: &mut dyn Read) -> Answer {
    let (mut status, mut body) = (None, Vec::new());
    while let Some(frame) = read_frame(stream) {
        match frame.kind {
            GOAWAY | RST_STREAM if status.is_none() => return Answer::Reset,
            HEADERS if frame.stream == 1 => status = Some(status_of(&frame.payload)),
            DATA if frame.stream == 1 => body.extend(frame.payload),
            _ => continue,
        }
        if frame.flags & END_STREAM != 0 {
            break;
        }
    }
    match status {
        Some(status) => Answer::Response {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        },
        None => Answer::Reset,
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn read_frame(stream: &mut dyn Read) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).ok()?;
    let [kind, flags] = [head[3], head[4]];
    assert_eq!(flags & (PADDED | PRIORITY), 0, "not expected");
    Some(Frame {
        kind,
        flags,
        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
        payload,
    })
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// HPACK in its plainest form: every field literal, never indexed, no Huffman code.
fn block(fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text);
        }
    }
    block
}

fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// The status, which is always the first field of a response.
fn status_of(block: &[u8]) -> u16 {
    const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let first = block[0];
    if first & 0x80 != 0 {
        return STATIC[usize::from(first & 0x7f) - 8];
    }
    let length = usize::from(block[1] & 0x7f);
    let value = &block[2..2 + length];
    let text = if block[1] & 0x80 == 0 {
        String::from_utf8_lossy(value).into_owned()
    } else {
        decode_digits(value)
    };
    text.parse().expect("three digits")
}

/// The Huffman code of HPACK, as far as digits need it: 0 to 2 have five bits, the others six.
fn decode_digits(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut rest = &bits[..];
    let mut digits = String::new();
    while digits.len() < 3 {
        let five = u8::from_str_radix(&rest[..5], 2).unwrap();
        if five < 3 {
            digits.push(char::from(b'0' + five));
            rest = &rest[5..];
        } else {
            let six = u8::from_str_radix(&rest[..6], 2).unwrap();
            digits.push(char::from(b'3' + (six - 0x19)));
            rest = &rest[6..];
        }
    }
    digits
}
