//! Where does a body in chunks end? Takes only what RFC 9112 (7.1) has, byte for byte.
//!
//! The parser below is more generous: an empty size means the last chunk to it, and a lone LF may
//! stand in an extension. A proxy in front of us that reads such a body in another way believes that
//! the rest of it is the next request. So the bytes are looked at beside the parser, as they arrive.

use super::Refused;

/// Bytes of a line that says how long a chunk is, extensions included.
const MAX_LINE: usize = 256;
/// Bytes of all extensions of a body. They cost the sender nothing and count as no body.
const MAX_EXTENSIONS: usize = 16 * 1024;
/// Bytes of the trailer fields, which no app gets to see.
const MAX_TRAILERS: usize = 8 * 1024;
/// Digits of a size that fits into 64 bits.
const MAX_DIGITS: usize = 16;

/// Follows a body in chunks.
#[derive(Debug, Default)]
pub struct Chunks {
    state: State,
    /// Bytes of the current line.
    line: usize,
    extensions: usize,
    trailers: usize,
}

/// What has to come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The digits of a size; those so far.
    Size { digits: usize, size: u64 },
    /// An extension, after blanks.
    Blank { size: u64 },
    /// More of an extension, or the end of the line.
    Extension { size: u64 },
    /// LF after the CR of a size.
    SizeEnd { size: u64 },
    /// Data.
    Data { left: u64 },
    /// CR after data.
    DataCr,
    /// LF after data.
    DataLf,
    /// A trailer field, or the empty line that ends the body.
    Trailer,
    /// The name of a trailer field.
    Name,
    /// Its value.
    Value,
    /// LF after it.
    ValueEnd,
    /// LF of the empty line.
    LastLf,
    /// Nothing: the body is over.
    Over,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunks {
    /// Takes the next bytes of the connection. What follows the body is not looked at.
    ///
    /// # Errors
    /// [`Refused::Chunk`] at the first byte that does not belong there.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match self.state {
                State::Over => return Ok(()),
                State::Data { left } => self.skip(left, bytes),
                _ => {
                    self.state = self.next(byte).ok_or(Refused::Chunk)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// Passes over data; returns what follows.
    fn skip<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - u64::try_from(length).unwrap_or(left);
        self.state = if left == 0 {
            State::DataCr
        } else {
            State::Data { left }
        };
        bytes.get(length..).unwrap_or_default()
    }

    /// The state after `byte`; `None` where it does not belong.
    fn next(&mut self, byte: u8) -> Option<State> {
        match self.state {
            State::Size { digits, size } => self.in_size(byte, digits, size),
            State::Blank { size } | State::Extension { size } => self.in_extension(byte, size),
            State::SizeEnd { size } => (byte == b'\n').then(|| self.after_size(size)),
            State::DataCr => (byte == b'\r').then_some(State::DataLf),
            State::DataLf => (byte == b'\n').then(State::default),
            State::Trailer | State::Name | State::Value => self.in_trailer(byte),
            State::ValueEnd => (byte == b'\n').then_some(State::Trailer),
            State::LastLf => (byte == b'\n').then_some(State::Over),
            State::Data { .. } | State::Over => None,
        }
    }

    fn in_size(&mut self, byte: u8, digits: usize, size: u64) -> Option<State> {
        self.line += 1;
        if let Some(digit) = char::from(byte).to_digit(16) {
            return (digits < MAX_DIGITS).then_some(State::Size {
                digits: digits + 1,
                size: size << 4 | u64::from(digit),
            });
        }
        match byte {
            _ if digits == 0 => None,
            b'\r' => Some(State::SizeEnd { size }),
            b';' => Some(State::Extension { size }),
            b' ' | b'\t' => Some(State::Blank { size }),
            _ => None,
        }
    }

    fn in_extension(&mut self, byte: u8, size: u64) -> Option<State> {
        self.line += 1;
        self.extensions += 1;
        if self.line > MAX_LINE || self.extensions > MAX_EXTENSIONS {
            return None;
        }
        match (self.state, byte) {
            (State::Blank { .. }, b' ' | b'\t') => Some(self.state),
            (_, b';') => Some(State::Extension { size }),
            (State::Blank { .. }, _) => None,
            (_, b'\r') => Some(State::SizeEnd { size }),
            (_, b'\t' | b' '..=b'~') => Some(State::Extension { size }),
            _ => None,
        }
    }

    fn after_size(&mut self, size: u64) -> State {
        self.line = 0;
        if size == 0 {
            State::Trailer
        } else {
            State::Data { left: size }
        }
    }

    fn in_trailer(&mut self, byte: u8) -> Option<State> {
        self.trailers += 1;
        if self.trailers > MAX_TRAILERS {
            return None;
        }
        match (self.state, byte) {
            (State::Trailer, b'\r') => Some(State::LastLf),
            (State::Name, b':') => Some(State::Value),
            (State::Trailer | State::Name, _) => is_token(byte).then_some(State::Name),
            (_, b'\r') => Some(State::ValueEnd),
            (_, b'\t' | b' '..=b'~' | 0x80..) => Some(State::Value),
            _ => None,
        }
    }
}

/// May this byte stand in a field name (RFC 9110, 5.6.2)?
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
