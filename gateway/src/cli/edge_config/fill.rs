//! Fills in a template: `@{name}` stands for a text.

use super::facts::{Facts, apart};

/// The template with everything filled in. Each line of a text begins as far in as the line that it is filled into. Lines that become
/// empty are left out.
pub(super) fn fill(template: &str, facts: &Facts, further: &[(&str, String)]) -> String {
    let (listen_address, listen_port) = apart(&facts.listen);
    let known = [
        ("listen_address", listen_address.as_str()),
        ("listen_port", listen_port.as_str()),
        ("listen", facts.listen.as_str()),
        ("public", facts.public.as_str()),
        ("authz", facts.authz.as_str()),
        ("base_path", facts.base_path.as_str()),
    ];
    let further = further.iter().map(|(name, text)| (*name, text.as_str()));
    let values: Vec<_> = known.into_iter().chain(further).collect();
    let mut filled = String::new();
    for line in template.lines() {
        let mut text = line.to_owned();
        for (name, value) in &values {
            text = text.replace(&format!("@{{{name}}}"), value);
        }
        if text.trim().is_empty() && !line.is_empty() {
            continue;
        }
        let (indent, _) = line.split_at(line.len() - line.trim_start().len());
        filled.push_str(&text.replace('\n', &format!("\n{indent}")));
        filled.push('\n');
    }
    filled
}
