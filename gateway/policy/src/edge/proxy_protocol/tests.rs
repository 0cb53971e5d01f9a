use proptest::prelude::*;

use super::*;

fn complete(length: usize, client: Option<&str>) -> Result<Progress, NoHeader> {
    let client = client.map(|text| text.parse().expect(text));
    Ok(Progress::Complete(Header { length, client }))
}

/// A header of version 2 with this command, kind and body.
fn v2(command: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a length").to_be_bytes();
    [START_2, &[command, kind], &length, body].concat()
}

const OF_IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0, 80, 1, 187];

#[test]
fn lines_of_version_1() {
    for (line, client) in [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
            Some("192.0.2.1"),
        ),
        (
            "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
            Some("0.0.0.0"),
        ),
        ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Some("2001:db8::1")),
        ("PROXY UNKNOWN\r\n", None),
        (
            "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
            None,
        ),
    ] {
        assert_eq!(
            read(line.as_bytes()),
            complete(line.len(), client),
            "{line:?}"
        );
        let more = format!("{line}PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n");
        assert_eq!(
            read(more.as_bytes()),
            complete(line.len(), client),
            "{line:?}"
        );
    }
}

#[test]
fn lines_that_break_the_rules() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1  2\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 x 1 2\r\n",
        "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\nGET / HTTP/1.1\r\n",
    ] {
        assert_eq!(read(line.as_bytes()), Err(NoHeader::Malformed), "{line:?}");
    }
    for other in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4",
        "PROXYTCP4",
        "\x16\x03\x01",
        "\r\n\r\nG",
    ] {
        assert_eq!(read(other.as_bytes()), Err(NoHeader::Missing), "{other:?}");
    }
}

#[test]
fn a_line_has_107_bytes_at_most() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_1 - 16));
    assert_eq!(longest.len(), LONGEST_1);
    assert_eq!(read(longest.as_bytes()), complete(LONGEST_1, None));
    let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_1 - 15));
    assert_eq!(read(longer.as_bytes()), Err(NoHeader::TooLong));
    let waiting = &longer.as_bytes()[..LONGEST_1 - 1];
    assert_eq!(read(waiting), Ok(Progress::Incomplete));
}

#[test]
fn headers_of_version_2() {
    let of_ipv6 = [&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[1], &[0; 20]].concat();
    let addition = [&OF_IPV4[..], &[0x04, 0, 2, 0, 0], &[0x01, 0, 0]].concat();
    for (bytes, client) in [
        (v2(0x21, 0x11, &OF_IPV4), Some("192.0.2.1")),
        (v2(0x21, 0x21, &of_ipv6), Some("2001:db8::1")),
        (v2(0x21, 0x11, &addition), Some("192.0.2.1")),
        (v2(0x21, 0x31, &[0; 216]), None),
        (v2(0x21, 0x00, b""), None),
        (v2(0x21, 0x00, b"anything"), None),
        (v2(0x20, 0x00, b""), None),
        // What a balancer says of its own connection is to be skipped.
        (v2(0x20, 0x11, &OF_IPV4), None),
        (v2(0x20, 0xff, b"x"), None),
    ] {
        assert_eq!(read(&bytes), complete(bytes.len(), client), "{bytes:?}");
    }
    for bytes in [
        v2(0x11, 0x11, &OF_IPV4),
        v2(0x22, 0x11, &OF_IPV4),
        v2(0x21, 0x12, &OF_IPV4),
        v2(0x21, 0x41, &OF_IPV4),
        v2(0x21, 0x11, &OF_IPV4[..11]),
        v2(0x21, 0x21, &OF_IPV4),
        v2(0x21, 0x31, &OF_IPV4),
        // Additions that are longer than the header.
        v2(0x21, 0x11, &[&OF_IPV4[..], &[0x04, 0, 9, 0]].concat()),
        v2(0x21, 0x11, &[&OF_IPV4[..], &[0x04, 0]].concat()),
    ] {
        assert_eq!(read(&bytes), Err(NoHeader::Malformed), "{bytes:?}");
    }
}

#[test]
fn a_header_of_version_2_is_refused_for_its_length_before_it_has_come() {
    let longest = v2(0x20, 0, &vec![0; LONGEST - FIXED_2]);
    assert_eq!(read(&longest), complete(LONGEST, None));
    let longer = v2(0x20, 0, &vec![0; LONGEST - FIXED_2 + 1]);
    assert_eq!(read(&longer[..FIXED_2]), Err(NoHeader::TooLong));
}

fn good() -> impl Strategy<Value = Vec<u8>> {
    let line = (any::<[u8; 4]>(), any::<u16>()).prop_map(|(source, port)| {
        let source = Ipv4Addr::from(source);
        format!("PROXY TCP4 {source} 198.51.100.1 {port} 443\r\n").into_bytes()
    });
    let line6 = any::<[u8; 16]>().prop_map(|source| {
        let source = Ipv6Addr::from(source);
        format!("PROXY TCP6 {source} ::1 1 443\r\n").into_bytes()
    });
    let binary = (any::<[u8; 12]>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(addresses, value)| {
            let length = u16::try_from(value.len()).expect("short").to_be_bytes();
            v2(
                0x21,
                0x11,
                &[&addresses[..], &[0xe0], &length, &value].concat(),
            )
        },
    );
    prop_oneof![line, line6, binary]
}

proptest! {
    /// However a header comes in pieces, it is not there before its last byte, and takes nothing of what follows.
    #[test]
    fn a_header_ends_at_its_last_byte(header in good(), behind in prop::collection::vec(any::<u8>(), 0..64)) {
        for part in 0..header.len() {
            prop_assert_eq!(read(&header[..part]), Ok(Progress::Incomplete));
        }
        let whole = read(&header);
        let Ok(Progress::Complete(found)) = whole else {
            return Err(TestCaseError::fail(format!("{whole:?}")));
        };
        prop_assert_eq!(found.length, header.len());
        prop_assert_eq!(read(&[header, behind].concat()), whole);
    }

    /// A verdict on the beginning of a connection does not change with what comes later.
    #[test]
    fn a_verdict_is_final(
        start in prop_oneof![Just(b"PROXY ".to_vec()), Just(START_2.to_vec()), Just(Vec::new())],
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        more in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let bytes = [start, bytes].concat();
        let verdict = read(&bytes);
        let longer = [bytes, more].concat();
        if verdict != Ok(Progress::Incomplete) {
            prop_assert_eq!(read(&longer), verdict);
        }
        if let Ok(Progress::Complete(header)) = read(&longer) {
            prop_assert!(header.length <= longer.len() && header.length <= LONGEST);
        }
        // What waits for more is never longer than what is read.
        prop_assert!(longer.len() < LONGEST || read(&longer) != Ok(Progress::Incomplete));
    }

    /// One wrong byte in a header is no reason to believe another address silently in version 1.
    #[test]
    fn changed_bytes_do_no_harm(header in good(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut changed = header;
        let at = at.index(changed.len());
        changed[at] = byte;
        if let Ok(Progress::Complete(found)) = read(&changed) {
            prop_assert!(found.length <= changed.len());
        }
    }
}
