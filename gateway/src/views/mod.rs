//! JSON shapes that endpoints, the admin API and the command line share.

pub(crate) mod arrival;
pub(crate) mod device_label;
pub(crate) mod receipt;
pub(crate) mod session;
