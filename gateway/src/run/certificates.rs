//! The certificate of the TLS listeners, and how a renewed one takes its place.
//!
//! The files are looked at once in a while and at each reload, by content: whoever renews a certificate may write the files,
//! rename others over them, or let a symbolic link point elsewhere. A new pair is taken as a whole, for connections that begin
//! from then on. What is no pair, or still being written, changes nothing and is told.

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
use crate::config::{BadCertificate, Certificate, CertificateFacts, CertificateFiles, Config};
use crate::state::Gateway;
use crate::telemetry::labels::CertificateRenewal;
use crate::views::session::rfc3339;

/// How long files must have stayed the same: whoever writes one of them is about to write the other.
const SETTLED: Duration = Duration::from_millis(100);

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Certificates {
    in_use: ArcSwap<Certificate>,
    /// What was told last about files that are not good. Held while they are looked at: one look at a time.
    told: Mutex<Option<String>>,
}

impl Certificates {
    /// Reads the certificate of the start.
    ///
    /// # Errors
    /// Why its files cannot be used.
    pub(super) fn open(
        files: &CertificateFiles,
        gateway: &Gateway,
    ) -> Result<Arc<Self>, BadCertificate> {
        let certificate = files.read()?;
        tell_of(&certificate.facts, gateway, "certificate in use");
        gateway.metrics.certificate_is_kept();
        Ok(Arc::new(Self {
            in_use: ArcSwap::from_pointee(certificate),
            told: Mutex::default(),
        }))
    }

    /// Looks at the files for as long as the gateway runs.
    pub(super) async fn keep(self: Arc<Self>, gateway: Arc<Gateway>) {
        let every = |config: &Config| config.server.tls.as_ref().map(|tls| tls.check_every);
        while pause(&gateway, every).await.is_some() {
            self.look(&gateway).await;
        }
    }

    /// Takes a renewed certificate over. Otherwise the warning: why its files are not good.
    pub(super) async fn look(&self, gateway: &Gateway) -> Option<String> {
        let mut told = self.told.lock().await;
        let settings = gateway.settings.get();
        let files = &settings.config.server.tls.as_ref()?.certificate;
        let read = read(files).await;
        let read = match read {
            Ok(found) if found.is_same(&self.in_use.load()) => {
                *told = None;
                return None;
            }
            _ => settled(files, read).await,
        };
        match read {
            Ok(renewed) => {
                tell_of(&renewed.facts, gateway, "certificate renewed");
                gateway
                    .metrics
                    .certificate_renewal(CertificateRenewal::Taken);
                self.in_use.store(Arc::new(renewed));
                *told = None;
                None
            }
            Err(bad) => {
                let warning = format!("server.tls: {bad}");
                if told.as_ref() != Some(&warning) {
                    warn!(cause = %bad, "certificate not renewed: the one in use stays");
                    gateway
                        .metrics
                        .certificate_renewal(CertificateRenewal::Refused);
                    *told = Some(warning.clone());
                }
                Some(warning)
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.in_use.load().certified))
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
    gateway.metrics.certificate_ends(facts.not_after);
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
