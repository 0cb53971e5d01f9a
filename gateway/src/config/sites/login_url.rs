//! `login_url` of a site: a path of its own, or the login page of another site.

use super::super::host::Origin;
use super::super::server::login_url;
use super::{LoginPage, Site};

/// A login page as it is written, before the other sites are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A path.
    Path(String),
    /// A page of another origin: its path there.
    Page(Origin, String),
}

impl Default for Written {
    fn default() -> Self {
        Self::Path("/login".to_owned())
    }
}

impl Written {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return login_url(text).map(Self::Path);
        };
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let origin = Origin::parse(&format!("{scheme}://{authority}"))?;
        Ok(Self::Page(origin, login_url(path)?))
    }

    /// The page that is meant for `site`, among the sites as they are written.
    ///
    /// # Errors
    /// Why there is no such page.
    pub(super) fn resolved(
        &self,
        (site, own): (&Site, usize),
        sites: &[(Site, Self)],
    ) -> Result<LoginPage, String> {
        let (origin, path) = match self {
            Self::Path(path) => return Ok(LoginPage::Here(path.clone())),
            Self::Page(origin, path) => (origin, path),
        };
        let mut others = sites.iter().enumerate();
        let Some((number, (other, theirs))) =
            others.find(|(_, (other, _))| other.origin == *origin)
        else {
            return Err(format!("{origin} is the origin of no site"));
        };
        if number == own {
            return Ok(LoginPage::Here(path.clone()));
        }
        if other.group != site.group {
            return Err(format!(
                "{origin} is a site of the group {}, and this one of {}: they share no sessions",
                other.group, site.group
            ));
        }
        match theirs {
            Self::Path(login) if login == path => Ok(LoginPage::At(number)),
            Self::Path(login) => Err(format!("the login page of {origin} is {login:?}")),
            Self::Page(..) => Err(format!("{origin} has its login page elsewhere itself")),
        }
    }
}
