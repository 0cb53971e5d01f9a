//! Databases of places, written byte by byte as MaxMind's format says (<https://maxmind.github.io/MaxMind-DB/>): IPv4
//! networks in a binary tree with records of 32 bits, and what is known of each.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

/// Zero bytes between tree and data.
const SEPARATOR: usize = 16;

/// A node: where an address goes on, for a 0 and for a 1.
type Node = [Option<Next>; 2];

#[derive(Clone, Copy)]
enum Next {
    Node(usize),
    Data(usize),
}

/// Writes a database of these networks.
pub fn write(path: &Path, kind: &str, networks: &[(Ipv4Addr, u8, Value)]) {
    let mut data = Vec::new();
    let mut tree: Vec<Node> = vec![[None; 2]];
    for (network, length, value) in networks {
        let offset = data.len();
        encode(&mut data, value);
        insert(&mut tree, u32::from(*network), *length, offset);
    }
    let mut file = Vec::new();
    for next in tree.iter().flatten() {
        let record = match next {
            None => tree.len(),
            Some(Next::Node(node)) => *node,
            Some(Next::Data(offset)) => tree.len() + SEPARATOR + offset,
        };
        file.extend(u32::try_from(record).unwrap().to_be_bytes());
    }
    file.extend([0; SEPARATOR]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    let about = json!({
        "node_count": tree.len(), "record_size": 32, "ip_version": 4, "database_type": kind, "languages": ["en"],
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_767_225_600,
        "description": {"en": "made for a test"},
    });
    encode(&mut file, &about);
    fs::write(path, file).unwrap();
}

fn insert(tree: &mut Vec<Node>, network: u32, length: u8, offset: usize) {
    let bit = |at: u8| usize::from(network & (1 << (31 - at)) != 0);
    let mut node = 0;
    for at in 0..length - 1 {
        node = match tree[node][bit(at)] {
            Some(Next::Node(next)) => next,
            _ => {
                tree.push([None; 2]);
                let next = tree.len() - 1;
                tree[node][bit(at)] = Some(Next::Node(next));
                next
            }
        };
    }
    tree[node][bit(length - 1)] = Some(Next::Data(offset));
}

/// Maps, texts, lists, whole numbers of 32 bits and fractions.
fn encode(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(members) => {
            control(to, 7, members.len());
            for (name, value) in members {
                encode(to, &json!(name));
                encode(to, value);
            }
        }
        Value::String(text) => {
            control(to, 2, text.len());
            to.extend(text.as_bytes());
        }
        Value::Array(entries) => {
            control(to, 11, entries.len());
            entries.iter().for_each(|entry| encode(to, entry));
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => {
                control(to, 6, 4);
                to.extend(u32::try_from(whole).unwrap().to_be_bytes());
            }
            None => {
                control(to, 3, 8);
                to.extend(number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::Null | Value::Bool(_) => panic!("{value} has no place here"),
    }
}

/// Type and size; types above 7 take a second byte.
fn control(to: &mut Vec<u8>, kind: u8, size: usize) {
    let size = u8::try_from(size).unwrap();
    assert!(size < 29, "short things only");
    match kind {
        1..=7 => to.push(kind << 5 | size),
        _ => to.extend([size, kind - 7]),
    }
}
