//! A store that fails when it is told to.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use session_core::store::prelude::*;
use session_core::{
    each_inspect_method, each_legacy_method, each_login_method, each_person_method,
    each_session_method, each_sighting_method,
};

/// A store in front of another one, with [`Faults`] in between.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn SessionStore>,
    faults: Arc<Faults>,
}

impl FaultStore {
    /// Puts faults, none at first, in front of `inner`. The switches work while the store is in use.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>) -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::<Faults>::default();
        let store = Self {
            inner,
            faults: Arc::clone(&faults),
        };
        (Arc::new(store), faults)
    }
}

/// A method of the store, by its name: `Call::load`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call(&'static str);

/// Passes every call on, unless the faults say otherwise.
macro_rules! pass_on {
    ($trait:ident $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $trait for FaultStore {
            $(
                async fn $method(&self $(, $argument: $type)*) -> $answer {
                    let inner = self.inner.$method($($argument),*);
                    self.faults.pass(Call::$method, inner).await
                }
            )*
        }

        #[expect(
            missing_docs,
            reason = "each is named like the method that it stands for"
        )]
        impl Call {
            $(pub const $method: Self = Self(stringify!($method));)*
        }
    };
}

each_session_method!(pass_on);
each_inspect_method!(pass_on);
each_legacy_method!(pass_on);
each_login_method!(pass_on);
each_person_method!(pass_on);
each_sighting_method!(pass_on);

/// The switches of a [`FaultStore`].
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
    counts: Mutex<BTreeMap<Call, u64>>,
    /// Loads wait here, after they have read and before they answer, while it is `true`.
    gate: watch::Sender<bool>,
    /// One permit for each load that has come to the closed gate.
    arrived: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    down: Vec<Call>,
    all_down: bool,
    lost: Vec<Call>,
    delay: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            counts: Mutex::default(),
            gate: watch::Sender::new(false),
            arrived: Semaphore::new(0),
        }
    }
}

impl Faults {
    /// From now on every call is refused with [`StoreError::Unavailable`].
    pub fn down(&self) {
        self.state.lock().all_down = true;
    }

    /// From now on this call is refused.
    pub fn down_only(&self, call: Call) {
        self.state.lock().down.push(call);
    }

    /// From now on this call takes effect, but its answer is lost: the caller sees [`StoreError::Timeout`].
    pub fn lose_answers(&self, call: Call) {
        self.state.lock().lost.push(call);
    }

    /// From now on every call waits before it begins.
    pub fn slow(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// All is well again. Loads that are being held stay so.
    pub fn up(&self) {
        *self.state.lock() = State::default();
    }

    /// How often a method was called, refused calls included.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.counts.lock().get(&call).copied().unwrap_or_default()
    }

    /// From now on loads are held between reading and answering, until the [`Hold`] is dropped.
    #[must_use]
    pub fn hold_loads(self: &Arc<Self>) -> Hold {
        self.gate.send_replace(true);
        Hold(Arc::clone(self))
    }

    async fn pass<T, E: From<StoreError>>(
        &self,
        call: Call,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        *self.counts.lock().entry(call).or_default() += 1;
        let delay = self.state.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (down, lost) = {
            let state = self.state.lock();
            (
                state.all_down || state.down.contains(&call),
                state.lost.contains(&call),
            )
        };
        if down {
            return Err(StoreError::unavailable("switched off by the test").into());
        }
        let answer = inner.await;
        if call == Call::load {
            self.stand_at_the_gate().await;
        }
        if lost {
            return Err(StoreError::timeout(Duration::ZERO).into());
        }
        answer
    }

    async fn stand_at_the_gate(&self) {
        let mut gate = self.gate.subscribe();
        if *gate.borrow() {
            self.arrived.add_permits(1);
        }
        // An error means that the gate is gone, and then no load is held.
        let _ = gate.wait_for(|closed| !closed).await;
    }
}

/// Loads are held while this lives.
#[derive(Debug)]
pub struct Hold(Arc<Faults>);

impl Hold {
    /// Waits until a load has read and is being held. Each call waits for one more.
    pub async fn until_one_has_read(&self) {
        if let Ok(arrival) = self.0.arrived.acquire().await {
            arrival.forget();
        }
    }

    /// Lets them go.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.gate.send_replace(false);
    }
}
