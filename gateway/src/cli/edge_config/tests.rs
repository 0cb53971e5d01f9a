use std::path::PathBuf;

use super::*;
use crate::run::wiring;

const EDGES: [(Edge, &str); 6] = [
    (Edge::Nginx, "nginx"),
    (Edge::Caddy, "caddy"),
    (Edge::Traefik, "traefik"),
    (Edge::Haproxy, "haproxy"),
    (Edge::EnvoyHttp, "envoy-http"),
    (Edge::EnvoyGrpc, "envoy-grpc"),
];

fn deployed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/edge")
}

#[test]
fn what_is_deployed_is_what_is_printed() {
    let config = wiring::load(&deployed().join("sidgate.toml")).unwrap();
    let facts = Facts::of(&config, "0.0.0.0:8080".to_owned()).unwrap();
    for (edge, name) in EDGES {
        for File { name: file, text } in files(edge, &facts, None) {
            let path = deployed().join(name).join(file);
            if std::env::var_os("SIDGATE_WRITE").is_some() {
                write(&deployed().join(name), &files(edge, &facts, None)).unwrap();
            }
            let deployed = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                deployed,
                text,
                "{}: SIDGATE_WRITE=1 writes it anew",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_to_fill_in_and_every_name_is_copied() {
    let config = wiring::load(&deployed().join("sidgate.toml")).unwrap();
    let facts = Facts::of(&config, "127.0.0.1:8080".to_owned()).unwrap();
    assert!(facts.names.contains(&"X-Session-Email".to_owned()));
    for (edge, name) in EDGES {
        let files = files(edge, &facts, None);
        let all: String = files.iter().map(|file| file.text.as_str()).collect();
        assert!(!all.contains("@{"), "{name}");
        for told in &facts.names {
            let is_copied = all
                .to_ascii_lowercase()
                .contains(&told.to_ascii_lowercase());
            let by_prefix = matches!(edge, Edge::EnvoyHttp | Edge::EnvoyGrpc);
            assert!(is_copied || by_prefix, "{name}: {told}");
        }
    }
}

#[test]
fn without_the_section_there_is_nothing_to_print() {
    let text = fs::read_to_string(deployed().join("sidgate.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sidgate.toml");
    let begin = text.find("[authz]").unwrap();
    let end = begin + text.get(begin..).unwrap().find("[backend]").unwrap();
    let without = format!("{}{}", text.get(..begin).unwrap(), text.get(end..).unwrap());
    fs::write(&path, without).unwrap();
    fs::write(folder.path().join("master.key"), "A".repeat(43) + "=").unwrap();
    let config = crate::config::Config::load(&path, &|_| None);
    if let Ok(config) = config {
        let why = Facts::of(&config, String::new()).err().unwrap();
        assert!(why.contains("authz"), "{why}");
    }
}
