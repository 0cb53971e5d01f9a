//! The old cookies themselves: which they are, what they carry, and how they are taken away. Pure.

pub(crate) mod clear;
pub(in crate::legacy) mod found;
pub(crate) mod janitor;
pub(crate) mod rules;
pub(crate) mod told;
