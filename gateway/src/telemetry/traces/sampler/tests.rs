use std::sync::Arc;

use http::HeaderValue;
use session_core::clock::SystemClock;
use session_core::entropy::{Entropy, NoEntropy, SystemEntropy};
use sidgate_policy::edge::traceparent::TRACEPARENT;

use super::*;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn sampler(share: Ratio, trust: TraceparentFrom) -> Sampler {
    Sampler {
        share,
        trust,
        store: "sqlite",
    }
}

fn none() -> Ratio {
    Ratio::parse("0").unwrap()
}

fn all() -> Ratio {
    Ratio::parse("1").unwrap()
}

fn begin(sampler: Sampler, traceparent: &'static str, is_of_trusted_proxy: bool) -> Trace {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, HeaderValue::from_static(traceparent));
    let entropy: SharedEntropy = Arc::new(SystemEntropy);
    let sender = (&headers, is_of_trusted_proxy);
    let trace = sampler.begin(sender, Boot::from_nanos(1), &SystemClock, &entropy);
    trace.unwrap()
}

#[test]
fn a_stranger_neither_names_a_trace_nor_has_it_recorded() {
    for (trust, is_of_trusted_proxy) in [
        (TraceparentFrom::Nobody, false),
        (TraceparentFrom::Nobody, true),
        (TraceparentFrom::TrustedProxies, false),
    ] {
        let trace = begin(sampler(none(), trust), SAMPLED, is_of_trusted_proxy);
        assert!(trace.recording().is_none(), "{trust:?}");
        assert_eq!(trace.ids.parent, None);
        assert_ne!(trace.ids.trace_id[0], 0x4b);
    }
}

#[test]
fn a_trusted_proxy_decides_both_ways() {
    let trust = TraceparentFrom::TrustedProxies;
    let recorded = begin(sampler(none(), trust), SAMPLED, true);
    assert!(recorded.recording().is_some());
    assert_eq!(
        recorded.ids.parent,
        Some([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])
    );
    assert_eq!(recorded.id().as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let left_out = begin(sampler(all(), trust), UNSAMPLED, true);
    assert!(left_out.recording().is_none());
    let without = begin(sampler(all(), trust), "odd", true);
    assert!(without.recording().is_some() && without.ids.parent.is_none());
}

#[test]
fn without_randomness_there_is_no_trace() {
    #[derive(Debug)]
    struct Dry;
    impl Entropy for Dry {
        fn fill(&self, _into: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
    }
    let entropy: SharedEntropy = Arc::new(Dry);
    let headers = HeaderMap::new();
    let sampler = sampler(all(), TraceparentFrom::Nobody);
    let trace = sampler.begin(
        (&headers, false),
        Boot::from_nanos(1),
        &SystemClock,
        &entropy,
    );
    assert!(trace.is_none());
}
