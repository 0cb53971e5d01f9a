//! A file that holds one secret, and may hold another one tomorrow.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use session_core::credentials::Source;
use session_core::secret::SecretString;
use zeroize::Zeroizing;

use crate::config::permissions::{self, OwnGroups};

/// Far above any key, token or URL; a wrong path must not be read into memory whole.
const MAX_SECRET_BYTES: u64 = 16 * 1024;

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

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    path: PathBuf,
    /// See [`InsecureConfig::shared_folders`](super::InsecureConfig::shared_folders).
    shared_folders: bool,
}

/// A password, or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// It stays the same as long as the process runs.
    Fixed(SecretString),
    /// It is read again for each new connection.
    File(SecretFile),
}

impl SecretFile {
    pub(super) fn new(path: PathBuf, shared_folders: bool) -> Self {
        Self {
            path,
            shared_folders,
        }
    }

    /// What the file holds now. It must be readable by nobody else, each time.
    pub(super) fn open(&self) -> Result<Secret, String> {
        let path = &self.path;
        let shown = path.display();
        check_way(path, self.shared_folders)?;
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Secret::NoFile(path.clone()));
            }
            Err(error) => return Err(format!("file {shown} cannot be opened: {error}")),
        };
        // Checks the open file, so that the file that is checked is the file that is read.
        permissions::check_private(&file, path, OwnGroups::Read)
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

impl Source for SecretFile {
    fn read(&self) -> Result<SecretString, String> {
        self.open()?.found()
    }
}

impl Source for Password {
    fn read(&self) -> Result<SecretString, String> {
        match self {
            Self::Fixed(password) => Ok(password.clone()),
            Self::File(file) => file.read(),
        }
    }
}

/// Whether two URLs lead to the same place. Where they stand in a file, user and password may differ: those are read again
/// for each new connection.
pub(super) fn is_same_place(
    one: &SecretString,
    other: &SecretString,
    file: Option<&SecretFile>,
) -> bool {
    if file.is_none() {
        return one == other;
    }
    place(one.expose()) == place(other.expose())
}

/// Scheme, and what comes after user and password.
fn place(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    (scheme, rest.split_once('@').map_or(rest, |(_, host)| host))
}

/// Whether nobody else can put another file at `path`.
pub(super) fn check_way(path: &Path, shared_folders: bool) -> Result<(), String> {
    if shared_folders {
        return Ok(());
    }
    permissions::check_way(path).map_err(|exposed| {
        format!("{exposed} (or set insecure.shared_folders, if nobody else can get there)")
    })
}
