//! Whose is a certificate? The subject as text that a header can carry (RFC 4514).
//!
//! The text can be read back without doubt: whatever could be taken for a separator is escaped, and so is every byte that is
//! not visible ASCII. Apps that compare it with a list of names compare ASCII.

/// Longest text that is told. A name that is cut could be another one's.
pub const LONGEST: usize = 2048;

/// One attribute of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type: a short name such as `CN`, or an object identifier.
    pub kind: &'a str,
    /// Its value; as it is encoded (DER) where it is no text.
    pub value: Value<'a>,
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// Something else.
    Encoded(&'a [u8]),
}

/// The text of a name, given as in its certificate: the most general part first, each of one or more attributes. `None`
/// when it is too long to be told.
#[must_use]
pub fn text(parts: &[Vec<Attribute<'_>>]) -> Option<String> {
    let mut text = String::new();
    for (index, part) in parts.iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            text.push_str(attribute.kind);
            text.push('=');
            match attribute.value {
                Value::Text(value) => escape(value, &mut text),
                Value::Encoded(bytes) => {
                    text.push('#');
                    bytes.iter().for_each(|byte| push_hex(*byte, &mut text));
                }
            }
            if text.len() > LONGEST {
                return None;
            }
        }
    }
    Some(text)
}

fn escape(value: &str, text: &mut String) {
    let last = value.len().saturating_sub(1);
    for (index, byte) in value.bytes().enumerate() {
        let at_an_end = index == 0 || index == last;
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b'=' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b'#' if index == 0 => text.push_str("\\#"),
            b' ' if at_an_end => text.push_str("\\ "),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                text.push('\\');
                push_hex(byte, text);
            }
        }
    }
}

fn push_hex(byte: u8, text: &mut String) {
    for digit in [byte >> 4, byte & 15] {
        text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests;
