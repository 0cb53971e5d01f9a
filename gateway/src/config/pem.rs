//! Why a file holds no private key that can be used. Nothing of the file is told.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Enough for the header of a key, wherever certificates stand before it.
const LOOK_AT: u64 = 64 * 1024;

/// What is told about a file in which no private key was found.
pub(super) fn no_private_key(path: &Path) -> String {
    let shown = path.display();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LOOK_AT).read_to_end(&mut text));
    let has = |marker: &str| {
        text.windows(marker.len())
            .any(|part| part == marker.as_bytes())
    };
    if read.is_ok()
        && (has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED"))
    {
        return format!(
            "file {shown} holds a private key that is encrypted; decrypt it: openssl pkey -in {shown} -out decrypted.pem"
        );
    }
    if read.is_ok() && text.first() == Some(&0x30) {
        return format!(
            "file {shown} is DER, not PEM; convert it: openssl pkey -inform der -in {shown} -out key.pem"
        );
    }
    format!("file {shown} holds no private key in PEM")
}
