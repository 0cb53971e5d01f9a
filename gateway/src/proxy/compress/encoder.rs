//! The codecs, behind one face: bytes in, fewer bytes out.

use std::io::{self, Write as _};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::config::Coding;

/// Levels at which a page takes well below a millisecond, and the next one saves little.
const GZIP_LEVEL: Compression = Compression::new(5);
const BROTLI_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;
/// How far back codecs look, as a power of two: 512 KiB. More takes memory for each answer under way.
const WINDOW: u32 = 19;
const BROTLI_BUFFER: usize = 4096;

/// Whether the client can read what it was sent so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// After each piece, as the app has sent it.
    Each,
    /// When it is worth it.
    Rarely,
}

/// One answer under way.
pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    /// Behind a lock that nobody waits for: the type may not be shared between threads, and modules of Pingora's must.
    Zstd(Mutex<ZstdEncoder<'static, Vec<u8>>>),
}

impl Encoder {
    pub(super) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(vec![], GZIP_LEVEL)),
            Coding::Brotli => Self::Brotli(Box::new(CompressorWriter::new(
                vec![],
                BROTLI_BUFFER,
                BROTLI_LEVEL,
                WINDOW,
            ))),
            Coding::Zstd => {
                let mut encoder = ZstdEncoder::new(vec![], ZSTD_LEVEL)?;
                encoder.window_log(WINDOW)?;
                Self::Zstd(Mutex::new(encoder))
            }
        })
    }

    /// What there is to send after this piece; may be nothing yet.
    pub(super) fn encode(&mut self, plain: &[u8], flush: Flush) -> io::Result<Bytes> {
        let is_due = flush == Flush::Each;
        let smaller = match self {
            Self::Gzip(encoder) => {
                encoder.write_all(plain)?;
                if is_due {
                    encoder.flush()?;
                }
                encoder.get_mut()
            }
            Self::Brotli(encoder) => {
                encoder.write_all(plain)?;
                if is_due {
                    encoder.flush()?;
                }
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                let encoder = encoder.get_mut();
                encoder.write_all(plain)?;
                if is_due {
                    encoder.flush()?;
                }
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(smaller).into())
    }

    /// The end.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        let smaller = match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Zstd(encoder) => encoder.into_inner().finish()?,
        };
        Ok(smaller.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use strum::VariantArray as _;

    use super::*;

    fn plain(coding: Coding, smaller: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = vec![];
        match coding {
            Coding::Gzip => flate2::read::GzDecoder::new(smaller).read_to_end(&mut plain)?,
            Coding::Brotli => brotli::Decompressor::new(smaller, 4096).read_to_end(&mut plain)?,
            Coding::Zstd => zstd::stream::read::Decoder::new(smaller)?.read_to_end(&mut plain)?,
        };
        Ok(plain)
    }

    #[test]
    fn what_goes_in_comes_out() {
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|number| (number / 7).to_string().into_bytes())
            .collect();
        for coding in Coding::VARIANTS {
            for flush in [Flush::Each, Flush::Rarely] {
                let mut encoder = Encoder::new(*coding).unwrap();
                let mut smaller = vec![];
                for piece in text.chunks(10_007) {
                    smaller.extend(encoder.encode(piece, flush).unwrap());
                }
                smaller.extend(encoder.finish().unwrap());
                assert!(smaller.len() * 3 < text.len(), "{coding:?}");
                assert_eq!(plain(*coding, &smaller).unwrap(), text, "{coding:?}");
                let cut = smaller.get(..smaller.len() - 1).unwrap();
                assert!(plain(*coding, cut).is_err(), "{coding:?} has an end");
            }
        }
    }

    #[test]
    fn a_piece_can_be_read_before_the_next_one_comes() {
        for coding in Coding::VARIANTS {
            let mut encoder = Encoder::new(*coding).unwrap();
            let first = encoder.encode(b"the first piece", Flush::Each).unwrap();
            let mut read = [0; 15];
            let smaller = first.as_ref();
            match coding {
                Coding::Gzip => flate2::read::GzDecoder::new(smaller).read_exact(&mut read),
                Coding::Brotli => brotli::Decompressor::new(smaller, 4096).read_exact(&mut read),
                Coding::Zstd => zstd::stream::read::Decoder::new(smaller)
                    .unwrap()
                    .read_exact(&mut read),
            }
            .unwrap();
            assert_eq!(&read, b"the first piece", "{coding:?}");
        }
    }
}
