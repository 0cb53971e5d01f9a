//! Keys with a share of a whole.

use toml::Spanned;
use toml::de::DeValue;

use super::super::catalog::Kind;
use super::Reader;
use super::values::Variables;
use crate::config::ratio::Ratio;

impl Reader<'_> {
    /// A number between 0 and 1; `None` when absent or faulty.
    pub(in super::super) fn ratio(&mut self, key: &'static str) -> Option<Ratio> {
        self.note(key, Kind::Ratio);
        let node = self.take(key)?;
        match node.get_ref() {
            DeValue::String(written) if written.contains("${") => {
                self.understood(key, node, written, Variables::Replaced, Ratio::parse)
            }
            DeValue::Integer(number) => self.share(key, node, number.as_str()),
            DeValue::Float(number) => self.share(key, node, number.as_str()),
            _ => {
                self.wrong_type(key, node, "a number between 0 and 1");
                None
            }
        }
    }

    fn share(&self, key: &str, node: &Spanned<DeValue<'_>>, number: &str) -> Option<Ratio> {
        let share = Ratio::parse(number);
        share.map_err(|message| self.fault(key, node, message)).ok()
    }
}
