//! `${NAME}` in the texts of the file: replaced once, before a text is parsed, and never shown.
//!
//! `${NAME:-text}` stands for `text` where the variable is not set or empty; `$${` is a plain `${`. What a variable stands for
//! may be a secret, also where none belongs, so no fault repeats it: a fault shows the text of the file instead.

use std::borrow::Cow;

/// Looks an environment variable up.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// So many characters of a value in a row would give it away.
const TELLING: usize = 4;

/// A text of the file, and what it means.
pub(super) struct Expanded<'t> {
    written: &'t str,
    /// With each variable replaced.
    pub(super) text: Cow<'t, str>,
    /// The variables that were replaced.
    pub(super) used: Vec<Used>,
}

/// A variable that stands in the file.
#[derive(Clone)]
pub(super) struct Used {
    name: String,
    value: String,
}

/// What `written` means.
///
/// # Errors
/// When it names a variable that is not set, or is not well formed.
pub(super) fn expand<'t>(written: &'t str, env: Env<'_>) -> Result<Expanded<'t>, String> {
    let mut used = Vec::new();
    if !written.contains("${") {
        let text = Cow::Borrowed(written);
        return Ok(Expanded {
            written,
            text,
            used,
        });
    }
    let text = replace(written, &mut |name| {
        let value = env(name)?;
        used.push(Used {
            name: name.to_owned(),
            value: value.clone(),
        });
        Some(value)
    })?;
    Ok(Expanded {
        written,
        text: Cow::Owned(text),
        used,
    })
}

/// `written` with each `${NAME}` replaced by what `value_of` says. An empty value counts as none.
///
/// # Errors
/// When it names a variable that is not set, or is not well formed.
pub(super) fn replace(
    written: &str,
    value_of: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            text.push_str(before);
            text.push_str("${");
            rest = after;
            continue;
        }
        let (inside, after) = after
            .split_once('}')
            .ok_or("has a \"${\" without its \"}\"")?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        check_name(name)?;
        text.push_str(before);
        match (value_of(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => text.push_str(&value),
            (None, Some(default)) => text.push_str(default),
            (None, None) => return Err(not_set(name)),
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// What is said about a variable that is not there, or empty.
pub(super) fn not_set(name: &str) -> String {
    format!("environment variable {name} is not set")
}

/// Whether `name` can be that of a variable.
///
/// # Errors
/// When it cannot.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        Ok(())
    } else {
        Err("has a \"${..}\" that is not the name of an environment variable".to_owned())
    }
}

impl Expanded<'_> {
    /// `message` about this text, with nothing that a variable stands for.
    pub(super) fn told(&self, message: String) -> String {
        if self.used.is_empty() {
            return message;
        }
        let text: &str = &self.text;
        let (meant, written) = (format!("{text:?}"), format!("{:?}", self.written));
        let mut message = message.replace(&meant, &written);
        if text.chars().count() >= TELLING {
            message = message.replace(text, self.written);
        }
        if !self.used.iter().any(|used| used.shows_in(&message)) {
            return message;
        }
        let names: Vec<_> = self
            .used
            .iter()
            .map(|used| format!("${{{}}}", used.name))
            .collect();
        format!(
            "{written} cannot be used with what {} stands for, which is not shown",
            names.join(" and ")
        )
    }
}

impl Used {
    /// Whether a part of the value that gives it away is in `message`.
    fn shows_in(&self, message: &str) -> bool {
        let lower = |text: &str| {
            text.chars()
                .flat_map(char::to_lowercase)
                .collect::<String>()
        };
        let message = lower(message);
        let value: Vec<char> = lower(&self.value).chars().collect();
        let length = value.len().clamp(1, TELLING);
        value
            .windows(length)
            .any(|part| message.contains(&part.iter().collect::<String>()))
    }
}

/// `message` about several keys, with the names of variables in place of what they stand for.
pub(super) fn hide(message: &str, used: &[Used]) -> String {
    let mut used: Vec<_> = used
        .iter()
        .filter(|used| used.value.chars().count() >= TELLING)
        .collect();
    used.sort_by_key(|used| std::cmp::Reverse(used.value.len()));
    used.iter().fold(message.to_owned(), |message, used| {
        let name = format!("${{{}}}", used.name);
        message
            .replace(&used.value, &name)
            .replace(&used.value.to_ascii_lowercase(), &name)
    })
}

#[cfg(test)]
mod tests;
