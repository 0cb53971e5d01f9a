//! What a request costs before anybody is asked about its session: vetting, route, and the lines that an app will get.

use std::fs;
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;

use criterion::{Criterion, criterion_group, criterion_main};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use sidgate::config::{Config, Routes};
use sidgate_benches::{Fault, browser_headers};
use sidgate_policy::edge::headers::to_remove;
use sidgate_policy::edge::{EdgePolicy, HostSet, RawRequest, SidCookie, vet};
use tempfile::TempDir;

const TARGET: &str = "/reports/2026/11?page=2&sort=-created_at";

/// Twenty routes: more than most, and the last that matches is the one that is looked for.
fn routes() -> Result<Routes, Fault> {
    let folder = TempDir::new()?;
    let key = folder.path().join("master.key");
    fs::write(&key, "q83vEjRWeJq83u/+3LqYdlQyEP7cuph2VDIQ/ty6mHY=")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let mut text = String::from(
        "[server]\npublic_origin = \"https://app.example.com\"\n[backend]\nupstream = \"app\"\n\
         [upstreams.app]\nservers = [\"127.0.0.1:8000\"]\n\
         [[routes]]\npath = \"/\"\nupstream = \"app\"\nsession = \"optional\"\n",
    );
    for number in 1..20 {
        text.push_str(&format!(
            "[[routes]]\npath = \"/part-{number}/\"\nupstream = \"app\"\n"
        ));
    }
    let path = folder.path().join("sidgate.toml");
    fs::write(&path, text)?;
    Ok(Config::load(&path, &|_| None)?.routes)
}

fn as_received() -> Result<(HeaderMap, Vec<u8>), Fault> {
    let mut headers = HeaderMap::new();
    let mut head = format!("GET {TARGET} HTTP/1.1\r\n").into_bytes();
    for (name, value) in browser_headers() {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    Ok((headers, head))
}

fn edge(c: &mut Criterion) -> Result<(), Fault> {
    let routes = routes()?;
    let policy = EdgePolicy::new(HostSet::new(["app.example.com"], 443)?, "sid");
    let (headers, head) = as_received()?;
    let request = RawRequest {
        version: http::Version::HTTP_11,
        method: "GET",
        target: TARGET.as_bytes(),
        authority: None,
        headers: &headers,
        raw_head: Some(&head),
        from_trusted_proxy: false,
    };
    let vetted = vet(&request, &policy).map_err(|refused| format!("refused: {refused:?}"))?;
    if !matches!(vetted.cookies.sid(), SidCookie::One(_)) {
        return Err("the request carries no sid".into());
    }
    let mut group = c.benchmark_group("edge");
    group.bench_function("vet", |b| {
        b.iter(|| vet(black_box(&request), &policy).is_ok())
    });
    group.bench_function("vet_route_and_header_policy", |b| {
        b.iter(|| {
            let vetted = vet(black_box(&request), &policy).ok()?;
            let route = routes.route_for(vetted.path)?;
            let cookie_line = vetted.cookies.upstream_line(|_name| false);
            Some((route, cookie_line, to_remove(&headers, &policy)))
        });
    });
    group.finish();
    Ok(())
}

#[expect(
    clippy::panic,
    reason = "a bench that cannot be set up has nothing to say"
)]
fn run(c: &mut Criterion) {
    if let Err(fault) = edge(c) {
        panic!("{fault}");
    }
}

criterion_group!(benches, run);
criterion_main!(benches);
