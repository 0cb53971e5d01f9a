use std::sync::mpsc::{Sender, channel};

use tokio::runtime::{Builder, Runtime};

use super::*;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

/// Nothing turns until the sender is dropped.
fn freeze(runtime: &Runtime) -> Sender<()> {
    let (thaw, thawed) = channel::<()>();
    let (began, begun) = channel();
    drop(runtime.spawn(async move {
        began.send(()).unwrap();
        assert!(thawed.recv().is_err());
    }));
    begun.recv_timeout(LONG).unwrap();
    thaw
}

#[test]
fn each_runtime_has_to_turn() {
    let (serving, of_edges, core) = (runtime(), runtime(), runtime());
    let handles = [&serving, &of_edges, &core].map(|runtime| runtime.handle().clone());
    assert!(turn(&handles, LONG));

    for stuck in [&serving, &of_edges, &core] {
        let thaw = freeze(stuck);
        assert!(!turn(&handles, SHORT));
        drop(thaw);
        assert!(turn(&handles, LONG));
    }
}

#[test]
fn runtime_that_is_gone_does_not_turn() {
    let (serving, core) = (runtime(), runtime());
    let handles = [serving.handle().clone(), core.handle().clone()];
    serving.shutdown_background();
    assert!(!turn(&handles, SHORT));
}
