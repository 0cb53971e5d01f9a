//! A pause between two rounds of a task, whose length a reload may change while it lasts.

use std::time::Duration;

use crate::config::Config;
use crate::state::Gateway;

/// How often it is looked whether the pause is another one now.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Returns when the pause that the configuration in use asks for is over. `None`: there is no task any more.
pub(super) async fn pause(
    gateway: &Gateway,
    length: impl Fn(&Config) -> Option<Duration>,
) -> Option<()> {
    let mut waited = Duration::ZERO;
    loop {
        let left = length(&gateway.settings.get().config)?.saturating_sub(waited);
        if left.is_zero() {
            return Some(());
        }
        let step = left.min(LOOK_EVERY);
        tokio::time::sleep(step).await;
        waited += step;
    }
}
