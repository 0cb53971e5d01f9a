//! Where secrets come from: `${ENV}` and `file:path`, never the configuration file itself.
//!
//! A configuration file is copied, committed and pasted; a secret in it is no longer one. Keys and tokens are therefore
//! refused unless they stand elsewhere. A connection URL is mostly not secret, so it may be written out with `${ENV}`
//! inside, or stand wholly in a file. No message made here contains what a secret resolved to.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use session_core::secret::SecretString;
use zeroize::Zeroizing;

use super::certificate::CertificateFiles;
use crate::config::permissions::{self, OwnGroups};

/// Far above any key, token or URL; a wrong path must not be read into memory whole.
const MAX_SECRET_BYTES: u64 = 16 * 1024;

/// The surroundings of a configuration file: its folder, and the environment.
pub(super) struct Sources<'a> {
    /// Folder of the configuration file; relative paths in the file start here.
    pub(super) folder: &'a Path,
    /// Looks an environment variable up.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a password was found that stands in the configuration file itself.
    pub(super) holds_password: Cell<bool>,
    /// See [`InsecureConfig::shared_folders`](super::InsecureConfig::shared_folders).
    pub(super) shared_folders: Cell<bool>,
    /// The certificate that the running process uses, whose files may be in the middle of a renewal.
    pub(super) certificate_in_use: Option<CertificateFiles>,
}

/// What a secret's reference leads to.
pub(super) enum Secret {
    /// The secret.
    Found(SecretString),
    /// A `file:` that does not exist, which is for some keys an invitation to create it.
    NoFile(PathBuf),
}

impl Secret {
    /// The secret, where an absent file is a fault.
    pub(super) fn found(self) -> Result<SecretString, String> {
        match self {
            Self::Found(secret) => Ok(secret),
            Self::NoFile(path) => Err(format!("file {} does not exist", path.display())),
        }
    }
}

impl<'a> Sources<'a> {
    /// Creates the sources; no password has been found yet.
    pub(super) fn new(folder: &'a Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            folder,
            env,
            holds_password: Cell::default(),
            shared_folders: Cell::default(),
            certificate_in_use: None,
        }
    }
}

impl Sources<'_> {
    /// A secret, which must be wholly `${ENV}` or wholly `file:path`.
    pub(super) fn secret(&self, text: &str) -> Result<Secret, String> {
        if let Some(path) = text.strip_prefix("file:") {
            return self.read(path);
        }
        let variable = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        match variable {
            Some(name) => self.variable(name).map(Secret::Found),
            None => Err(
                "a secret never stands in the file: write \"${ENV_NAME}\" or \"file:path\""
                    .to_owned(),
            ),
        }
    }

    /// A connection URL: wholly `file:path`, or text in which each `${ENV}` is replaced as it is.
    pub(super) fn url(&self, text: &str) -> Result<SecretString, String> {
        if let Some(path) = text.strip_prefix("file:") {
            return self.read(path)?.found();
        }
        if holds_password(text) {
            self.holds_password.set(true);
        }
        let mut url = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or("has a \"${\" without its \"}\"")?;
            url.push_str(before);
            url.push_str(self.variable(name)?.expose());
            rest = after;
        }
        url.push_str(rest);
        Ok(SecretString::new(url))
    }

    /// Whether the running process has its certificate, or its key, from this file.
    pub(super) fn uses(&self, path: &Path) -> bool {
        let files = self.certificate_in_use.as_ref();
        files.is_some_and(|files| files.cert == path || files.key == path)
    }

    /// `path`, seen from the folder of the configuration file.
    pub(super) fn path(&self, path: &str) -> Result<PathBuf, String> {
        if path.is_empty() {
            return Err("names no file".to_owned());
        }
        Ok(self.folder.join(path))
    }

    /// Like `path`; an empty text means that there is no path.
    pub(super) fn optional_path(&self, path: &str) -> Result<Option<PathBuf>, String> {
        if path.is_empty() {
            return Ok(None);
        }
        self.path(path).map(Some)
    }

    /// Whether nobody else can put another file at `path`.
    pub(super) fn check_way(&self, path: &Path) -> Result<(), String> {
        if self.shared_folders.get() {
            return Ok(());
        }
        permissions::check_way(path).map_err(|exposed| {
            format!("{exposed} (or set insecure.shared_folders, if nobody else can get there)")
        })
    }

    /// `path`, of a file that nobody else may exchange, seen from the folder of the configuration file. Empty is none.
    pub(super) fn guarded_path(&self, path: &str) -> Result<Option<PathBuf>, String> {
        let path = self.optional_path(path)?;
        path.iter().try_for_each(|path| self.check_way(path))?;
        Ok(path)
    }

    /// `path`, of a file that nobody else may read, seen from the folder of the configuration file.
    pub(super) fn private_path(
        &self,
        path: &str,
        own_groups: OwnGroups,
    ) -> Result<PathBuf, String> {
        let path = self.path(path)?;
        self.check_way(&path)?;
        permissions::check_private_at(&path, own_groups).map_err(|exposed| exposed.to_string())?;
        Ok(path)
    }

    fn variable(&self, name: &str) -> Result<SecretString, String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(
                "has a \"${..}\" that is not the name of an environment variable".to_owned(),
            );
        }
        match (self.env)(name) {
            Some(value) if !value.is_empty() => Ok(SecretString::new(value)),
            _ => Err(format!("environment variable {name} is not set")),
        }
    }

    fn read(&self, path: &str) -> Result<Secret, String> {
        let path = self.path(path)?;
        let shown = path.display();
        self.check_way(&path)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Secret::NoFile(path));
            }
            Err(error) => return Err(format!("file {shown} cannot be opened: {error}")),
        };
        // Checks the open file, so that the file that is checked is the file that is read.
        permissions::check_private(&file, &path, OwnGroups::Nothing)
            .map_err(|exposed| exposed.to_string())?;
        let unreadable = |error: io::Error| format!("file {shown} cannot be read: {error}");
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_SECRET_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        let secret = text.trim();
        match secret.len() {
            0 => Err(format!("file {shown} is empty")),
            len if len as u64 > MAX_SECRET_BYTES => {
                Err(format!("file {shown} is too large for a secret"))
            }
            _ => Ok(Secret::Found(SecretString::new(secret.to_owned()))),
        }
    }
}

/// Whether a URL has a password that is written out.
fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    !password.is_empty() && !password.contains("${")
}
