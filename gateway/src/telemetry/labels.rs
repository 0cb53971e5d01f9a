//! Label values of the gateway's metrics: closed sets with derived names. `docs/operations.md` lists every member.

use session_core::session::RiskRule;
use sidgate_policy::auth::event::EventKind;
use sidgate_policy::auth::event_permissions::NotPermitted;
use sidgate_policy::auth::token::TokenRefused;
use sidgate_policy::edge::Refused;
use sidgate_policy::edge::unread::Unread;
use strum::{IntoStaticStr, VariantArray, VariantNames as _};

use crate::config::RiskAction;
use crate::limits::{shedding, streams};

/// The names of a closed set.
pub(crate) fn names<T: Copy + Into<&'static str>>(
    members: &[T],
) -> impl Iterator<Item = &'static str> + use<'_, T> {
    members.iter().map(|member| (*member).into())
}

/// Why a request or a connection was turned away: `reason` of `sidgate_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Refusal {
    /// A rule of the edge.
    #[strum(transparent)]
    Rule(Refused),
    /// There is no room for another stream.
    #[strum(transparent)]
    Stream(streams::Full),
    /// Something else than a request came.
    #[strum(transparent)]
    Unread(Unread),
    /// The body came too slowly.
    BodyTimeout,
    /// The client has as many connections as one may have.
    ConnectionsPerIp,
    /// The header, or the first byte of a connection, came too late.
    HeaderTimeout,
    /// Too many lists of devices are being read.
    Lists,
    /// Too many attempts to log in.
    LoginLimit,
    /// There are as many connections as there may be.
    MaxConnections,
    /// Too many sids of the client were no sessions.
    MissesPerClient,
    /// The user has as many sessions as one may have.
    SessionLimit,
}

impl Refusal {
    /// Every name.
    pub(crate) fn names() -> Vec<&'static str> {
        let own = Self::VARIANTS.iter().copied();
        let own = own.filter(|name| !matches!(*name, "rule" | "stream" | "unread"));
        let rules = names(Refused::VARIANTS);
        own.chain(rules)
            .chain(names(streams::Full::VARIANTS))
            .chain(names(Unread::VARIANTS))
            .collect()
    }
}

impl From<Refused> for Refusal {
    fn from(rule: Refused) -> Self {
        Self::Rule(rule)
    }
}

impl From<Unread> for Refusal {
    fn from(what: Unread) -> Self {
        Self::Unread(what)
    }
}

impl From<streams::Full> for Refusal {
    fn from(full: streams::Full) -> Self {
        Self::Stream(full)
    }
}

/// What was turned away because there was too much to do: `kind` of `sidgate_shed_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Shed {
    /// A request.
    #[strum(transparent)]
    Request(shedding::Kind),
    /// A login that got no turn in time.
    Login,
}

impl Shed {
    /// Every name.
    pub(crate) fn names() -> Vec<&'static str> {
        let own = Self::VARIANTS.iter().copied();
        let own = own.filter(|name| *name != "request");
        own.chain(names(shedding::Kind::VARIANTS)).collect()
    }
}

/// How a session came to be: `how` of `sidgate_sessions_created_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Created {
    /// By the gateway's own login.
    Login,
    /// By the login of an app.
    Event,
    /// By an app that asked for a new sid.
    Rotate,
    /// By a login of the old system.
    Migration,
}

/// What became of a sid that was due: `result` of `sidgate_sid_renewals_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Renewed {
    /// The browser has a new one.
    Done,
    /// The next request tries again.
    Failed,
}

/// What became of an event of an app: `result` of `sidgate_session_events_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum EventResult {
    /// Its token was not believed.
    #[strum(transparent)]
    Token(TokenRefused),
    /// It was obeyed.
    Done,
    /// The store did not take it.
    Failed,
    /// The app may not send it.
    NotPermitted,
    /// The answer had more than one.
    Repeated,
}

/// Every pair of `event` and `result` of `sidgate_session_events_total`.
pub(crate) fn events() -> Vec<(&'static str, &'static str)> {
    let of_apps = names(EventKind::VARIANTS).flat_map(|event| {
        let results = [
            EventResult::Done,
            EventResult::Failed,
            EventResult::NotPermitted,
        ];
        results.map(|result| (event, result.into()))
    });
    let fields = [NotPermitted::Claim, NotPermitted::AuthHash]
        .map(|field| (field.as_str(), EventResult::NotPermitted.into()));
    let unread = names(TokenRefused::VARIANTS).chain([EventResult::Repeated.into()]);
    of_apps
        .chain(fields)
        .chain(unread.map(|result| ("none", result)))
        .collect()
}

