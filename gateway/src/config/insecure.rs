//! `[insecure]`: every switch that weakens something, in one place, each off unless somebody has turned it on.

use super::reader::Reader;

/// Switches that an operator turns on against better advice. Each one is a warning at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsecureConfig {
    /// Whether `server.trusted_proxies` may name the whole Internet. Then whoever reaches a listener chooses the address
    /// under which limits count it and apps know it.
    pub trust_everybody: bool,
}

impl InsecureConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("insecure", |insecure| Self {
            trust_everybody: insecure.flag("trust_everybody").unwrap_or(false),
        })
    }

    /// One line for each switch that is on.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let trust =
            "insecure.trust_everybody: any client can choose the address it is known by".to_owned();
        self.trust_everybody.then_some(trust).into_iter()
    }
}
