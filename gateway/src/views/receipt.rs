//! What a revocation did, as its caller sees it.

use serde_json::{Value, json};
use session_core::clock::millis;
use session_core::service::Receipt;

/// The view of a receipt.
pub(crate) fn receipt_view(receipt: &Receipt) -> Value {
    json!({
        "revoked": receipt.revoked,
        "nodes": receipt.nodes,
        "acked": receipt.acked,
        "worst_ms": millis(receipt.worst),
    })
}
