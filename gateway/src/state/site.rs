//! A site, ready for use, and where on it a request was sent to.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{Absence, Resolution};
use session_core::session::{Group, Groups, Session, Text};
use session_core::store::Scope;
use sidgate_policy::auth::login_redirect::{InvalidLoginUrl, LoginUrl};
use sidgate_policy::edge::ServedHost;

use crate::config::{Config, LoginPage, Site, TenantFrom};

/// A site with everything derived from it.
#[derive(Debug)]
pub(crate) struct ActiveSite {
    /// As read.
    pub config: Arc<Site>,
    /// What it is called, where sites have names.
    pub name: Option<Arc<str>>,
    /// Where people are sent to log in: a page of the site, or where a handover from another one begins.
    pub login: LoginUrl,
    /// Number of the site that hands its logins over.
    pub login_at: Option<usize>,
    /// Its origin, as browsers spell it.
    pub origin: String,
    /// `http` or `https`, as apps are told.
    pub proto: HeaderValue,
    /// The public port, as apps are told.
    pub port: HeaderValue,
    /// Whose sids count here.
    pub groups: Groups,
}

impl ActiveSite {
    /// The site `config` of all that `of` has.
    ///
    /// # Errors
    /// When its login page cannot be used.
    pub(super) fn new(config: &Arc<Site>, of: &Config) -> Result<Self, InvalidLoginUrl> {
        let origin = &config.origin;
        let groups = of.sites.iter().map(|site| site.group.clone());
        Ok(Self {
            name: of.sites.label(config),
            login: match &config.login {
                LoginPage::Here(path) => LoginUrl::parse(path)?,
                LoginPage::At(_) => LoginUrl::parse(&handover_path(of))?,
            },
            login_at: match config.login {
                LoginPage::Here(_) => None,
                LoginPage::At(site) => Some(site),
            },
            origin: origin.to_string(),
            proto: HeaderValue::from_static(origin.scheme.as_str()),
            port: HeaderValue::from(origin.port),
            groups: Groups::new(config.group.clone(), groups),
            config: Arc::clone(config),
        })
    }

    /// All sessions of a user that count here. Where there is the default group alone those are all that there are, and a
    /// revocation of the user is understood by programs that know no groups, too.
    pub(crate) fn all_of(&self, user_id: Text) -> Scope {
        let group = &self.config.group;
        if group.is_default() && self.groups.others().is_empty() {
            Scope::User(user_id)
        } else {
            Scope::Member {
                user_id,
                group: group.clone(),
            }
        }
    }

    /// The origin of a page at `host`, as its browser spells it. Where sites have names each of their hosts is one; otherwise
    /// all pages are taken for those of the public origin.
    pub(crate) fn origin_at(&self, host: &str) -> Cow<'_, str> {
        if self.name.is_none() {
            return Cow::Borrowed(&self.origin);
        }
        Cow::Owned(format!("{}://{host}", self.config.origin.scheme.as_str()))
    }
}

/// The cookie that binds a handover to one browser. Without TLS, which is for development, it has no prefix.
pub(crate) const fn state_cookie_name(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-sidgate-state"
    } else {
        "sidgate-state"
    }
}

/// Where logins are handed over, on every site.
pub(crate) fn handover_path(config: &Config) -> String {
    format!("{}/handover", config.endpoints.base_path.as_str())
}

/// Where a request was sent to, as far as sessions depend on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addressed {
    /// Number of the site.
    pub site: usize,
    /// Whose sessions count there.
    pub group: Group,
    /// The host and port as configured; `None`: those of the site's origin.
    pub host: Option<Box<str>>,
    tenant: HostTenant,
}

/// Whose sessions count at a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum HostTenant {
    /// Everybody's.
    #[default]
    Any,
    /// Those without a tenant.
    Nobodys,
    /// Those of this one.
    One(Box<str>),
}

impl Addressed {
    /// By a request to `host`, which belongs to `site`.
    pub(crate) fn at(site: &ActiveSite, host: &ServedHost) -> Self {
        let tenant = match site.config.tenant_from {
            TenantFrom::None => HostTenant::Any,
            TenantFrom::Label => host
                .label()
                .map_or(HostTenant::Nobodys, |label| HostTenant::One(label.into())),
        };
        Self {
            site: host.site(),
            group: site.config.group.clone(),
            host: host.label().map(|_| (&**host).into()),
            tenant,
        }
    }

    /// Whether sessions of this tenant count here.
    pub(crate) fn takes(&self, tenant_id: Option<&str>) -> bool {
        match &self.tenant {
            HostTenant::Any => true,
            HostTenant::Nobodys => tenant_id.is_none(),
            HostTenant::One(own) => tenant_id == Some(own),
        }
    }

    /// Whether sessions of all tenants count here.
    pub(crate) fn takes_all(&self) -> bool {
        self.tenant == HostTenant::Any
    }

    /// Whether this session counts here.
    pub(crate) fn takes_session(&self, session: &Session) -> bool {
        self.takes_all() || self.takes(session.identity.tenant_id())
    }

    /// What is known about a session, here: one of another tenant is none.
    pub(crate) fn judge(&self, found: Resolution) -> Resolution {
        match found {
            Resolution::Active(active) if !self.takes_session(active.entry.session()) => {
                Resolution::Absent(Absence::OtherTenant)
            }
            found => found,
        }
    }
}
