//! Every name in the signatures of the store's traits, for those who implement them.

pub use std::time::Duration;

pub use async_trait::async_trait;
pub use uuid::Uuid;

pub use super::{
    About, Adopted, Adoption, Attached, Attachment, Change, CodeDigest, Cursor, Device,
    DevicePlace, ErasedSessions, Familiar, Flag, History, Housekept, InspectStore, LegacyStore,
    LoginSeen, LoginStore, NamedServer, NodeReport, PersonStore, Pulse, Recalled, Renewal, Revoked,
    Rights, SchemaStatus, Scope, Search, Seen, SessionStore, Sighting, SightingStore, Sightings,
    SightingsOf, Snapshot, StoreError, StoreResult, StoredSession, Swept, Tally, Touch, Traces,
    Updated,
};
pub use crate::clock::Timestamp;
pub use crate::hint::{HintResult, HintStream};
pub use crate::keys::legacy::LegacyKey;
pub use crate::keys::login::LoginDigest;
pub use crate::keys::person::Person;
pub use crate::session::{Group, NewSession, RevokeReason, Seq, Session};
pub use crate::sid::SessionKey;
