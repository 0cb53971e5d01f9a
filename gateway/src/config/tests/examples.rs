//! The files of `deploy/examples` load.

use std::fs;
use std::path::Path;

use super::{CERT, KEY, KEY_A, Place};

#[test]
fn examples_of_upstreams_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    let place = Place::new()
        .file("master.key", KEY_A)
        .file("apps-ca.pem", CERT)
        .file("sidgate.pem", CERT)
        .file("sidgate.key", KEY);
    let mut loaded = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("upstreams-") {
            place.good(&fs::read_to_string(&path).unwrap());
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "{loaded}");
}
