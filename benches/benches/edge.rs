//! What a request costs before anybody is asked about its session: vetting, route, and the lines that an app will get.

mod request;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sidgate_benches::Fault;
use sidgate_policy::edge::headers::to_remove;
use sidgate_policy::edge::{EdgePolicy, HostSet, SidCookie, vet};

use request::{Received, configuration};

fn edge(c: &mut Criterion) -> Result<(), Fault> {
    let (routes, received) = (configuration()?.routes, Received::new()?);
    let policy = EdgePolicy::new(HostSet::new(["app.example.com"], 443)?, &["sid"]);
    let request = received.raw();
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
            let route = routes.route_for(vetted.host.name(), vetted.path)?;
            let cookie_line = vetted.cookies.upstream_line(|_name| false);
            Some((route, cookie_line, to_remove(request.headers, &policy)))
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
