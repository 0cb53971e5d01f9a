//! One thing for each site.

use std::sync::Arc;

use super::{Site, Sites};

/// One thing for each site, found by the number of the site.
#[derive(Debug, Clone)]
pub(crate) struct PerSite<T> {
    first: T,
    others: Vec<T>,
}

impl<T> PerSite<T> {
    /// What belongs to the site of this number, and to the first one where there is none.
    pub(crate) fn get(&self, number: usize) -> &T {
        let other = number.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.first)
    }
}

impl Sites {
    /// Makes one thing for each site.
    ///
    /// # Errors
    /// The first that `make` returns.
    pub(crate) fn try_each<T, E>(
        &self,
        mut make: impl FnMut(&Arc<Site>) -> Result<T, E>,
    ) -> Result<PerSite<T>, E> {
        Ok(PerSite {
            first: make(&self.first)?,
            others: self.others.iter().map(make).collect::<Result<_, _>>()?,
        })
    }

    /// Makes one thing for each site.
    pub(crate) fn each<T>(&self, mut make: impl FnMut(&Arc<Site>) -> T) -> PerSite<T> {
        PerSite {
            first: make(&self.first),
            others: self.others.iter().map(make).collect(),
        }
    }
}
