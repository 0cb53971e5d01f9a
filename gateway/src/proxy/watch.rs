//! What is watched of a request from outside of it: is its header coming too slowly, has its session ended meanwhile?
//!
//! Pingora's hooks run only when something happens. A client that sends its header byte by byte, or a WebSocket that says
//! nothing for an hour, calls none of them. So each request tells its [`Watch`] how far it is, and its supervisor (see
//! `watched`) is called when it is time to look at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::cache::Entry;
use session_core::clock::Boot;
use session_core::sid::SessionKey;

use super::progress::Progress;
use crate::limits::rounds::{Bell, Bound, Member};
use crate::state::Addressed;

/// How often a request in progress is looked at. A stream is not, unless its session may have ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// What the requests of one HTTP/1 connection tell, one after the other, or that of one HTTP/2 stream.
#[derive(Debug)]
pub(crate) struct Watch {
    bell: Member,
    request: Mutex<Request>,
    cut: AtomicBool,
    /// Whether the request was ended because the app did not answer.
    is_unanswered: AtomicBool,
}

#[derive(Debug, Default)]
struct Request {
    /// How it counts, once its header is read.
    progress: Option<Arc<Progress>>,
    /// Where it was sent to, once it is bound to a session.
    at: Addressed,
    /// When the client was last seen to send of the body that is waited for.
    body: Option<Boot>,
    /// By when the app has to answer a WebSocket handshake.
    answer_due: Option<Boot>,
}

/// What comes too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slow {
    /// The header, from the client.
    Header,
    /// The body, from the client.
    Body,
    /// The answer to a WebSocket handshake, from the app.
    Answer,
}

impl Watch {
    /// A watch that is called by `bell`.
    pub(super) fn new(bell: Member) -> Arc<Self> {
        Arc::new(Self {
            bell,
            request: Mutex::default(),
            cut: AtomicBool::new(false),
            is_unanswered: AtomicBool::new(false),
        })
    }

    /// Does `work` under this watch.
    pub(super) async fn over<T>(self: Arc<Self>, work: impl Future<Output = T> + Send) -> T {
        WATCH.scope(self, work).await
    }

    /// The watch that the current task is under.
    pub(super) fn current() -> Option<Arc<Self>> {
        WATCH.try_with(Arc::clone).ok()
    }

    /// The watch of the request that the current task serves, told that its header is complete and how it counts.
    pub(super) fn header_is_read(progress: &Arc<Progress>) -> Option<Arc<Self>> {
        let watch = Self::current()?;
        watch.request.lock().progress = Some(Arc::clone(progress));
        // The next round looks at it, if it lives to see it.
        watch.bell.wait_until(Boot::default());
        Some(watch)
    }

    /// Where the request was sent to, once it is bound to a session.
    pub(super) fn at(&self) -> Addressed {
        self.request.lock().at.clone()
    }

    /// A request begins, whose header has to be read by then.
    pub(super) fn begins(&self, header_due: Boot) {
        self.forget();
        self.bell.wait_until(header_due);
    }

    /// The request is over, and the next one begins by then.
    pub(super) fn rests(&self, until: Boot) -> &Bell {
        self.forget();
        self.bell.wait_until(until);
        &self.bell
    }

    fn forget(&self) {
        *self.request.lock() = Request::default();
        self.bell.bind(None);
        self.cut.store(false, Ordering::Relaxed);
        self.is_unanswered.store(false, Ordering::Relaxed);
    }

    /// From now on the request ends with this session.
    pub(super) fn ends_with(&self, session: &Arc<Entry>, at: &Addressed) {
        self.bell.bind(Some(Bound {
            key: session.session().key,
            known: Some(Arc::clone(session)),
        }));
        self.request.lock().at.clone_from(at);
    }

    /// From now on the request ends with the session of this key. `None`: with none. An answer that itself ends or
    /// exchanges the session must still reach the browser.
    pub(super) fn moves_to(&self, key: Option<SessionKey>, at: &Addressed) {
        self.bell.bind(key.map(|key| Bound { key, known: None }));
        self.request.lock().at.clone_from(at);
    }

    /// From now on the client has to go on sending its body. For HTTP/2, where Pingora has no limit of its own.
    pub(super) fn awaits_body(&self, now: Boot) {
        self.request.lock().body = Some(now);
    }

    /// The client has sent more of it.
    pub(super) fn body_moves(&self, now: Boot) {
        if let Some(last) = self.request.lock().body.as_mut() {
            *last = now;
        }
    }

    /// The body is complete.
    pub(super) fn body_is_over(&self) {
        self.request.lock().body = None;
    }

    /// From now on the app has to answer a WebSocket handshake by then.
    pub(super) fn awaits_head(&self, due: Boot) {
        self.request.lock().answer_due = Some(due);
    }

    /// The answer has begun: nothing more is waited for.
    pub(super) fn answer_begins(&self) {
        let mut request = self.request.lock();
        request.body = None;
        request.answer_due = None;
    }

    /// Whether the request was ended because the app did not answer.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_unanswered.load(Ordering::Relaxed)
    }

    /// Whether the request was ended because its session had.
    pub(super) fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// What rings when it is time to look at the request.
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Looks at the request: what comes too slowly? Also when the next look is due is decided here. A body may
    /// stand still for `body_limit`.
    pub(super) fn look(&self, now: Boot, body_limit: Duration) -> Option<Slow> {
        let request = self.request.lock();
        let Some(progress) = &request.progress else {
            return self.bell.is_due(now).then_some(Slow::Header);
        };
        if request
            .body
            .is_some_and(|last| now.since(last) > body_limit)
        {
            return Some(Slow::Body);
        }
        if request.answer_due.is_some_and(|due| now >= due) {
            self.is_unanswered.store(true, Ordering::Relaxed);
            return Some(Slow::Answer);
        }
        if progress.look() || request.body.is_some() {
            self.bell.wait_until(now.plus(LOOK_EVERY));
        } else {
            self.bell.wait_for_ever();
        }
        None
    }

    /// True when the request is still bound to the session, which has ended: then it is to be cut.
    pub(super) fn cuts(&self, key: &SessionKey) -> bool {
        let cut = self.bell.bound().is_some_and(|bound| bound.key == *key);
        self.cut.store(cut, Ordering::Relaxed);
        cut
    }
}
