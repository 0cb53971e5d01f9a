//! The certificates of the TLS listeners: which is shown to whom, and how a renewed one takes the place of another.
//!
//! The files are looked at once in a while and at each reload, by content: whoever renews a certificate may write the files,
//! rename others over them, or let a symbolic link point elsewhere. Each pair goes its own way: a new one is taken as a whole,
//! for connections that begin from then on. What is no pair, or still being written, changes nothing and is told.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use session_core::clock::Timestamp;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::pause::pause;
use super::tls::config;
use crate::config::{
    BadCertificate, Certificate, CertificateFacts, CertificateFiles, Config, TlsConfig,
};
use crate::proxy::tls::Tls;
use crate::state::Gateway;
use crate::telemetry::labels::CertificateRenewal;
use crate::views::session::rfc3339;

/// How long files must have stayed the same: whoever writes one of them is about to write the other.
const SETTLED: Duration = Duration::from_millis(100);

/// The certificates in use, in the order of the configuration. Never none.
#[derive(Debug)]
pub(super) struct Shown(ArcSwap<Vec<Arc<InUse>>>);

/// One of them.
#[derive(Debug)]
struct InUse {
    files: CertificateFiles,
    certificate: Certificate,
}

/// The certificates in use, and how the TLS listeners speak beside.
pub(super) struct Certificates {
    shown: Arc<Shown>,
    tls: Arc<Tls>,
    /// What was told last about files that are not good, and how the listeners speak. Held while the files are looked at:
    /// one look at a time.
    told: Mutex<Told>,
}

struct Told {
    warnings: Vec<String>,
    speaks: TlsConfig,
}

impl Certificates {
    /// Reads the certificates of the start.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub(super) fn open(tls: &TlsConfig, gateway: &Gateway) -> Result<Arc<Self>, String> {
        let mut in_use = Vec::new();
        for files in &tls.certificates {
            let certificate = files
                .read()
                .map_err(|bad| format!("{}: {bad}", files.table()))?;
            tell_of(&certificate.facts, gateway, "certificate in use");
            in_use.push(Arc::new(InUse {
                files: files.clone(),
                certificate,
            }));
        }
        count_ends(&in_use, gateway);
        gateway.metrics.certificate_is_kept();
        let shown = Arc::new(Shown(ArcSwap::from_pointee(in_use)));
        let config = config(tls, Arc::<Shown>::clone(&shown));
        let config = config.map_err(|why| format!("server.tls: {why}"))?;
        Ok(Arc::new(Self {
            shown,
            tls: Arc::new(Tls::new(config)),
            told: Mutex::new(Told {
                warnings: Vec::new(),
                speaks: tls.clone(),
            }),
        }))
    }

    /// How the TLS listeners speak.
    pub(super) fn tls(&self) -> &Arc<Tls> {
        &self.tls
    }

    /// Looks at the files for as long as the gateway runs.
    pub(super) async fn keep(self: Arc<Self>, gateway: Arc<Gateway>) {
        let every = |config: &Config| config.server.tls.as_ref().map(|tls| tls.check_every);
        while pause(&gateway, every).await.is_some() {
            self.look(&gateway).await;
        }
    }

    /// Takes renewed certificates over, each pair for itself, and what else the configuration says of TLS. Returns warnings:
    /// why files are not good.
    pub(super) async fn look(&self, gateway: &Gateway) -> Vec<String> {
        let mut told = self.told.lock().await;
        let settings = gateway.settings.get();
        let Some(tls) = &settings.config.server.tls else {
            return Vec::new();
        };
        let before = self.shown.0.load_full();
        let (mut now, mut warnings) = (Vec::new(), Vec::new());
        for (index, files) in tls.certificates.iter().enumerate() {
            let mut known = before.iter();
            let same = known.find(|known| known.files == *files);
            let warned = look_at(files, same, gateway).await;
            match warned {
                Ok(in_use) => now.push(in_use),
                Err(bad) => {
                    let warning = format!("{}: {bad}", files.table());
                    if !told.warnings.contains(&warning) {
                        warn!(cause = %bad, table = files.table(), "certificate not renewed: the one in use stays");
                        let refused = CertificateRenewal::Refused;
                        gateway.metrics.certificate_renewal(refused);
                    }
                    warnings.push(warning);
                    now.extend(same.or_else(|| before.get(index)).cloned());
                }
            }
        }
        if !now.is_empty() {
            count_ends(&now, gateway);
            self.shown.0.store(Arc::new(now));
        }
        told.warnings.clone_from(&warnings);
        if told.speaks.min_version != tls.min_version || told.speaks.client_ca != tls.client_ca {
            match config(tls, Arc::<Shown>::clone(&self.shown)) {
                Ok(config) => {
                    self.tls.speak(config);
                    told.speaks = tls.clone();
                }
                Err(why) => warnings.push(format!("server.tls: {why}")),
            }
        }
        warnings
    }
}

