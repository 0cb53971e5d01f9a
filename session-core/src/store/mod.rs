//! The store: sessions, revocations and the log of events in SQL. Its answers decide.
//!
//! The traits are cut by promise, not by driver. Insert, update and touch are different verbs, because every session
//! store that mixed them has had the same bug: a request in flight writes a session back after its logout (DESIGN 5,
//! R7). Each method says what a concurrent caller sees. One conformance suite runs against every implementation
//! (`session-testing`).

mod declare;
mod device;
mod error;
mod event;
mod inspect;
mod legacy;
mod login;
mod person;
pub mod postgres;
pub mod prelude;
mod rights;
mod schema;
mod session;
mod sighting;
pub mod sqlite;
mod stored;
mod timed_out;
mod write;

pub use device::{Device, DevicePlace, NoPlace};
pub use error::{SchemaError, StoreError, StoreResult};
pub use event::{Event, History, LISTED_FOR, NodeReport, PULSE_LIMIT, Pulse, Subject};
pub use inspect::{About, InspectStore, NamedServer};
pub use legacy::{
    Adopted, Adoption, Attached, Attachment, LegacyStore, ProvenRow, Recalled, RecalledRow, Seen,
    TALLY_KEPT, TALLY_MAX, Tally,
};
pub use login::{CodeDigest, Familiar, LoginSeen, LoginStore, NETWORKS_MAX, NETWORKS_PER_OWNER};
pub use person::{
    CutoffOf, EVENTS_KEPT, ErasedSessions, PersonStore, RevocationOf, SightingsOf, Swept, Traces,
};
pub use rights::{Grant, MissingRights, Rights};
pub use schema::{SCHEMA_VERSION, SchemaFit, SchemaStatus};
pub use session::SessionStore;
pub use sighting::{Cursor, Flag, Sighting, SightingStore, Sightings};
pub use stored::{Search, Snapshot, StoredSession};
pub use timed_out::{TimedOut, Wait};
pub use write::{Change, Housekept, Renewal, Revoked, Scope, Touch, Updated};
