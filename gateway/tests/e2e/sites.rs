//! `[[sites]]`: several hosts, origins and tenants behind one gateway.

mod cookies;
mod groups;
mod handover;
mod handover_attacks;
mod origins;
mod tenants;
mod told;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::{Request, Response, SESSION, Stage, login};

/// Logs in at a host with JSON.
fn log_in_at(stage: &Stage, host: &str, email: &str) -> Response {
    stage.send(&login(email, PASSWORD).header("Host", host))
}

/// The value of a cookie that a response sets.
fn set(response: &Response, name: &str) -> String {
    let found = response.all("set-cookie").into_iter().find_map(|line| {
        let (own, value) = line.split(';').next()?.split_once('=')?;
        (own == name).then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in {response:?}"))
}

/// What the endpoint of a host says to this Cookie line.
fn seen_at(stage: &Stage, host: &str, cookies: &str) -> bool {
    let request = Request::get(SESSION)
        .header("Host", host)
        .header("Cookie", cookies);
    stage.send(&request).must_be(200).json()["authenticated"] == true
}
