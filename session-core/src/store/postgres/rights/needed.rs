//! What the statements of this store need, thing by thing, and no more.
//!
//! A right to lock rows (`FOR UPDATE`, `FOR SHARE`) is a right to UPDATE some column.

/// Something that rights are granted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// The schema in which the tables are.
    Schema,
    /// A table in it.
    Table(&'static str),
    /// A function in it: the name, and the types of its arguments.
    Function(&'static str, &'static str),
}

/// What may be done with a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privilege {
    Usage,
    Execute,
    Select,
    Insert,
    /// Of these columns.
    Update(&'static [&'static str]),
    Delete,
}

use Privilege::{Delete, Execute, Insert, Select, Update, Usage};

/// The columns of a session that change after its login.
const OF_A_SESSION: &[&str] = &[
    "session_key",
    "tenant_id",
    "identity",
    "last_activity",
    "revoked_at",
    "revoke_reason",
    "ref",
    "version",
    "renewed_at",
];

/// The rights of a gateway.
pub(super) const NEEDED: [(Thing, &[Privilege]); 16] = [
    (Thing::Schema, &[Usage]),
    (Thing::Table("sidgate_schema"), &[Select]),
    (Thing::Table("sidgate_clock"), &[Select]),
    // Triggers write it. Housekeeping removes what nobody needs any more.
    (Thing::Table("sidgate_event"), &[Select, Delete]),
    // Rows are locked, never written.
    (Thing::Table("sidgate_turn"), &[Select, Update(&["slot"])]),
    (
        Thing::Table("sidgate_session"),
        &[Select, Insert, Update(OF_A_SESSION), Delete],
    ),
    (
        Thing::Table("sidgate_revocation"),
        &[Select, Insert, Update(&["seq"]), Delete],
    ),
    (
        Thing::Table("sidgate_former_key"),
        &[Select, Insert, Update(&["successor"]), Delete],
    ),
    (
        Thing::Table("sidgate_node"),
        &[Select, Insert, Update(&["applied", "seen_at"]), Delete],
    ),
    (
        Thing::Table("sidgate_legacy"),
        &[Select, Insert, Update(&["session_key"]), Delete],
    ),
    (
        Thing::Table("sidgate_legacy_cutoff"),
        &[Select, Insert, Update(&["at"]), Delete],
    ),
    (
        Thing::Table("sidgate_migration_tally"),
        &[Select, Insert, Update(&["times"]), Delete],
    ),
    // Rows are locked before they go. Nobody can write another number into an identity column.
    (
        Thing::Table("sidgate_activity"),
        &[Select, Insert, Update(&["id"]), Delete],
    ),
    (Thing::Table("sidgate_handover"), &[Select, Insert, Delete]),
    (
        Thing::Table("sidgate_login_network"),
        &[Select, Insert, Update(&["id", "seen_at"]), Delete],
    ),
    (Thing::Function("sidgate_current_key", "bytea"), &[Execute]),
];

/// One right: what `has_..._privilege` can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) thing: Thing,
    pub(super) word: &'static str,
    /// Empty: not of a column.
    pub(super) column: &'static str,
}

/// Every right, one by one.
pub(super) fn rights() -> impl Iterator<Item = Right> {
    NEEDED.into_iter().flat_map(|(thing, privileges)| {
        let each = privileges
            .iter()
            .flat_map(|privilege| match *privilege {
                Usage => vec![("USAGE", "")],
                Execute => vec![("EXECUTE", "")],
                Select => vec![("SELECT", "")],
                Insert => vec![("INSERT", "")],
                Delete => vec![("DELETE", "")],
                Update(columns) => columns.iter().map(|column| ("UPDATE", *column)).collect(),
            })
            .collect::<Vec<_>>();
        each.into_iter().map(move |(word, column)| Right {
            thing,
            word,
            column,
        })
    })
}
