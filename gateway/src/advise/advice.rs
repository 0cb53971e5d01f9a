//! What a rule says about one key.

use serde::Serialize;

/// A rule, as `docs/capacity.md` names it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Rule {
    /// Whether sessions in use fit into memory.
    LocalCache,
    /// How often sessions in use are read again.
    LocalTtl,
    /// How often the same unknown sid is looked up.
    NegativeTtl,
    /// Whether values leave Redis too early.
    RedisTtl,
    /// Whether requests wait for a connection to the store.
    Connections,
    /// Whether PostgreSQL takes the connections of all nodes.
    ServerConnections,
    /// Whether the nodes carry the load when one of them is away.
    Nodes,
    /// Whether there are descriptors enough.
    Descriptors,
    /// Whether a file is still the right store.
    Sqlite,
    /// Whether Redis earns its keep.
    Redis,
    /// Whether people meet the limits on logins.
    LoginLimits,
    /// Whether lines of the log are lost.
    LogLines,
    /// Whether requests are turned away because there are too many.
    Overload,
}

impl Rule {
    /// Where it is written down.
    pub(crate) fn link(self) -> String {
        let name: &str = self.into();
        format!("docs/capacity.md#rule-{}", name.replace('_', "-"))
    }
}

/// What to do about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Set it to this.
    Change(String),
    /// Leave it as it is.
    Keep,
    /// There is too little to go by.
    NotJudged,
}

impl Verdict {
    /// What somebody should see first weighs least.
    pub(super) const fn weight(&self) -> u8 {
        match self {
            Self::Change(_) => 0,
            Self::Keep => 1,
            Self::NotJudged => 2,
        }
    }
}

/// What one rule says about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The key, or what else is to be set.
    pub(crate) key: &'static str,
    /// Who says it.
    pub(crate) rule: Rule,
    /// What is set.
    pub(crate) set: String,
    /// What was measured.
    pub(crate) measured: String,
    /// What to do.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) why: String,
}

/// A key that a rule looks at, before it has decided.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) key: &'static str,
    pub(super) rule: Rule,
    pub(super) set: String,
    pub(super) measured: String,
}

impl Looked {
    pub(super) fn change(self, to: impl Into<String>, why: impl Into<String>) -> Advice {
        self.advice(Verdict::Change(to.into()), why)
    }

    pub(super) fn keep(self, why: impl Into<String>) -> Advice {
        self.advice(Verdict::Keep, why)
    }

    pub(super) fn not_judged(self, why: impl Into<String>) -> Advice {
        self.advice(Verdict::NotJudged, why)
    }

    fn advice(self, verdict: Verdict, why: impl Into<String>) -> Advice {
        Advice {
            key: self.key,
            rule: self.rule,
            set: self.set,
            measured: self.measured,
            verdict,
            why: why.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::Rule;

    #[test]
    fn every_rule_is_written_down() {
        let page = include_str!("../../../docs/capacity.md");
        let headings: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### "))
            .map(|heading| heading.to_lowercase().replace(": ", "-").replace(' ', "-"))
            .collect();
        for rule in Rule::VARIANTS {
            let link = rule.link();
            let (_, anchor) = link.split_once('#').unwrap();
            assert!(headings.iter().any(|found| found == anchor), "{anchor}");
        }
    }
}
