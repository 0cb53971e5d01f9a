//! A browser that goes from site to site: it keeps the cookies of each host and each domain (RFC 6265), and follows redirects
//! wherever they lead, as long as the gateway serves it.

use super::gateway::Gateway;
use super::http::{Request, Response};

/// Redirects that a browser follows before it gives up.
const MOST_STEPS: usize = 20;

/// A browser with a jar for all sites.
pub struct Traveller<'a> {
    gateway: &'a Gateway,
    jar: Vec<Cookie>,
    /// The URLs of the last journey, with their answers' status and cookies.
    pub steps: Vec<Step>,
}

/// One request of a journey.
#[derive(Clone, Debug)]
pub struct Step {
    pub url: String,
    pub response: Response,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Whether hosts below the domain get it too.
    is_wide: bool,
}

impl<'a> Traveller<'a> {
    pub fn of(gateway: &'a Gateway) -> Self {
        Self {
            gateway,
            jar: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Opens a page by its URL, and follows redirects to the end: the last URL and its answer.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> (String, Response) {
        self.steps.clear();
        let mut url = url.to_owned();
        for _ in 0..MOST_STEPS {
            let response = self.ask(&url, &[]);
            self.steps.push(Step {
                url: url.clone(),
                response: response.clone(),
            });
            let location = response.header("location").map(str::to_owned);
            match location.filter(|_| (300..400).contains(&response.status)) {
                Some(location) => url = resolved(&url, &location),
                None => return (url, response),
            }
        }
        panic!("too many redirects: {:#?}", self.urls());
    }

    /// The same without following.
    pub fn ask(&mut self, url: &str, fields: &[(&str, &str)]) -> Response {
        let (host, target) = parts(url);
        let request = Request::get(&target).navigation();
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        self.send(&host, request)
    }

    /// The URLs of the last journey.
    pub fn urls(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.url.as_str()).collect()
    }

    /// Sends a request to a host with the cookies that it gets, and keeps what comes back.
    pub fn send(&mut self, host: &str, request: Request) -> Response {
        let request = request
            .header("Host", host)
            .cookies(&self.cookies_for(host));
        let response = self.gateway.send(&request);
        for cookie in response.all("set-cookie") {
            self.keep(host, cookie);
        }
        response
    }

    /// The Cookie line that a host gets.
    pub fn cookies_for(&self, host: &str) -> String {
        let name = host.split(':').next().unwrap_or(host);
        let fits = |cookie: &&Cookie| {
            name == cookie.domain || cookie.is_wide && is_below(name, &cookie.domain)
        };
        let pairs = self.jar.iter().filter(fits);
        let pairs = pairs.map(|cookie| format!("{}={}", cookie.name, cookie.value));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The value of a cookie that a host gets.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        let line = self.cookies_for(host);
        let mut pairs = line.split("; ").filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value.to_owned())
    }

    /// Forgets all cookies of a host.
    pub fn forget(&mut self, host: &str) {
        self.jar.retain(|cookie| cookie.domain != host);
    }

    /// Forgets one cookie of a host.
    pub fn forget_cookie(&mut self, host: &str, name: &str) {
        self.jar
            .retain(|cookie| cookie.domain != host || cookie.name != name);
    }

    /// Keeps a `Set-Cookie` of a host, if browsers would.
    ///
    /// # Panics
    /// When no browser would.
    pub fn keep(&mut self, host: &str, set_cookie: &str) {
        let host = host.split(':').next().unwrap_or(host);
        let mut parts = set_cookie.split(';').map(str::trim);
        let (name, value) = parts
            .next()
            .unwrap_or_default()
            .split_once('=')
            .expect("a pair");
        let attributes: Vec<&str> = parts.collect();
        let domain = attributes
            .iter()
            .find_map(|attribute| attribute.strip_prefix("Domain="));
        if let Some(domain) = domain {
            assert!(
                host == domain || is_below(host, domain),
                "{host} sets {set_cookie}"
            );
            assert!(!name.starts_with("__Host-"), "{set_cookie}");
        }
        let cookie = Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: domain.unwrap_or(host).to_owned(),
            is_wide: domain.is_some(),
        };
        self.jar.retain(|other| {
            (&other.name, &other.domain, other.is_wide)
                != (&cookie.name, &cookie.domain, cookie.is_wide)
        });
        if !attributes.contains(&"Max-Age=0") {
            self.jar.push(cookie);
        }
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'))
}

/// Host and target of an absolute URL.
fn parts(url: &str) -> (String, String) {
    let (_, rest) = url.split_once("://").expect("an absolute URL");
    let at = rest.find('/').unwrap_or(rest.len());
    let target = if at == rest.len() { "/" } else { &rest[at..] };
    (rest[..at].to_owned(), target.to_owned())
}

fn resolved(from: &str, location: &str) -> String {
    if !location.starts_with('/') {
        return location.to_owned();
    }
    let (scheme, rest) = from.split_once("://").expect("an absolute URL");
    let host = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{host}{location}")
}
