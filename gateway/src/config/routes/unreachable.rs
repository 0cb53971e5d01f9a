//! Routes that no request could ever reach: the operator has meant something else.

use super::super::file::Document;
use super::super::sites::Sites;
use super::{Route, Routes};

/// Whether each route decides about its own path, on one of the hosts that are accepted. If it does not, it does not about
/// anything below either: a more specific group that covers a path covers what is below.
pub(super) fn check(document: &Document<'_>, routes: &Routes, sites: &Sites) {
    let names: Vec<String> = sites.host_names().collect();
    for route in routes.iter() {
        let mut deciding = names
            .iter()
            .filter(|name| route.is_for(name))
            .filter_map(|name| routes.route_for(name, route.path.as_str()))
            .peekable();
        let Some(other) = deciding.peek().map(|other| other.index) else {
            continue;
        };
        if deciding.all(|deciding| deciding.index != route.index) {
            let key = format!("routes[{}]", route.index);
            let keys = [
                format!("{key}.path"),
                format!("{key}.hosts"),
                format!("routes[{other}]"),
            ];
            let message = format!(
                "can never match: for each of its hosts a route of a more specific group covers it, such as routes[{other}]"
            );
            document.contradiction(&keys.each_ref().map(String::as_str), message);
        }
    }
}

impl Route {
    /// Whether it covers paths of `host`.
    fn is_for(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|own| own.covers(host))
    }
}
