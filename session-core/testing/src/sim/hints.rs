//! Hints from a [`SimStore`](super::SimStore): lost, late, doubled, vague, and made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Roll, SimLink, SimStore};
use session_core::hint::{Hint, HintError, HintResult, HintStream};
use session_core::session::Seq;
use session_core::sid::SessionKey;
use session_core::store::{Event, Subject};

/// One node's channel. Ends when the way to the store breaks.
pub(super) struct SimHints {
    link: Arc<SimLink>,
    store: Arc<SimStore>,
    heads: watch::Receiver<Seq>,
    seen: Seq,
    roll: Roll,
    /// What is on its way, by when it arrives. Here, because a call of `next` may be given up at any time.
    coming: BTreeMap<(Instant, u64), Hint>,
    sent: u64,
}

impl SimHints {
    pub(super) fn new(link: Arc<SimLink>, store: Arc<SimStore>, roll: Roll) -> Self {
        let heads = store.heads();
        let seen = *heads.borrow();
        Self {
            link,
            store,
            heads,
            seen,
            roll,
            coming: BTreeMap::new(),
            sent: 0,
        }
    }

    fn send(&mut self, hint: Hint) {
        let late = if self.roll.chance(85) { 40 } else { 4_000 };
        let at = Instant::now() + self.roll.millis(late);
        self.sent += 1;
        self.coming.insert((at, self.sent), hint);
    }

    /// Takes note of what was committed since the last time.
    fn collect(&mut self) {
        let head = *self.heads.borrow_and_update();
        let events = self.store.events_after(self.seen.min(head));
        self.seen = head;
        for event in events {
            if self.roll.chance(10) {
                self.send(Hint::Session(SessionKey::from_bytes([9; 32])));
            }
            if self.roll.chance(25) {
                continue;
            }
            let hint = hint(&event, self.roll.chance(20));
            self.send(hint);
            if self.roll.chance(10) {
                self.send(hint);
            }
        }
    }
}

fn hint(event: &Event, vague: bool) -> Hint {
    match event.subject {
        Subject::Session(key) if !vague => Hint::Session(key),
        _ => Hint::Something,
    }
}

#[async_trait]
impl HintStream for SimHints {
    async fn next(&mut self) -> HintResult<Hint> {
        loop {
            self.collect();
            if self.link.is_broken() {
                return Err(HintError::broken("the channel broke"));
            }
            let first = self.coming.first_key_value().map(|((at, _), _)| *at);
            if first.is_some_and(|at| at <= Instant::now()) {
                self.link.dodge_the_beat().await;
                if let Some((_, hint)) = self.coming.pop_first() {
                    return Ok(hint);
                }
            }
            let arrival = first.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                biased;
                changed = self.heads.changed() => {
                    changed.map_err(|_gone| HintError::broken("the store is gone"))?;
                }
                () = sleep_until(arrival) => {}
            }
        }
    }
}
