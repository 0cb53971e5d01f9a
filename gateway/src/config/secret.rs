//! Where secrets come from: `${ENV}` and `file:path`, never the configuration file itself.
//!
//! A configuration file is copied, committed and pasted; a secret in it is no longer one. Keys and tokens are therefore
//! refused unless they stand elsewhere. A connection URL is mostly not secret, so it may be written out with `${ENV}`
//! inside, or stand wholly in a file. No message made here contains what a secret resolved to.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use session_core::secret::SecretString;

use super::certificate::CertificateFiles;
use super::secret_file::{self, Password, Secret, SecretFile};
use super::variables;
use crate::config::permissions::{self, OwnGroups};

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
    /// The certificates that the running process uses, whose files may be in the middle of a renewal.
    pub(super) certificates_in_use: Vec<CertificateFiles>,
}

/// A connection URL from the command line of a program that reads the configuration `file`; see [`Sources::url`].
///
/// # Errors
/// What is wrong with it, without what it resolves to.
pub(crate) fn connection_url(
    text: &str,
    file: &Path,
    env: variables::Env<'_>,
) -> Result<SecretString, String> {
    Sources::new(file.parent().unwrap_or(Path::new("")), env).url(text)
}

impl<'a> Sources<'a> {
    /// Creates the sources; no password has been found yet.
    pub(super) fn new(folder: &'a Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            folder,
            env,
            holds_password: Cell::default(),
            shared_folders: Cell::default(),
            certificates_in_use: Vec::new(),
        }
    }
}

impl Sources<'_> {
    /// A secret, which must be wholly `${ENV}` or wholly `file:path`; the path may hold variables.
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

    /// A connection URL: wholly `file:path`, or text in which each variable is replaced as it is.
    pub(super) fn url(&self, text: &str) -> Result<SecretString, String> {
        if let Some(path) = text.strip_prefix("file:") {
            return self.read(path)?.found();
        }
        if holds_password(text) {
            self.holds_password.set(true);
        }
        let url = variables::replace(text, &mut |name| (self.env)(name))?;
        Ok(SecretString::new(url))
    }

    /// Whether the running process has its certificate, or its key, from this file.
    pub(super) fn uses(&self, path: &Path) -> bool {
        let mut files = self.certificates_in_use.iter();
        files.any(|files| files.cert == path || files.key == path)
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
        secret_file::check_way(path, self.shared_folders.get())
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
        variables::check_name(name)?;
        match (self.env)(name) {
            Some(value) if !value.is_empty() => Ok(SecretString::new(value)),
            _ => Err(variables::not_set(name)),
        }
    }

    fn read(&self, path: &str) -> Result<Secret, String> {
        self.file(path)?.open()
    }

    /// The file of a secret that is read again later. It must be readable now, too.
    pub(super) fn file(&self, path: &str) -> Result<SecretFile, String> {
        let path = self.path(&variables::replace(path, &mut |name| (self.env)(name))?)?;
        Ok(SecretFile::new(path, self.shared_folders.get()))
    }

    /// The file behind a URL that is wholly `file:path`.
    pub(super) fn file_of_url(&self, text: &str) -> Option<SecretFile> {
        self.file(text.strip_prefix("file:")?).ok()
    }

    /// A password, wholly `${ENV}` or wholly `file:path`.
    pub(super) fn password(&self, text: &str) -> Result<Password, String> {
        let password = self.secret(text)?.found()?;
        Ok(match self.file_of_url(text) {
            Some(file) => Password::File(file),
            None => Password::Fixed(password),
        })
    }
}

/// Whether a URL has a password that is written out, or a default that is one.
fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    !password.is_empty() && (!password.contains("${") || password.contains(":-"))
}
