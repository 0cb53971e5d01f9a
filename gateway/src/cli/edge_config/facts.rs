//! What an edge has to know of a configuration.

use crate::authz::NUMBERED_COOKIES;
use crate::config::{Config, Destination, ListenAddress, Routes, Upstream};

/// Where an app is that the configuration does not know.
const SOMEWHERE: &str = "127.0.0.1:8000";
/// `Set-Cookie` lines that an edge passes on where no cookies of an older system are cleared.
const COOKIES: usize = 2;

/// What an edge has to know.
pub(super) struct Facts {
    /// Where the edge listens.
    pub(super) listen: String,
    /// Where the gateway's public listener is.
    pub(super) public: String,
    /// Where it takes questions.
    pub(super) authz: String,
    /// Where its endpoints are.
    pub(super) base_path: String,
    /// The hosts of all sites, without ports.
    pub(super) hosts: Vec<String>,
    /// Names of fields that tell an app about a session.
    pub(super) names: Vec<String>,
    cookies: usize,
    /// Names of cookies that the gateway sets or clears.
    pub(super) cookie_names: Vec<String>,
    pub(super) apps: Vec<App>,
    /// Paths, longest first, and the app of each.
    pub(super) routes: Vec<(String, String)>,
}

/// An app.
pub(super) struct App {
    pub(super) name: String,
    pub(super) servers: Vec<String>,
}

impl Facts {
    /// Those of `config`.
    ///
    /// # Errors
    /// When edges may not ask, or cannot reach the gateway.
    pub(super) fn of(config: &Config, listen: String) -> Result<Self, String> {
        let authz = config
            .authz
            .as_ref()
            .ok_or("authz: there is no [authz], so no edge may ask")?;
        let reach = |addresses: &[ListenAddress], key: &str| {
            let mut addresses = addresses.iter().filter_map(ListenAddress::tcp);
            let address = addresses.next().map(|mut address| {
                if address.ip().is_unspecified() {
                    address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                address.to_string()
            });
            address.ok_or(format!(
                "{key}: has no address and port, which an edge is told"
            ))
        };
        let names = config.identity.names();
        let old_cookies = config.migration.known_names();
        let has_old_cookies = !config.migration.credentials.is_empty();
        let mut hosts: Vec<_> = config
            .sites
            .iter()
            .map(|site| site.origin.host.to_string())
            .collect();
        hosts.sort();
        hosts.dedup();
        let mut cookie_names: Vec<_> = config
            .sites
            .iter()
            .map(|site| site.cookie.name.as_str().to_owned())
            .chain(old_cookies.map(|name| name.as_str().to_owned()))
            .collect();
        cookie_names.sort();
        cookie_names.dedup();
        Ok(Self {
            listen,
            public: reach(&config.server.listen, "server.listen")?,
            authz: reach(&authz.listen, "authz.listen")?,
            base_path: config.endpoints.base_path.as_str().to_owned(),
            hosts,
            names: names.map(|name| spelled(name.as_str())).collect(),
            cookies: if has_old_cookies {
                NUMBERED_COOKIES
            } else {
                COOKIES
            },
            cookie_names,
            apps: config
                .upstreams
                .iter()
                .map(|upstream| App::of(upstream))
                .collect::<Result<_, String>>()?,
            routes: paths(&config.routes)?,
        })
    }

    /// A line for each name, which gets the name and how a variable of nginx is called that stands for it.
    pub(super) fn each_name(&self, line: impl Fn(&str, &str) -> String) -> String {
        let lines = self.names.iter().map(|name| {
            let variable = name.to_ascii_lowercase().replace('-', "_");
            line(name, &variable)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A line for each cookie that may come.
    pub(super) fn each_cookie(&self, line: impl Fn(usize) -> String) -> String {
        (1..=self.cookies).map(line).collect::<Vec<_>>().join("\n")
    }

    /// The servers of an app.
    pub(super) fn servers(&self, name: &str) -> &[String] {
        let app = self.apps.iter().find(|app| app.name == name);
        app.map(|app| app.servers.as_slice()).unwrap_or_default()
    }
}

/// Paths, longest first, and the app of each.
///
/// # Errors
/// When a path alone does not say which app it is.
fn paths(routes: &Routes) -> Result<Vec<(String, String)>, String> {
    if let Some(route) = routes.iter().find(|route| route.has_hosts()) {
        let label = &route.label;
        return Err(format!(
            "routes: {label} has hosts, and what is printed tells no hosts apart: give each host a server of the edge by hand"
        ));
    }
    let mut paths: Vec<_> = routes
        .iter()
        .filter_map(|route| match &route.destination {
            Destination::App(app) => Some((route.path.as_str().to_owned(), app.name.clone())),
            Destination::Redirect(_) => None,
        })
        .collect();
    paths.sort_by(|one, other| other.0.len().cmp(&one.0.len()).then(one.0.cmp(&other.0)));
    paths.dedup_by(|one, other| one.0 == other.0);
    Ok(paths)
}

impl App {
    /// # Errors
    /// When the app is reached in a way that is not printed.
    fn of(upstream: &Upstream) -> Result<Self, String> {
        let mut servers = Vec::new();
        for server in &upstream.servers {
            let address = server.host_port().filter(|_| !server.tls);
            let address = address.ok_or_else(|| {
                format!(
                    "upstreams.{}.servers: \"{server}\" is not plain HTTP over TCP, which is all that is printed",
                    upstream.name
                )
            })?;
            servers.push(address.to_string());
        }
        if servers.is_empty() {
            servers.push(SOMEWHERE.to_owned());
        }
        Ok(Self {
            name: upstream.name.clone(),
            servers,
        })
    }
}

/// Host and port of an address.
pub(super) fn apart(address: &str) -> (String, String) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
    let host = host.trim_matches(['[', ']']);
    (host.to_owned(), port.to_owned())
}

/// As documents spell a name: `X-Session-Id`.
fn spelled(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}
