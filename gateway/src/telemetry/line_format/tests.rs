use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of what `act` logs.
fn lines(act: impl FnOnce()) -> Vec<Value> {
    let written = Written::default();
    let writer = written.clone();
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .event_format(LineFormat::new())
        .with_writer(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
    let text = String::from_utf8(written.0.lock().clone()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_line_of_a_library_names_no_file_of_the_build() {
    let lines = lines(|| {
        let record = log::Record::builder()
            .args(format_args!("no \"luck\"\n"))
            .level(log::Level::Error)
            .target("pingora_core::listeners")
            .module_path(Some("pingora_core::listeners"))
            .file(Some("/build/registry/x.rs"))
            .line(Some(7))
            .build();
        tracing_log::format_trace(&record).unwrap();
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    let names: Vec<_> = line.as_object().unwrap().keys().collect();
    assert_eq!(names, ["level", "message", "target", "timestamp"]);
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "no \"luck\"\n");
    assert_eq!(line["target"], "pingora_core::listeners");
}

#[test]
fn a_line_of_ours_has_its_fields_beside_the_message() {
    let lines = lines(|| {
        tracing::event!(target: "sidgate", Level::WARN, cause = "why", none = None::<&str>, "what");
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(line["cause"], "why");
    assert_eq!(line["message"], "what");
    assert_eq!(line["target"], "sidgate");
    assert_eq!(line.get("none"), None);
    assert_eq!(line.get("filename"), None);
}
