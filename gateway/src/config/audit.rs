//! `[audit]`: where the security events go.

use std::path::PathBuf;

use super::reader::Reader;
use super::secret::Sources;

/// The audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// File that security events are appended to; `None`: they stand among the other lines on stdout.
    pub file: Option<PathBuf>,
}

impl AuditConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("audit", |audit| Self {
            file: audit
                .text("file", |text| sources.guarded_path(text))
                .flatten(),
        })
    }
}
