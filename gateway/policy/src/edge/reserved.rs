//! The names that belong to gateways: ours, other proxies', and the frameworks' own.
//!
//! An app that once stood behind another product may still believe what that product wrote: an
//! identity (`Remote-User` of Authelia, `X-Auth-Request-User` of oauth2-proxy, `X-Amzn-Oidc-Data` of
//! an AWS balancer), the subject of a client's certificate, or the address a client is known by. No
//! client may write such a name. What only describes (a trace id, a country) is left alone.
//!
//! Names stand here as they are compared: lower case, with `-` for every separator.

use std::borrow::Cow;

use super::identity_headers;

/// What a client pretends to be by sending a reserved name; the `kind` of the spoof counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Reserved {
    /// `X-Session-*`, `X-Sidgate-*`: the gateway itself.
    Identity,
    /// `X-Forwarded-*`, `Forwarded`, `X-Real-IP`: a proxy that we trust.
    Forwarding,
    /// `X-Original-*`, `X-Rewrite-URL`, method overrides: another request than the one that was
    /// judged.
    Rewrite,
    /// `X-Middleware-*` and the like: the framework's own router.
    Framework,
    /// `Remote-User` and the like: a server or proxy that has authenticated somebody.
    RemoteUser,
    /// `Proxy`: the environment of a CGI program (httpoxy).
    Proxy,
    /// A name with a byte outside `[A-Za-z0-9-]`.
    OddName,
}

impl Reserved {
    /// The label in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.into()
    }
}

/// What Next.js sends from its own code in browsers, and what no app takes for authority. These pass
/// although their prefix is reserved.
const HARMLESS: [&str; 2] = ["x-middleware-prefetch", "x-nextjs-data"];

/// What browsers send without evil intent and no app has use for: removed, and not counted as an
/// attack.
pub(super) const UNCOUNTED: [&str; 2] = ["x-nextjs-html-request-id", "x-nextjs-request-id"];

/// What balancers say about their client under a prefix that is not theirs: nginx for Kubernetes, and Azure. Expected of a
/// proxy that the operator has named.
pub(super) const OF_PROXIES: [&str; 3] = [
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-proto",
];

/// Names, and beginnings of names: those that end in `-`. Sorted, so that [`find`] need look at two
/// places only.
const NAMES: &[(&str, Reserved)] = {
    use Reserved::{Forwarding, Framework, Identity, Proxy, RemoteUser, Rewrite};

    &[
        ("auth-user", RemoteUser),
        ("cf-access-", RemoteUser),
        ("cf-connecting-ip", Forwarding),
        ("cf-connecting-ipv6", Forwarding),
        ("cf-pseudo-ipv4", Forwarding),
        ("cf-visitor", Forwarding),
        ("client-cert", RemoteUser),
        ("client-cert-chain", RemoteUser),
        ("client-ip", Forwarding),
        ("cloudfront-forwarded-proto", Forwarding),
        ("cloudfront-viewer-address", Forwarding),
        ("do-connecting-ip", Forwarding),
        ("eppn", RemoteUser),
        ("fastly-client-ip", Forwarding),
        ("fastly-ssl", Forwarding),
        ("fly-client-ip", Forwarding),
        ("fly-forwarded-", Forwarding),
        ("forwarded", Forwarding),
        ("front-end-https", Forwarding),
        ("incap-client-ip", Forwarding),
        ("iv-", RemoteUser),
        ("l5d-client-id", RemoteUser),
        ("mellon-", RemoteUser),
        ("next-resume", Framework),
        ("oam-", RemoteUser),
        ("oidc-", RemoteUser),
        ("proxy", Proxy),
        ("proxy-client-ip", Forwarding),
        ("proxy-user", RemoteUser),
        ("remote-addr", Forwarding),
        ("remote-email", RemoteUser),
        ("remote-group", RemoteUser),
        ("remote-groups", RemoteUser),
        ("remote-host", Forwarding),
        ("remote-ident", RemoteUser),
        ("remote-name", RemoteUser),
        ("remote-role", RemoteUser),
        ("remote-roles", RemoteUser),
        ("remote-user", RemoteUser),
        ("shib-", RemoteUser),
        ("sm-", RemoteUser),
        ("ssl-client-", RemoteUser),
        ("tailscale-", RemoteUser),
        ("teleport-jwt-assertion", RemoteUser),
        ("true-client-ip", Forwarding),
        ("wl-proxy-", Forwarding),
        ("x-accel-mapping", Rewrite),
        ("x-amzn-mtls-", RemoteUser),
        ("x-amzn-oidc-", RemoteUser),
        ("x-anonymous-consumer", RemoteUser),
        ("x-apigateway-api-userinfo", RemoteUser),
        ("x-appengine-", RemoteUser),
        ("x-arr-clientcert", RemoteUser),
        ("x-arr-ssl", Forwarding),
        ("x-auth-email", RemoteUser),
        ("x-auth-groups", RemoteUser),
        ("x-auth-name", RemoteUser),
        ("x-auth-request-", RemoteUser),
        ("x-auth-roles", RemoteUser),
        ("x-auth-subject", RemoteUser),
        ("x-auth-user", RemoteUser),
        ("x-auth-userid", RemoteUser),
        ("x-auth-username", RemoteUser),
        ("x-authelia-", RemoteUser),
        ("x-authenticated-", RemoteUser),
        ("x-authentik-", RemoteUser),
        ("x-azure-", Forwarding),
        ("x-client-cert", RemoteUser),
        ("x-client-certificate", RemoteUser),
        ("x-client-dn", RemoteUser),
        ("x-client-ip", Forwarding),
        ("x-client-verify", RemoteUser),
        ("x-cluster-client-ip", Forwarding),
        ("x-consumer-", RemoteUser),
        ("x-credential-identifier", RemoteUser),
        ("x-credential-username", RemoteUser),
        ("x-custom-ip-authorization", Forwarding),
        ("x-endpoint-api-userinfo", RemoteUser),
        ("x-envoy-", Forwarding),
        ("x-forward-for", Forwarding),
        ("x-forwarded", Forwarding),
        ("x-forwarded-", Forwarding),
        ("x-goog-authenticated-", RemoteUser),
        ("x-goog-iap-", RemoteUser),
        ("x-host", Forwarding),
        ("x-host-override", Rewrite),
        ("x-http-", Rewrite),
        ("x-invoke-", Framework),
        ("x-jwt-", RemoteUser),
        ("x-matched-path", Framework),
        ("x-method-override", Rewrite),
        ("x-middleware-", Framework),
        ("x-ms-client-principal", RemoteUser),
        ("x-ms-client-principal-", RemoteUser),
        ("x-ms-token-", RemoteUser),
        ("x-next-resume-state-length", Framework),
        ("x-nextjs-", Framework),
        ("x-nf-client-connection-ip", Forwarding),
        ("x-now-route-matches", Framework),
        ("x-original-", Rewrite),
        ("x-originating-ip", Forwarding),
        ("x-pomerium-", RemoteUser),
        ("x-proxy-user", RemoteUser),
        ("x-proxyuser-ip", Forwarding),
        ("x-real-host", Forwarding),
        ("x-real-ip", Forwarding),
        ("x-real-port", Forwarding),
        ("x-real-proto", Forwarding),
        ("x-remote-", RemoteUser),
        ("x-rewrite-url", Rewrite),
        ("x-scheme", Forwarding),
        ("x-sendfile-type", Rewrite),
        (identity_headers::PREFIX, Identity),
        ("x-sidgate-", Identity),
        ("x-ssl-", RemoteUser),
        ("x-sucuri-clientip", Forwarding),
        ("x-tls-client-", RemoteUser),
        ("x-url-scheme", Forwarding),
        ("x-user", RemoteUser),
        ("x-userinfo", RemoteUser),
        ("x-vercel-", Forwarding),
        ("x-vouch-", RemoteUser),
        ("x-webauth-", RemoteUser),
    ]
};