/// Every pair of `tier` and `result` of `sidgate_resolve_total`.
pub(crate) fn resolved() -> Vec<(&'static str, &'static str)> {
    const FOUND: [&str; 2] = ["active", "stale"];
    const SEALED: [&str; 3] = ["malformed", "forged", "other_group"];
    const GONE: [&str; 6] = [
        "absent",
        "revoked",
        "expired",
        "idle",
        "renewed",
        "other_tenant",
    ];
    const UNKNOWN: [&str; 13] = [
        "not_asked",
        "no_cookie",
        "no_lease",
        "overloaded",
        "deadline",
        "overtaken",
        "legacy",
        "unavailable",
        "timeout",
        "interrupted",
        "in_recovery",
        "schema",
        "corrupt",
    ];
    let tiers: [(&'static str, &'static [&'static str]); 6] = [
        ("local", &FOUND),
        ("shared", &FOUND),
        ("store", &FOUND),
        ("seal", &SEALED),
        ("store", &GONE),
        ("none", &UNKNOWN),
    ];
    let pairs = tiers
        .into_iter()
        .flat_map(|(tier, results)| results.iter().map(move |result| (tier, *result)));
    pairs.collect()
}

/// Every pair of `rule` and `action` of `sidgate_risk_signals_total`.
pub(crate) fn risk_signals() -> Vec<(&'static str, &'static str)> {
    let of_sessions = names(RiskRule::VARIANTS).chain(["crowded"]);
    let of_sessions =
        of_sessions.flat_map(|rule| names(RiskAction::VARIANTS).map(move |action| (rule, action)));
    // A client that is refused has no session with which anything could be done.
    let of_clients = ["refused_sids", "refused_logins"]
        .into_iter()
        .flat_map(|rule| {
            [RiskAction::Observe, RiskAction::Notify].map(|action| (rule, action.into()))
        });
    of_sessions.chain(of_clients).collect()
}

/// What speaks for whoever tries to log in: `standing` of `sidgate_login_attempts_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum LoginStanding {
    /// A live session of the account.
    LiveSession,
    /// A network from which the account has logged in lately.
    Network,
    /// Nothing.
    Stranger,
    /// The store could not be asked.
    Unknown,
}

/// What became of a call to the backend: `result` of `sidgate_backend_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum BackendResult {
    /// It knows the user.
    Accepted,
    /// It does not.
    Rejected,
    /// It gave no usable answer.
    Unavailable,
}

/// Why an app did not get a request, or did not answer it: `kind` of `sidgate_upstream_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum UpstreamError {
    /// No name of its servers resolves.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// There is no way there.
    Unreachable,
    /// The connection did not stand in time.
    ConnectTimeout,
    /// It was silent for too long.
    ReadTimeout,
    /// It took no bytes for too long.
    WriteTimeout,
    /// It reset the connection.
    Reset,
    /// It closed the connection before the end of its answer.
    Closed,
    /// Every server has as many requests as it may have.
    Busy,
    /// What it said is not HTTP.
    NotHttp,
    /// The head of its answer is too large.
    HeadTooLarge,
    /// It does not speak HTTP/2, which it is configured to.
    NotHttp2,
    /// It does not speak TLS, which it is configured to.
    NotTls,
    /// Its certificate is of an authority that is not believed.
    TlsUnknownAuthority,
    /// Its certificate has ended.
    TlsExpired,
    /// Its certificate is not valid yet.
    TlsNotYetValid,
    /// Its certificate is for another name.
    TlsWrongName,
    /// It refuses our certificate, or wants one.
    TlsClientCertificate,
    /// The handshake did not end in time.
    TlsTimeout,
    /// Something else about the handshake.
    TlsFailed,
}

/// Why a change of context was lost: `reason` of `sidgate_risk_dropped_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum RiskDropped {
    /// The session has spent its budget of the hour.
    Crowded,
    /// Too many were waiting.
    Queue,
    /// The store failed.
    Store,
}

/// What became of a message about a signal: `result` of `sidgate_risk_webhook_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Delivery {
    /// The receiver has it.
    Delivered,
    /// Too many were waiting.
    Dropped,
    /// Every attempt failed.
    Failed,
    /// A message that says the same was already waiting.
    Merged,
    /// An attempt failed, and another one follows.
    Retried,
}

/// What became of a login of the old system: `result` of `sidgate_migration_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, strum::EnumString, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Judged {
    /// It was a session already.
    Already,
    /// It cannot be decided whose login counts.
    Ambiguous,
    /// It is a session now.
    Migrated,
    /// It is of another tenant than the host.
    OtherTenant,
    /// The app does not know it.
    Refused,
    /// Its session had ended.
    Replayed,
    /// Its user, tenant or everybody was logged out since it began.
    Revoked,
    /// In shadow mode: it would have become the session that the browser has.
    ShadowMatch,
    /// In shadow mode: it would not.
    ShadowMismatch,
    /// The store or the app could not answer.
    Unavailable,
    /// Its cookies hold bytes that are never passed to an app.
    Unreadable,
}

/// A step of a login that one site hands to another: `step` of `sidgate_handover_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Handover {
    /// A visitor was sent to the site where people log in.
    Begun,
    /// They had no session there, and were sent to its login page.
    SentToLogin,
    /// They had one, and were sent back with a code.
    Given,
    /// The other site has taken it.
    Taken,
    /// There was no session, or none any more.
    NoSession,
    /// Ticket or code came too late.
    Expired,
    /// The code was used before.
    Replayed,
    /// It was made for another browser, host or site.
    Elsewhere,
    /// The session is one of another tenant than the host's.
    OtherTenant,
    /// It was not made by this installation.
    Invalid,
}

/// What came of a reload: `result` of `sidgate_config_reloads_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Reload {
    /// The file is in use.
    Reloaded,
    /// The file has faults.
    Refused,
    /// The file changes what only a restart can change.
    NeedsRestart,
}

/// What became of changed files of the certificate: `result` of `sidgate_tls_certificate_renewals_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum CertificateRenewal {
    /// The certificate is in use.
    Taken,
    /// The files are no certificate with its key.
    Refused,
}

#[cfg(test)]
mod tests;
