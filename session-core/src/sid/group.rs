//! Groups: sites that share sessions.
//!
//! A session belongs to the group in which it was made, and its sid says so: the seal holds the group's tag. So a sid of one
//! group is told from those of the others without asking anybody.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::name::Name;

/// Length of a tag, in bytes.
pub(crate) const TAG_LEN: usize = 4;

/// What a sid says of its group.
pub(crate) type Tag = [u8; TAG_LEN];

/// Context of the derived tags. It is part of every sid: changing it ends the sessions of every group but the default one.
const CONTEXT: &str = "sidgate 2026 v1 group tag";

/// The tag of the default group. Sids that were made before there were groups have it.
const DEFAULT_TAG: Tag = [0; TAG_LEN];

/// A set of sites that share sessions. Cheap to clone; the default group allocates nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Group {
    /// Compared first: two groups of one installation never share a tag.
    tag: Tag,
    name: Name,
}

/// Text that names no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a group is named by 1 to 32 of a-z, 0-9, _ and -")]
pub struct BadGroup;

impl Group {
    /// The group of this name; `default` is [`Group::default`].
    ///
    /// # Errors
    /// When `name` is not 1 to 32 bytes of `a-z`, `0-9`, `_` and `-`.
    pub fn named(name: &str) -> Result<Self, BadGroup> {
        let name = Name::parse(name).ok_or(BadGroup)?;
        let tag = match name.is_default() {
            true => DEFAULT_TAG,
            false => derived(name.as_str()),
        };
        Ok(Self { tag, name })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether it is the group of sessions that were made without one.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.name.is_default()
    }

    /// Whether sids cannot tell it from `other`. Two groups with different names that share a tag must not be in one
    /// installation.
    #[must_use]
    pub fn shares_tag_with(&self, other: &Self) -> bool {
        self.tag == other.tag
    }

    pub(crate) const fn tag(&self) -> Tag {
        self.tag
    }

    /// See [`Name::text_mut`].
    pub(crate) const fn text_mut(&mut self) -> Option<&mut Arc<str>> {
        self.name.text_mut()
    }
}

/// The tag of a group with this name.
fn derived(name: &str) -> Tag {
    let bytes = blake3::derive_key(CONTEXT, name.as_bytes());
    let (tags, _) = bytes.as_chunks::<TAG_LEN>();
    let mut own = tags.iter().filter(|tag| **tag != DEFAULT_TAG);
    own.next().copied().unwrap_or([1; TAG_LEN])
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({self})")
    }
}

/// The group whose sids are accepted at a place, and the other groups of the installation, whose sids are told from forged
/// ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    own: Group,
    others: Box<[Group]>,
}

impl Groups {
    /// `own` at a place of an installation that has `all` these groups; `own` may be among them.
    #[must_use]
    pub fn new(own: Group, all: impl IntoIterator<Item = Group>) -> Self {
        let others = all.into_iter().filter(|group| *group != own).collect();
        Self { own, others }
    }

    /// The group whose sids are accepted.
    #[must_use]
    pub const fn own(&self) -> &Group {
        &self.own
    }

    /// The other groups.
    #[must_use]
    pub const fn others(&self) -> &[Group] {
        &self.others
    }
}

/// The one group of an installation without others.
impl From<Group> for Groups {
    fn from(own: Group) -> Self {
        Self::new(own, [])
    }
}

#[cfg(test)]
mod tests;
