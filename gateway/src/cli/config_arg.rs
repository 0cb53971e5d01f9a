//! Which configuration a command reads: `--config`, else `$SIDGATE_CONFIG`, else the usual place.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Config;
use crate::run::wiring::{self, WiringError};

/// Names the file where `--config` does not.
const VARIABLE: &str = "SIDGATE_CONFIG";
/// Where a package puts the file.
const USUAL: &str = "/etc/sidgate/sidgate.toml";

/// `--config`, the same for every command.
#[derive(Args, Clone, Debug)]
pub(super) struct ConfigArg {
    /// Configuration file; without it $SIDGATE_CONFIG, then /etc/sidgate/sidgate.toml.
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigArg {
    /// Where the configuration is.
    ///
    /// # Errors
    /// When none is named, and none is at the usual place.
    pub(super) fn path(&self) -> Result<PathBuf, WiringError> {
        let variable = std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        find(
            self.file.as_deref(),
            variable.as_ref().map(Path::new),
            Path::new(USUAL),
        )
        .map_err(WiringError::NoConfig)
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// Those of [`ConfigArg::path`], or every fault of the file.
    pub(super) fn load(&self) -> Result<Config, WiringError> {
        wiring::load(&self.path()?)
    }
}

/// The first that is there. A file that was named is taken, so that its absence is told by whoever reads it.
fn find(named: Option<&Path>, variable: Option<&Path>, usual: &Path) -> Result<PathBuf, String> {
    match (named, variable) {
        (Some(file), _) => Ok(file.to_owned()),
        (None, Some(file)) if file.exists() => Ok(file.to_owned()),
        (None, Some(file)) => Err(format!(
            "--config was not given, and {VARIABLE} names {}, which is not there",
            file.display()
        )),
        (None, None) if usual.exists() => Ok(usual.to_owned()),
        (None, None) => Err(format!(
            "--config was not given, {VARIABLE} is not set, and {} is not there (`sidgate config init` writes one)",
            usual.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            path
        };
        let (named, variable, usual) = (file("named"), file("variable"), file("usual"));
        let gone = folder.path().join("gone");
        let found = |a: Option<&Path>, b: Option<&Path>, c: &Path| find(a, b, c);
        assert_eq!(
            found(Some(&named), Some(&variable), &usual),
            Ok(named.clone())
        );
        assert_eq!(
            found(Some(&gone), Some(&variable), &usual),
            Ok(gone.clone())
        );
        assert_eq!(found(None, Some(&variable), &usual), Ok(variable));
        assert_eq!(found(None, None, &usual), Ok(usual.clone()));
        let refused = found(None, Some(&gone), &usual).unwrap_err();
        assert!(
            refused.contains("SIDGATE_CONFIG names") && refused.contains("gone"),
            "{refused}"
        );
        let refused = found(None, None, &gone).unwrap_err();
        for looked_at in ["--config", "SIDGATE_CONFIG", "gone"] {
            assert!(refused.contains(looked_at), "{refused}");
        }
    }
}