const CGI_STEP: &str = "http-";

/// A filter of the first two bytes of every reserved name: a row for the first byte, a bit for the second. Only the low
/// five bits count, so it has false positives.
const BEGINNINGS: [u32; 32] = {
    let mut rows = [0; 32];
    let mut names = NAMES;
    note_beginning(&mut rows, CGI_STEP);
    while let [(name, _), others @ ..] = names {
        note_beginning(&mut rows, name);
        names = others;
    }
    rows
};

#[expect(
    clippy::indexing_slicing,
    reason = "there are as many rows as numbers of five bits"
)]
const fn note_beginning(rows: &mut [u32; 32], name: &str) {
    if let [first, second, ..] = name.as_bytes() {
        rows[(*first & 31) as usize] |= 1 << (*second & 31);
    }
}

/// Whether `name` may be reserved. Nearly all names that browsers send are ruled out here.
fn begins_like_one(name: &str) -> bool {
    let [first, second, ..] = name.as_bytes() else {
        return false;
    };
    let row = BEGINNINGS.get(usize::from(fold(*first) & 31));
    row.is_some_and(|row| row & 1 << (fold(*second) & 31) != 0)
}

/// What `name` pretends, if it is reserved in this or any foldable spelling.
///
/// `Http-` in front changes nothing, however often: it is a step of CGI naming (`HTTP_X_SESSION_ID`)
/// read as a header again.
#[must_use]
pub fn reserved(name: &str) -> Option<Reserved> {
    if !begins_like_one(name) {
        return None;
    }
    let folded = folded(name);
    let mut name = &*folded;
    while let Some(inner) = name.strip_prefix(CGI_STEP) {
        name = inner;
    }
    if HARMLESS.contains(&name) {
        return None;
    }
    find(name)
}

/// What `name` pretends, if it is reserved. It is compared as it stands here: see [`folded`].
///
/// Looks at the last entry that is not behind the name in the order of [`NAMES`]. That is the name
/// itself if it is there, and otherwise the beginning that covers it if there is one: whatever sorts
/// between a beginning and the names below it begins with it too.
fn find(name: &str) -> Option<Reserved> {
    let behind = NAMES.partition_point(|&(entry, _)| entry <= name);
    let &(entry, kind) = NAMES.get(behind.checked_sub(1)?)?;
    let rest = name.strip_prefix(entry)?;
    (rest.is_empty() || entry.ends_with('-')).then_some(kind)
}

/// The spelling that names are compared in: lower case, and `-` for every byte that is neither letter
/// nor digit.
fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| fold(byte) == byte) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.bytes().map(fold).map(char::from).collect())
}

const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests;
