//! `[pages]`: what people see in place of the pages that are built in.
//!
//! The files are read once, with the configuration, and held in memory: an error page must not need a disk. One that
//! cannot be used is a fault of the configuration like any other.

mod escaped;
mod language;
mod names;
mod template;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use self::escaped::escaped;
pub(crate) use self::language::Languages;
pub(crate) use self::names::PageFor;
pub(crate) use self::template::{Facts, Fate, Template};

use self::names::PageName;
use super::permissions;
use super::reader::Reader;
use super::secret::Sources;

/// Largest file. Room for a picture as `data:`.
const MAX_BYTES: u64 = 256 * 1024;
/// Files in the folder: every status in a few languages.
const MAX_FILES: usize = 256;

/// Pages of the operator's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PagesConfig {
    /// Where they are; `None`: the pages that are built in.
    pub dir: Option<PathBuf>,
    pages: BTreeMap<PageFor, Translations>,
}

/// One page, in the languages in which it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Translations {
    /// For whoever reads none of the languages below.
    default: Option<Arc<Template>>,
    /// By language tag, in small letters.
    languages: BTreeMap<String, Arc<Template>>,
}

impl Translations {
    /// The page in the best of the languages that somebody reads, and that language.
    fn best<'p>(&'p self, wanted: &Languages<'_>) -> Option<Found<'p>> {
        let translated = wanted.first_of(|tag| {
            let found = self.languages.get_key_value(tag);
            found.map(|(tag, template)| Found {
                template,
                language: Some(tag),
            })
        });
        translated.or_else(|| {
            let template = self.default.as_ref()?;
            Some(Found {
                template,
                language: None,
            })
        })
    }
}

/// A page that fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'p> {
    pub(crate) template: &'p Arc<Template>,
    /// The language that its file names.
    pub(crate) language: Option<&'p str>,
}

impl PagesConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("pages", |section| {
            let read = section.text("dir", |text| match sources.guarded_path(text)? {
                Some(dir) => Self::open(dir),
                None => Ok(Self::default()),
            });
            read.unwrap_or_default()
        })
    }

    /// Whether there are none, as there mostly are.
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The page for the first of these reasons that has one.
    pub(crate) fn find(&self, reasons: &[PageFor], wanted: &Languages<'_>) -> Option<Found<'_>> {
        let mut pages = reasons.iter().filter_map(|reason| self.pages.get(reason));
        pages.find_map(|page| page.best(wanted))
    }

    /// Reads the folder. Every fault in it is told at once.
    fn open(dir: PathBuf) -> Result<Self, String> {
        let mut names = html_files(&dir)?;
        names.sort();
        let mut pages = BTreeMap::<PageFor, Translations>::new();
        let mut faults = Vec::new();
        for name in names {
            match page(&dir, &name) {
                Ok((page, template)) => {
                    let translations = pages.entry(page.what).or_default();
                    let place = match page.language {
                        Some(tag) => translations.languages.insert(tag, template),
                        None => translations.default.replace(template),
                    };
                    if place.is_some() {
                        faults.push(format!("{name}: another file is the same page"));
                    }
                }
                Err(why) => faults.push(format!("{name}: {why}")),
            }
        }
        if faults.is_empty() {
            Ok(Self {
                dir: Some(dir),
                pages,
            })
        } else {
            Err(faults.join("; "))
        }
    }
}

/// The names of the pages in a folder. What begins with a dot is an editor's, or Kubernetes' own; what is no HTML is not served.
fn html_files(dir: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("{}: {error}", dir.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && name.ends_with(".html") {
            names.push(name.into_owned());
        }
        if names.len() > MAX_FILES {
            return Err(format!("has more than {MAX_FILES} pages"));
        }
    }
    Ok(names)
}

fn page(dir: &Path, name: &str) -> Result<(PageName, Arc<Template>), String> {
    let page = PageName::parse(name)?;
    let path = dir.join(name);
    let file = File::open(&path).map_err(|error| format!("cannot be read: {error}"))?;
    permissions::check_unchangeable(&file, &path).map_err(|exposed| exposed.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err("is larger than 256KiB".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_error| "is not UTF-8".to_owned())?;
    Ok((page, Arc::new(Template::parse(&text)?)))
}

#[cfg(test)]
mod tests;
