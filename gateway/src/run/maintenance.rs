//! Looks whether the file is there that takes the apps out of service, and tells when that begins and ends.

use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::pause::pause;
use crate::config::Config;
use crate::state::Gateway;

/// Looks again and again.
pub(super) async fn keep(gateway: Arc<Gateway>) {
    let every = |config: &Config| Some(config.maintenance.check_every);
    let (mut told, mut is_unknown) = (false, false);
    loop {
        let settings = gateway.settings.get();
        let looked = spawn_blocking(move || {
            let looked = settings.maintenance.look(&settings.config.maintenance);
            (looked, settings.maintenance.is_on())
        });
        let Ok((looked, is_on)) = looked.await else {
            return;
        };
        match &looked {
            Err(cause) if !is_unknown => {
                warn!(%cause, "maintenance.file cannot be looked for: nothing changes");
            }
            _ => {}
        }
        is_unknown = looked.is_err();
        if is_on != told {
            let begins_or_ends = if is_on { "begins" } else { "ends" };
            info!("maintenance {begins_or_ends}");
            gateway.metrics.maintenance(is_on);
            told = is_on;
        }
        if pause(&gateway, every).await.is_none() {
            return;
        }
    }
}
