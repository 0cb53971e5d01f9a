//! `[insecure]`: every switch that weakens something, in one place, each off unless somebody has turned it on.

use std::sync::Arc;

use super::file::Document;
use super::reader::Reader;
use super::suggest;
use super::upstreams::Upstream;

/// Switches that an operator turns on against better advice. Each one is a warning at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsecureConfig {
    /// Whether `server.trusted_proxies` may name the whole Internet. Then whoever reaches a listener chooses the address
    /// under which limits count it and apps know it.
    pub trust_everybody: bool,
    /// Whether files may lie in folders that others can write to. Whoever can write there may exchange them.
    pub shared_folders: bool,
    /// Apps whose certificates are not verified. Whoever stands between us and them reads and changes everything.
    pub unverified_upstreams: Vec<String>,
}

impl InsecureConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("insecure", |insecure| Self {
            trust_everybody: insecure.flag("trust_everybody").unwrap_or(false),
            shared_folders: insecure.flag("shared_folders").unwrap_or(false),
            unverified_upstreams: insecure
                .texts("unverified_upstreams", |name| Ok(name.to_owned()))
                .unwrap_or_default(),
        })
    }

    /// Whether the certificates of this upstream are verified.
    #[must_use]
    pub fn verifies(&self, upstream: &str) -> bool {
        !self
            .unverified_upstreams
            .iter()
            .any(|name| name == upstream)
    }

    /// Only apps that speak TLS can go without being verified.
    pub(super) fn check(&self, document: &Document<'_>, upstreams: &[Arc<Upstream>]) {
        const KEY: &str = "insecure.unverified_upstreams";
        for name in &self.unverified_upstreams {
            let known = upstreams.iter().find(|upstream| upstream.name == *name);
            let message = match known {
                Some(upstream) if upstream.servers.iter().any(|server| server.tls) => continue,
                Some(_) => format!("no server of {name:?} has \"https://\""),
                None => {
                    let names: Vec<_> = upstreams.iter().map(|known| known.name.as_str()).collect();
                    let meant = suggest::nearest(name, &names);
                    let meant = meant
                        .map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"));
                    format!("there is no upstream {name:?}{meant}")
                }
            };
            document.contradiction(&[KEY], message);
        }
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
            self.unverified_warning(),
        ]
        .into_iter()
        .flatten()
    }

    fn unverified_warning(&self) -> Option<String> {
        let names = self.unverified_upstreams.join(", ");
        (!names.is_empty()).then(|| {
            format!(
                "insecure.unverified_upstreams: whoever stands on the way to {names} can read and change everything; set tls.ca instead"
            )
        })
    }
}
