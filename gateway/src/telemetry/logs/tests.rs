use tracing::Level;

use super::quiet;

#[test]
fn what_is_ours_may_say_everything_and_others_warn() {
    let held = quiet();
    assert!(held.would_enable("sidgate::run", &Level::TRACE));
    assert!(held.would_enable("session_core::freshness::tail", &Level::TRACE));
    assert!(held.would_enable("pingora_core::listeners", &Level::WARN));
    assert!(!held.would_enable("pingora_core::listeners", &Level::INFO));
}

#[test]
fn what_quotes_requests_or_names_no_fault_says_nothing() {
    let held = quiet();
    assert!(!held.would_enable("pingora_proxy::proxy_h1", &Level::ERROR));
    assert!(!held.would_enable("pingora_core::connectors", &Level::ERROR));
}
