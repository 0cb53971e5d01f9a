//! Whose key does an app have? The same question, signed in the ways in which two configurations can differ.

use session_core::keys::Keyring;
use session_core::secret::SecretKey;
use sidgate_policy::auth::token::AppKeys;

use crate::config::Config;

/// Other apps whose keys are tried.
const OTHERS_MAX: usize = 16;

/// A way to sign a question.
#[derive(Debug)]
pub(super) struct Signature {
    pub keys: AppKeys,
    /// The app that it addresses.
    pub name: String,
    pub kind: Kind,
}

/// What it means when an app takes a question that is signed in this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the gateway signs.
    Right,
    /// The app has the key of before a rotation, and not the new one.
    Previous,
    /// The app has the key of another upstream, under its own name.
    KeyOf(String),
    /// The app has its own key, and takes itself for another upstream.
    NamedAs(String),
    /// Another app answers at this address.
    Swapped(String),
}

impl Kind {
    /// What is wrong, and what to do; `None`: nothing.
    pub(super) fn words(&self, app: &str) -> Option<(String, String)> {
        let print = format!("give it what `sidgate keys upstream {app}` prints");
        let (wrong, remedy) = match self {
            Self::Right => return None,
            Self::Previous => (
                "has the previous key and not the current one".to_owned(),
                format!("{print}: both keys, the new one first, while keys rotate"),
            ),
            Self::KeyOf(other) => (format!("has the key of upstreams.{other}"), print),
            Self::NamedAs(other) => (
                format!("takes itself for upstreams.{other}"),
                format!(
                    "set its name to {app:?} (Django: SIDGATE[\"UPSTREAM\"], Next.js: SIDGATE_UPSTREAM)"
                ),
            ),
            Self::Swapped(other) => (
                format!("is the app of upstreams.{other}"),
                format!(
                    "mend upstreams.{app}.servers, or the key and the name of the app that listens there"
                ),
            ),
        };
        Some((wrong, remedy))
    }
}

/// How the gateway signs for `app`.
pub(super) fn right(app: &str, keys: &Keyring) -> Signature {
    Signature {
        keys: AppKeys::new(app, &keys.upstream(app)),
        name: app.to_owned(),
        kind: Kind::Right,
    }
}

/// All other ways, the likely ones first.
pub(super) fn others(app: &str, config: &Config, keys: &Keyring) -> Vec<Signature> {
    let own = keys.upstream(app);
    let sign = |name: &str, key: &[SecretKey], kind: Kind| Signature {
        keys: AppKeys::new(name, key),
        name: name.to_owned(),
        kind,
    };
    let mut ways = Vec::new();
    for previous in own.iter().skip(1) {
        ways.push(sign(app, std::slice::from_ref(previous), Kind::Previous));
    }
    let others = config
        .upstreams
        .iter()
        .map(|upstream| upstream.name.as_str());
    for other in others.filter(|name| *name != app).take(OTHERS_MAX) {
        let theirs = keys.upstream(other);
        ways.push(sign(app, &theirs, Kind::KeyOf(other.to_owned())));
        ways.push(sign(other, &own, Kind::NamedAs(other.to_owned())));
        ways.push(sign(other, &theirs, Kind::Swapped(other.to_owned())));
    }
    ways
}
