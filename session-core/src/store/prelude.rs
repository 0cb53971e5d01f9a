//! Every name in the signatures of the store's traits, for those who implement them.

pub(crate) use std::time::Duration;

pub(crate) use async_trait::async_trait;
pub(crate) use uuid::Uuid;

pub(crate) use super::{
    Adopted, Adoption, Attached, Attachment, Change, Cursor, Device, DevicePlace, Familiar, Flag,
    History, Housekept, LegacyStore, LoginSeen, LoginStore, NodeReport, Pulse, Recalled, Renewal,
    Revoked, Scope, Search, Seen, SessionStore, Sighting, SightingStore, Sightings, Snapshot,
    StoreError, StoreResult, StoredSession, Tally, Touch, Updated,
};
pub(crate) use crate::hint::{HintResult, HintStream};
pub(crate) use crate::keys::legacy::LegacyKey;
pub(crate) use crate::keys::login::LoginDigest;
pub(crate) use crate::session::{NewSession, RevokeReason, Seq, Session};
pub(crate) use crate::sid::SessionKey;
