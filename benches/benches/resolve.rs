//! From the value of a cookie to an answer, where no I/O is needed (DESIGN 4, steps 1 to 3).

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use session_core::service::{Query, Resolution};
use sidgate_benches::{Fault, Node};

fn resolve(c: &mut Criterion) -> Result<(), Fault> {
    let node = Node::start()?;
    // The first look-up reads the store and installs the session.
    let first = node.runtime().block_on(node.sessions.resolve(
        node.cookie.as_bytes(),
        &node.groups,
        Query::default(),
    ));
    if !matches!(first, Resolution::Active(_)) {
        return Err(format!("the session is not there: {first:?}").into());
    }
    let at_once = |cookie: &str| {
        node.sessions
            .resolve(black_box(cookie.as_bytes()), &node.groups, Query::default())
            .now_or_never()
    };
    if !matches!(at_once(&node.cookie), Some(Resolution::Active(_))) {
        return Err("a local hit had to wait".into());
    }
    if !matches!(at_once(&node.forged), Some(Resolution::Absent(_))) {
        return Err("a forged sid had to wait".into());
    }
    let mut group = c.benchmark_group("resolve");
    group.bench_function("local_hit", |b| b.iter(|| at_once(&node.cookie)));
    group.bench_function("forged", |b| b.iter(|| at_once(&node.forged)));
    group.bench_function("malformed", |b| b.iter(|| at_once("not-a-sid")));
    group.finish();
    node.runtime().block_on(node.sessions.stop());
    Ok(())
}

#[expect(
    clippy::panic,
    reason = "a bench that cannot be set up has nothing to say"
)]
fn run(c: &mut Criterion) {
    if let Err(fault) = resolve(c) {
        panic!("{fault}");
    }
}

criterion_group!(benches, run);
criterion_main!(benches);
