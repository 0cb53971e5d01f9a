use proptest::prelude::*;

use super::{Chunks, MAX_EXTENSIONS, MAX_TRAILERS, State};
use crate::edge::Refused;

/// Takes `body` in pieces of `piece` bytes; says whether it is over.
fn taken(body: &[u8], piece: usize) -> Result<bool, Refused> {
    let mut chunks = Chunks::default();
    for bytes in body.chunks(piece) {
        chunks.take(bytes)?;
    }
    Ok(chunks.state == State::Over)
}

#[test]
fn bodies_as_the_grammar_has_them_are_taken() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n1\r\n\n\r\n000\r\n\r\n",
        "0000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0;b=\"c;d\"\r\n\r\n",
        "5 ;a\r\nhello\r\n0\r\n\r\n",
        "5\r\n\r\n\r\n\r\r\n0\r\n\r\n",
        "0\r\nX-A: b\r\nX_B:\r\n\r\n",
        "0\r\n\r\nGET / HTTP/1.1\n",
    ] {
        for piece in [1, 2, 3, 100] {
            assert_eq!(taken(body.as_bytes(), piece), Ok(true), "{body:?}");
        }
    }
    assert_eq!(taken(b"5\r\nhello\r\n0\r\n\r", 3), Ok(false), "not over");
}

#[test]
fn every_other_body_is_refused() {
    for body in [
        "\r\n",
        "\r\n\r\n",
        "\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "5\t\r\nhello\r\n",
        "5 5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        "-5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "0_5\r\nhello\r\n",
        "5h\r\nhello\r\n",
        ";a\r\nhello\r\n",
        "00000000000000005\r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\r\nhello\r\n",
        "5\rhello\r\n",
        "5;a\nb\r\nhello\r\n",
        "5;\n\r\nhello\r\n",
        "5;a\rb\r\nhello\r\n",
        "5;a\0\r\nhello\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello\r\n\r\n",
        "0\r\n\n",
        "0\r\n\rX",
        "0\r\nGET / HTTP/1.1\r\n\r\n",
        "0\r\nX-A : b\r\n\r\n",
        "0\r\nX-A: b\r\n folded\r\n\r\n",
        "0\r\nX-A: b\nX-B: c\r\n\r\n",
        "0\r\nX-A: \0\r\n\r\n",
        "0\r\n: b\r\n\r\n",
        "0\r\nX-A\r\n\r\n",
    ] {
        for piece in [1, 2, 3, 100] {
            assert_eq!(
                taken(body.as_bytes(), piece),
                Err(Refused::Chunk),
                "{body:?}"
            );
        }
    }
}

#[test]
fn what_is_no_body_has_limits() {
    let line = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(length));
    assert_eq!(taken(line(250).as_bytes(), 7), Ok(true));
    assert_eq!(taken(line(256).as_bytes(), 7), Err(Refused::Chunk));

    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(200));
    let many = chunk.repeat(MAX_EXTENSIONS / 200 + 1);
    assert_eq!(taken(many.as_bytes(), 100), Err(Refused::Chunk));

    let trailers = "X: y\r\n".repeat(MAX_TRAILERS / 4);
    let body = format!("0\r\n{trailers}\r\n");
    assert_eq!(taken(body.as_bytes(), 100), Err(Refused::Chunk));
}

proptest! {
    /// However the network cuts a body, the verdict is the same.
    #[test]
    fn pieces_do_not_matter(body in "[0-9aAfF;=\r\n :x]{0,40}", piece in 1_usize..9) {
        prop_assert_eq!(taken(body.as_bytes(), piece), taken(body.as_bytes(), 100));
    }

    #[test]
    fn whatever_is_written_in_chunks_is_taken(
        data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
        piece in 1_usize..50,
    ) {
        let mut body = Vec::new();
        for chunk in data {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(&chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(taken(&body, piece), Ok(true));
    }
}
