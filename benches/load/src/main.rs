//! Many users at once. What each does stands in [`journeys`]; how many, for how long, and what is demanded of the gateway
//! stands in `run` beside this package, which starts this program with goose's own options.
//!
//! Environment: `LOAD_EMAIL` and `LOAD_PASSWORD` (who logs in; `{}` stands for a number that is new each time), `LOAD_PAGE`
//! (a page that needs a session), `LOAD_OTHER_NODES` (origins of further nodes of the same gateway).

mod journeys;

use std::time::Duration;

use goose::prelude::*;
use journeys::{
    browse, end_others, list_devices, log_in, log_in_again, log_out, migrate, revalidate,
};

/// How long somebody looks at a page, at least and at most.
const THINK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(600));
/// Pages that somebody looks at between login and logout. A working day has hundreds; fewer are harder for the gateway.
const PAGES: usize = 20;

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let visit = scenario!("Visit")
        .set_weight(6)?
        .set_wait_time(THINK.0, THINK.1)?
        .register_transaction(transaction!(log_in).set_name("log in").set_sequence(1))
        .register_transaction(pages(PAGES)?.set_sequence(2))
        .register_transaction(
            transaction!(revalidate)
                .set_name("revalidate")
                .set_sequence(3),
        )
        .register_transaction(
            transaction!(list_devices)
                .set_name("list devices")
                .set_sequence(4),
        )
        .register_transaction(pages(PAGES)?.set_sequence(5))
        .register_transaction(transaction!(log_out).set_name("log out").set_sequence(6));
    let migrate = scenario!("Migrate")
        .set_weight(2)?
        .set_wait_time(THINK.0, THINK.1)?
        .register_transaction(transaction!(migrate).set_name("migrate").set_sequence(1))
        .register_transaction(pages(PAGES)?.set_sequence(2))
        .register_transaction(transaction!(log_out).set_name("log out").set_sequence(3));
    let revoke = scenario!("Revoke")
        .set_weight(2)?
        .set_wait_time(THINK.0, THINK.1)?
        .register_transaction(transaction!(log_in).set_name("log in").set_sequence(1))
        .register_transaction(
            transaction!(log_in_again)
                .set_name("log in again")
                .set_sequence(2),
        )
        .register_transaction(pages(PAGES)?.set_sequence(3))
        .register_transaction(
            transaction!(end_others)
                .set_name("end the others")
                .set_sequence(4),
        )
        .register_transaction(transaction!(log_out).set_name("log out").set_sequence(5));
    GooseAttack::initialize()?
        .register_scenario(visit)
        .register_scenario(migrate)
        .register_scenario(revoke)
        .execute()
        .await?;
    Ok(())
}

/// So many pages, one after another.
fn pages(count: usize) -> Result<Transaction, GooseError> {
    transaction!(browse).set_name("browse").set_weight(count)
}
