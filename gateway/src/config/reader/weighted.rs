//! Lists whose entries are texts, or tables that give such a text a weight.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::super::catalog::Kind;
use super::values::Variables;
use super::{Reader, whole_number};

/// The keys of an entry that is a table.
#[derive(Debug, Clone)]
pub(in super::super) struct Weighted {
    /// The text that stands alone where there is no weight.
    pub(in super::super) text: &'static str,
    /// Its weight.
    pub(in super::super) weight: &'static str,
    /// Which weights there are.
    pub(in super::super) range: RangeInclusive<u16>,
}

impl<'a> Reader<'a> {
    /// A list of strings that `parse` accepts, none of them twice, each with the weight that a table in its place gives it.
    /// Faulty entries are left out.
    pub(in super::super) fn weighted<T: PartialEq>(
        &mut self,
        key: &'static str,
        keys: &Weighted,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<(T, Option<u16>)>> {
        self.note(key, Kind::Weighted(keys.text, keys.weight));
        let wanted = "a list of strings, written [\"..\"]";
        let mut values: Vec<(T, Option<u16>)> = Vec::new();
        for (index, node) in self.entries(key, wanted)?.enumerate() {
            let entry = format!("{key}[{index}]");
            let (text, weight) = match node.get_ref() {
                DeValue::Table(_) => self.parts(&entry, node, keys),
                _ => (Some((entry.clone(), node)), None),
            };
            let Some((place, text)) = text else {
                continue;
            };
            let Some(written) = text.get_ref().as_str() else {
                self.wrong_type(&place, text, "a string");
                continue;
            };
            match self.understood(&place, text, written, Variables::Replaced, &parse) {
                Some(value) if values.iter().any(|(known, _)| *known == value) => {
                    self.fault(&place, text, "appears more than once".to_owned());
                }
                Some(value) => values.push((value, weight)),
                None => {}
            }
        }
        Some(values)
    }

    /// The text of an entry that is a table, where it stands, and its weight.
    fn parts(
        &self,
        entry: &str,
        node: &'a Spanned<DeValue<'a>>,
        keys: &Weighted,
    ) -> (Option<(String, &'a Spanned<DeValue<'a>>)>, Option<u16>) {
        let (mut text, mut weight) = (None, None);
        for (key, value) in node.get_ref().as_table().into_iter().flatten() {
            let name = key.get_ref().as_ref();
            let place = format!("{entry}.{name}");
            if name == keys.text {
                text = Some((place, value));
            } else if name == keys.weight {
                let number = whole_number(value.get_ref());
                weight = number
                    .and_then(|number| u16::try_from(number).ok())
                    .filter(|number| keys.range.contains(number));
                if weight.is_none() {
                    let (least, most) = (keys.range.start(), keys.range.end());
                    let message = format!("must be a whole number between {least} and {most}");
                    self.fault(&place, value, message);
                }
            } else {
                let message = format!(
                    "unknown key; there are {:?} and {:?}",
                    keys.text, keys.weight
                );
                self.fault(entry, node, message);
            }
        }
        if text.is_none() {
            self.fault(entry, node, format!("{:?} is missing", keys.text));
        }
        (text, weight)
    }
}
