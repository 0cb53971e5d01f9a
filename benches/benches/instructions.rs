//! Single steps of a request's way, for `benches/instructions` to count their instructions.
//!
//! `instructions OPERATION TIMES` does one of them so many times in [`counted_operations`], and `instructions cpu` says what
//! the processor offers that libraries choose their code by. Called in any other way, as `cargo bench` does, it does nothing.

mod request;

use std::env;
use std::hint::black_box;

use futures_util::FutureExt as _;
use http::header::HeaderMap;
// For one of its features, see Cargo.toml.
use rustix as _;
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{Query, Resolution};
use sidgate::measured::{Measured, access_line};
use sidgate_benches::{Fault, Node};

use request::{Received, TARGET, configuration};

/// Unix seconds at which identities are written.
const NOW: i64 = 1_796_000_000;
/// As many fields as an app gets of this request.
const FIELDS: usize = 32;

/// Only what is called from here is counted. Nothing within may have this name as a part of its own, as a closure would: the
/// count would stop there.
#[inline(never)]
fn counted_operations(times: u32, operation: &mut dyn FnMut() -> bool) -> bool {
    for _ in 0..times {
        if !operation() {
            return false;
        }
    }
    true
}

/// # Errors
/// When an operation does not come to the end that is to be counted.
fn run(name: &str, times: u32) -> Result<(), Fault> {
    let (received, node) = (Received::new()?, Node::start()?);
    let request = received.raw();
    let keys = Keyring::new(MasterKey::from_bytes([3; 32]), Vec::new());
    let measured = Measured::new(configuration()?, &keys)?;
    // The first look-up reads the store and installs the session, the second one notes its use.
    let ask = || {
        node.sessions
            .resolve(node.cookie.as_bytes(), &node.groups, Query::default())
    };
    node.runtime().block_on(ask());
    let found = node.runtime().block_on(ask());
    let Resolution::Active(active) = found.clone() else {
        return Err(format!("the session is not there: {found:?}").into());
    };
    let mut line = Vec::with_capacity(1_024);
    let mut operation: Box<dyn FnMut() -> bool> = match name {
        "vet" => Box::new(|| measured.vet(black_box(&request))),
        "resolve" => Box::new(|| matches!(ask().now_or_never(), Some(Resolution::Active(_)))),
        "decide" => Box::new(|| measured.decide(black_box(&request), found.clone())),
        "identity" => Box::new(|| {
            let mut headers = HeaderMap::with_capacity(FIELDS);
            measured.identity(&active, &mut headers, NOW).is_ok() && headers.len() >= 6
        }),
        "anonymous" => Box::new(|| {
            let mut headers = HeaderMap::with_capacity(FIELDS);
            measured.anonymous(&mut headers, NOW).is_ok() && headers.len() == 2
        }),
        "log_line" => Box::new(|| {
            line.clear();
            access_line(black_box(TARGET), &mut line);
            line.ends_with(b"}\n")
        }),
        _ => return Err(format!("no such operation: {name}").into()),
    };
    // What is done once is done before.
    let is_done = operation() && counted_operations(times, &mut operation);
    drop(operation);
    node.runtime().block_on(node.sessions.stop());
    if is_done {
        Ok(())
    } else {
        Err(format!("{name} came to another end").into())
    }
}

/// What libraries ask the processor for, before they choose their code.
fn cpu() -> String {
    let mut offers = vec![env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("aes", is_x86_feature_detected!("aes")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("sha", is_x86_feature_detected!("sha")),
        ];
        offers.extend(
            known
                .iter()
                .filter(|(_, is_there)| *is_there)
                .map(|(name, _)| *name),
        );
    }
    offers.join(" ")
}

#[expect(clippy::print_stdout, reason = "it is asked for that")]
fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cpu"] => println!("{}", cpu()),
        [operation, times] if !operation.starts_with('-') => run(operation, times.parse()?)?,
        _ => {}
    }
    Ok(())
}
