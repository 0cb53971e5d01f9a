//! Which program this is.

/// The version, and the commit that it was built from.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// As in `Cargo.toml`.
    pub version: &'static str,
    /// The commit, `unknown` where the build was not told.
    pub commit: &'static str,
    /// Both, and the date of the commit where it is known, as `--version` prints them.
    pub shown: &'static str,
}