/// What is in the files now: `same`, if nothing has changed since they were read.
async fn look_at(
    files: &CertificateFiles,
    same: Option<&Arc<InUse>>,
    gateway: &Gateway,
) -> Result<Arc<InUse>, BadCertificate> {
    let found = read(files).await;
    if let (Ok(found), Some(same)) = (&found, same)
        && found.is_same(&same.certificate)
    {
        return Ok(Arc::clone(same));
    }
    let certificate = settled(files, found).await?;
    tell_of(&certificate.facts, gateway, "certificate renewed");
    gateway
        .metrics
        .certificate_renewal(CertificateRenewal::Taken);
    Ok(Arc::new(InUse {
        files: files.clone(),
        certificate,
    }))
}

fn count_ends(in_use: &[Arc<InUse>], gateway: &Gateway) {
    let ends = in_use
        .iter()
        .map(|in_use| in_use.certificate.facts.not_after);
    gateway.metrics.certificates_end(ends);
}

/// Of the certificates for the name that a client asks for, the first one that it can verify; the first of all where none is
/// for that name.
impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.load();
        let name = hello.server_name();
        let is_named =
            |in_use: &&Arc<InUse>| name.is_some_and(|name| in_use.certificate.is_for(name));
        let is_understood = |in_use: &&Arc<InUse>| {
            let key = &in_use.certificate.certified.key;
            key.choose_scheme(hello.signature_schemes()).is_some()
        };
        let named = || shown.iter().filter(is_named);
        let found = named().find(is_understood);
        let found = found.or_else(|| named().next()).or_else(|| shown.first())?;
        Some(Arc::clone(&found.certificate.certified))
    }
}

/// Reads once more, a little later: what was `found` counts only if nobody is still writing.
async fn settled(
    files: &CertificateFiles,
    found: Result<Certificate, BadCertificate>,
) -> Result<Certificate, BadCertificate> {
    tokio::time::sleep(SETTLED).await;
    match (found, read(files).await) {
        (Ok(first), Ok(second)) if !first.is_same(&second) => Err(BadCertificate::Pair(
            "the files are still being written".to_owned(),
        )),
        (_, second) => second,
    }
}

/// On a thread that may wait for a disk.
async fn read(files: &CertificateFiles) -> Result<Certificate, BadCertificate> {
    let files = files.clone();
    spawn_blocking(move || files.read())
        .await
        .unwrap_or_else(|died| Err(BadCertificate::Cert(died.to_string())))
}

fn tell_of(facts: &CertificateFacts, gateway: &Gateway, what: &str) {
    let now = gateway.now();
    let date = |seconds: i64| rfc3339(Timestamp::from_micros(seconds.saturating_mul(1_000_000)));
    let (names, serial, fingerprint) = (&facts.names, &facts.serial, &facts.fingerprint);
    let ends = date(facts.not_after).unwrap_or_default();
    if facts.not_before <= now && now < facts.not_after {
        info!(names, serial, fingerprint, ends, "{what}");
    } else {
        let begins = date(facts.not_before).unwrap_or_default();
        warn!(
            names,
            serial, fingerprint, begins, ends, "{what}, and it is not valid now"
        );
    }
}
