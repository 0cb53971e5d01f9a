//! A configuration that is yet to be written.

use std::path::Path;

use super::reader::Reader;
use super::secret::Sources;
use super::{Config, Faults};

impl Config {
    /// Whether `text` would be a good configuration at `path`, once its key is there. Each variable in it stands for `1`.
    ///
    /// # Errors
    ///
    /// Every other fault.
    pub fn check_draft(path: &Path, text: &str) -> Result<(), Faults> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let env = |name: &str| {
            let is_named = text.contains(&format!("${{{name}}}"));
            is_named.then(|| "1".to_owned())
        };
        let sources = Sources::new(folder, &env);
        let read = Reader::read(text, sources.env, |root| Self::read(root, &sources));
        let mut faults = read.err().unwrap_or_default();
        faults.retain(|fault| fault.key != "keys.master");
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Faults::new(path, faults))
        }
    }
}
