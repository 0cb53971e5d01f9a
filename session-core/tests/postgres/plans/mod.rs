//! With many rows every statement of the store finds what it looks for by an index, and reads little else.
//!
//! The statements are run, each as the gateway sends it, and the server says how it went about it: with a plan for the values
//! of a call, and with one for whatever values. Statements within triggers count. A statement in the store's sources that was
//! not run fails the test, so a new one cannot be forgotten.

use session_testing::{Explained, Plans};

use super::*;

mod calls;
mod judged;
mod rows;
mod sources;

/// Rows of the session table.
fn many() -> u64 {
    if std::env::var_os("SIDGATE_SOAK").is_some() {
        1_000_000
    } else {
        60_000
    }
}

#[tokio::test]
async fn every_statement_uses_indexes() {
    let database = TestPostgres::shared().database();
    rows::fill(&database, many()).await;
    let tap = database.tap().await;
    let mut wrong = Vec::new();
    let mut run: Vec<Explained> = Vec::new();
    for plans in [Plans::Custom, Plans::Generic] {
        let store = database.explained(&tap, plans);
        calls::each(&store, &database).await;
        if plans == Plans::Generic {
            // It ends all sessions there are, so it comes last.
            revoke(&store, Scope::All).await;
        }
        let found = tap.take_explained();
        assert!(found.len() > 100, "the server tells its plans");
        wrong.extend(found.iter().flat_map(|one| judged::faults(one, plans)));
        run.extend(found);
    }
    let forgotten = sources::forgotten(run.iter().map(|one| &*one.sql));
    assert_eq!(forgotten, Vec::<String>::new(), "call it in plans/calls.rs");
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
