//! References of apps, sealed and opened with their sessions.

use std::sync::Arc;

use uuid::Uuid;

use super::{Sessions, SessionsError};
use crate::entropy::SharedEntropy;
use crate::keys::Keyring;
use crate::keys::reference::ReferenceKeys;
use crate::secret::SecretString;
use crate::session::{Reference, References};

/// The keys and the randomness for sealing references.
pub(super) struct Seals {
    keys: Arc<Keyring>,
    entropy: SharedEntropy,
}

impl Sessions {
    pub(super) fn references(&self) -> Seals {
        Seals {
            keys: self.keys.load_full(),
            entropy: Arc::clone(&self.entropy),
        }
    }

    /// What a session begins with: the reference of whoever let it in, and whether its cookie ends with the browser.
    pub(super) fn sealed(
        &self,
        session: Uuid,
        reference: Option<&Reference>,
        ends_with_browser: bool,
    ) -> Result<References, SessionsError> {
        let mut begun = References::default();
        if ends_with_browser {
            begun = begun.ending_with_browser();
        }
        match reference {
            Some(Reference { app, text }) => {
                self.references().with(&begun, session, app, Some(text))
            }
            None => Ok(begun),
        }
    }
}

impl Seals {
    /// `references` with `text` as the reference of `app`; `None` removes it.
    pub(super) fn with(
        &self,
        references: &References,
        session: Uuid,
        app: &str,
        text: Option<&SecretString>,
    ) -> Result<References, SessionsError> {
        let keys = ReferenceKeys::new(&self.keys, app);
        let sealed = text
            .map(|text| keys.seal(session, text, self.entropy.as_ref()))
            .transpose()?
            .flatten();
        Ok(references.with(app, sealed.as_deref()))
    }

    /// `references` of the session `from`, sealed again for the session `to` under the current master key. A reference
    /// that does not open is dropped.
    pub(super) fn moved(
        &self,
        references: &References,
        from: Uuid,
        to: Uuid,
    ) -> Result<References, SessionsError> {
        let mut moved = references.without_apps();
        for (app, sealed) in references.iter() {
            if let Some(text) = ReferenceKeys::new(&self.keys, app).open(from, sealed) {
                moved = self.with(&moved, to, app, Some(&text))?;
            }
        }
        Ok(moved)
    }
}
