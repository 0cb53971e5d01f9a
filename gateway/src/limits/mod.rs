//! Bounded counters and permits: who may do how much, and how much may go on at once.
//!
//! | file | limits |
//! |---|---|
//! | `buckets` | token buckets by key, the base of the limiters below |
//! | `unknown_sids` | look-ups of sids that are no sessions, by client |
//! | `logins` | failed logins, by account and client |
//! | `shedding` | requests in progress |
//! | `streams` | open event streams and WebSockets |
//! | `lists` | lists of devices that are read at once |
//! | `encoders` | answers that are compressed at once |
//! | `renewals` | sids that are being renewed |
//! | `logged_ends` | ends of sessions that are in the log already |
//! | `file_descriptors` | connections that the process may hold |
//! | `rounds` | how long connections, headers and streams may wait |

pub(crate) mod buckets;
pub(crate) mod encoders;
pub(crate) mod file_descriptors;
pub(crate) mod lists;
pub(crate) mod logged_ends;
pub(crate) mod logins;
pub(crate) mod renewals;
pub(crate) mod rounds;
pub(crate) mod shedding;
pub(crate) mod streams;
pub(crate) mod unknown_sids;
