//! `[insecure]`: every switch that weakens something, in one place, each off unless somebody has turned it on.

use super::reader::Reader;

/// Switches that an operator turns on against better advice. Each one is a warning at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsecureConfig {
    /// Whether `server.trusted_proxies` may name the whole Internet. Then whoever reaches a listener chooses the address
    /// under which limits count it and apps know it.
    pub trust_everybody: bool,
    /// Whether files may lie in folders that others can write to. Whoever can write there may exchange them.
    pub shared_folders: bool,
}

impl InsecureConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("insecure", |insecure| Self {
            trust_everybody: insecure.flag("trust_everybody").unwrap_or(false),
            shared_folders: insecure.flag("shared_folders").unwrap_or(false),
        })
    }

    /// One line for each switch that is on.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let trust =
            "insecure.trust_everybody: any client can choose the address it is known by".to_owned();
        let folders =
            "insecure.shared_folders: whoever can write to a folder can exchange keys and sessions in it"
                .to_owned();
        [
            self.trust_everybody.then_some(trust),
            self.shared_folders.then_some(folders),
        ]
        .into_iter()
        .flatten()
    }
}
