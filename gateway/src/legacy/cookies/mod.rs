//! The old cookies themselves: which they are, what they carry, and how they are taken away. Pure.

pub(crate) mod clear;
pub(crate) mod cleared_names;
pub(in crate::legacy) mod found;
pub(crate) mod rules;
pub(crate) mod told;
