//! A client that sends exactly the bytes it is given.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::http::{Response, all, parse_head};
use super::secrets;
use super::wire::{Way, Wire};

/// One connection.
pub struct Connection {
    stream: Box<dyn Wire>,
    /// Read and not yet used.
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
    }

    /// The same, to somebody who may not be there yet.
    pub fn try_open(address: SocketAddr) -> io::Result<Self> {
        Self::by(&Way::Tcp(address))
    }

    /// The same, by whatever way.
    pub fn by(way: &Way) -> io::Result<Self> {
        Ok(Self {
            stream: way.open()?,
            buffer: Vec::new(),
        })
    }

    fn tcp(&self) -> &TcpStream {
        self.stream.tcp().expect("a connection by TCP")
    }

    /// Writes bytes. What the peer refuses to take shows in its answer.
    pub fn write(&mut self, bytes: &[u8]) {
        secrets::keep_of_request(bytes);
        let _reset = self.stream.write_all(bytes);
    }

    /// Reads the next final response; interim ones are skipped.
    pub fn read(&mut self, to_head: bool) -> Response {
        self.try_read(to_head)
            .expect("the gateway closed without an answer")
    }

    /// The same, or `None` when the peer closes instead of answering.
    pub fn try_read(&mut self, to_head: bool) -> Option<Response> {
        loop {
            let head = self.read_head()?;
            let (status_line, headers) = parse_head(&head);
            let status: u16 = status_line
                .strip_prefix("HTTP/1.1 ")
                .and_then(|rest| rest.get(..3))
                .and_then(|code| code.parse().ok())
                .unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodyless = to_head || matches!(status, 101 | 204 | 304);
            let body = if bodyless {
                Vec::new()
            } else {
                self.read_body(&headers)
            };
            secrets::keep_of_response(&headers);
            if all(&headers, "content-type") == ["application/problem+json"] {
                secrets::must_not_be_in(&String::from_utf8_lossy(&body), "an error");
            }
            return Some(Response {
                status,
                headers,
                body,
            });
        }
    }

    /// Reads the status of a response; `None` when the peer closes instead, also with an alert of TLS.
    pub fn read_status(&mut self) -> Option<u16> {
        let mut block = [0; 4096];
        while find(&self.buffer, b"\r\n").is_none() {
            match self.stream.read(&mut block) {
                Ok(length) if length > 0 => self.buffer.extend_from_slice(&block[..length]),
                _ => return None,
            }
        }
        str::from_utf8(self.buffer.get(9..12)?).ok()?.parse().ok()
    }

    /// Reads the head of a response whose body may never end.
    pub fn read_head_only(&mut self) -> u16 {
        let head = self.read_head().expect("a response");
        let (status_line, _) = parse_head(&head);
        status_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads the fields of a response whose body may never end.
    pub fn read_fields(&mut self) -> Vec<(String, String)> {
        let head = self.read_head().expect("a response");
        parse_head(&head).1
    }

    /// Waits for the peer to close; whatever it still sends is returned.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// The same, and leaves it to be read again.
    pub fn read_ahead(&mut self) -> Vec<u8> {
        while self.fill() {}
        self.buffer.clone()
    }

    /// Whether the peer has closed, without waiting for it.
    pub fn is_closed(&mut self) -> bool {
        self.tcp().set_nonblocking(true).unwrap();
        let mut block = [0; 1024];
        let read = self.stream.read(&mut block);
        self.tcp().set_nonblocking(false).unwrap();
        match read {
            Ok(length) => length == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// Whether nothing has come and the peer has not closed, without waiting for it.
    pub fn is_silent(&mut self) -> bool {
        self.tcp().set_nonblocking(true).unwrap();
        let peeked = self.tcp().peek(&mut [0]);
        self.tcp().set_nonblocking(false).unwrap();
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn read_head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                return Some(self.buffer.drain(..end + 4).collect());
            }
            if !self.fill() {
                assert!(self.buffer.is_empty(), "half a head: {:?}", self.buffer);
                return None;
            }
        }
    }

    fn read_body(&mut self, headers: &[(String, String)]) -> Vec<u8> {
        if all(headers, "transfer-encoding") == ["chunked"] {
            return self.read_chunks();
        }
        match all(headers, "content-length").as_slice() {
            [length] => self.read_exactly(length.parse().expect("a length")),
            [] => self.read_to_end(),
            lengths => panic!("several lengths: {lengths:?}"),
        }
    }

    /// Reads one chunk of a chunked body; the last one is empty.
    pub fn read_chunk(&mut self) -> Vec<u8> {
        while find(&self.buffer, b"\r\n").is_none() {
            assert!(self.fill(), "chunked body cut short");
        }
        let line_end = find(&self.buffer, b"\r\n").unwrap();
        let line: Vec<u8> = self.buffer.drain(..line_end + 2).collect();
        let size = str::from_utf8(&line).unwrap().trim_end();
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        let chunk = self.read_exactly(size);
        assert_eq!(self.read_exactly(2), b"\r\n", "a chunk ends in CRLF");
        chunk
    }

    fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.read_chunk();
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// Reads so many bytes.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill(), "body cut short");
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads more; `false` at the end of the stream.
    fn fill(&mut self) -> bool {
        let mut block = [0; 16 * 1024];
        match self.stream.read(&mut block) {
            Ok(0) => false,
            Ok(length) => {
                self.buffer.extend_from_slice(&block[..length]);
                true
            }
            // Under TLS the other side need not say that it ends.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                ) =>
            {
                false
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

/// Where `needle` begins in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}
