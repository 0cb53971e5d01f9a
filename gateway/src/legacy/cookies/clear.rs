//! Which `Set-Cookie` lines take the old cookies away?
//!
//! A browser forgets a cookie only when name, domain and path are those that it was set with, and it never says what
//! they are. So every name is cleared for the host alone and for each configured domain, on each configured path; and if
//! it comes again, for every domain and path that it can have, seen from the request that brought it.

use http::HeaderValue;

use crate::config::{MigrationConfig, Site};

/// Most bytes of clearing lines in one answer, their field names included. With everything else an answer's head stays
/// below the 8 KB that proxies in front allow by default.
pub(crate) const BYTES_MAX: usize = 5 * 1024;

/// What a `Set-Cookie` field takes beside its value: name, colon, space, line end.
const FIELD_OVERHEAD: usize = 14;

/// Where to clear.
#[derive(Debug)]
pub(crate) struct Clearing {
    /// Configured domains that browsers accept from this host.
    domains: Vec<String>,
    /// Every domain that browsers may accept from this host.
    parents: Vec<String>,
    paths: Vec<String>,
}

/// How far to go for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Where the configuration says.
    Configured,
    /// Wherever a cookie of this request can come from.
    Anywhere,
}

impl Clearing {
    pub(crate) fn new(config: &MigrationConfig, site: &Site) -> Self {
        let host = &site.origin.host;
        let name = host.to_string();
        // What is returned in a rollback must be cleared again.
        let cleared = site.clear_domains.as_ref().unwrap_or(&config.clear_domains);
        let returned = config.reissue_domain.iter();
        let returned = returned.filter(|domain| !cleared.contains(domain));
        let domains = cleared.iter().chain(returned);
        let mut domains: Vec<String> = domains.map(ToString::to_string).collect();
        domains.retain(|domain| covers(domain, &name));
        // The last label alone is left out: no cookie can have it as its domain. Browsers refuse other public suffixes
        // themselves.
        let parents = if host.ip().is_some() {
            Vec::new()
        } else {
            parents(&name)
        };
        Self {
            domains,
            parents,
            paths: config
                .clear_paths
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect(),
        }
    }

    /// The lines for one name, asked for by a request for `path`.
    pub(crate) fn lines(&self, name: &str, reach: Reach, path: &str) -> Vec<HeaderValue> {
        let (domains, paths) = match reach {
            Reach::Configured => (&self.domains, self.paths.clone()),
            Reach::Anywhere => (&self.parents, paths_above(path)),
        };
        let secure = has_prefix(name, "__secure-") || has_prefix(name, "__host-");
        let mut lines = Vec::new();
        for path in &paths {
            for domain in std::iter::once(None).chain(domains.iter().map(Some)) {
                let domain = domain.map_or_else(String::new, |domain| format!("; Domain={domain}"));
                let secure = if secure { "; Secure" } else { "" };
                let line = format!("{name}=; Max-Age=0; Path={path}{domain}{secure}");
                lines.extend(HeaderValue::try_from(line));
            }
        }
        lines
    }
}

/// Bytes that lines take in a head.
pub(crate) fn size(lines: &[HeaderValue]) -> usize {
    lines.iter().map(|line| line.len() + FIELD_OVERHEAD).sum()
}

fn covers(domain: &str, host: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn parents(host: &str) -> Vec<String> {
    let mut parents = Vec::new();
    let mut rest = host;
    while let Some((_, above)) = rest.split_once('.') {
        parents.push(rest.to_owned());
        rest = above;
    }
    parents
}

/// Every path whose cookies come with a request for `path`, the longest first; each folder in both spellings.
fn paths_above(path: &str) -> Vec<String> {
    /// Most folders that are cleared: the client chooses the path, and answers are bounded.
    const DEPTH_MAX: usize = 4;
    let fits = |path: &&str| {
        path.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b';')
    };
    let mut paths = vec!["/".to_owned()];
    let ends = path.match_indices('/').map(|(at, _)| at);
    for end in ends.chain([path.len()]).skip(1).take(DEPTH_MAX) {
        if let Some(folder) = path.get(..end).filter(fits).filter(|path| path.len() > 1) {
            let folder = folder.trim_end_matches('/');
            paths.extend([format!("{folder}/"), folder.to_owned()]);
        }
    }
    paths.dedup();
    paths.reverse();
    paths
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
