//! Times one operation of the store on PostgreSQL, again and again, without a gateway around it.
//!
//! `operations URL OPERATION WARM` reads what to work on from standard input, `KEY USER TENANT` on a line and then an empty line, and
//! uses the first WARM lines to open a connection and prepare the statements. Then it prints an empty line and waits for one:
//! whoever measures the server can look at it now. Then it works through the other lines, prints the nanoseconds that each call
//! took, ends with an empty line, and waits for the end of standard input with its connections open.

use std::io::{BufRead, Write};
use std::num::NonZeroU32;
use std::time::Duration;

use session_core::clock::{Clock, SystemClock};
use session_core::entropy::{self, SystemEntropy};
use session_core::secret::SecretString;
use session_core::session::{
    Group, Identity, NewSession, Origin, OverLimit, References, RevokeReason, Seq, SessionLimit,
    SiteName, Text,
};
use session_core::sid::SessionKey;
use session_core::store::postgres::{PostgresOptions, PostgresStore};
use session_core::store::{Scope, SessionStore, StoreError, Touch};
use sidgate_benches::{Fault, somebody};
use uuid::Uuid;

/// Sessions in one write of last uses.
const TOUCHED: usize = 100;
/// Rows of each kind in one round of housekeeping, as the gateway asks for them.
const SWEPT: usize = 500;
/// Sessions on a page of a device list, and the one that tells whether there is another page.
const LISTED: usize = 101;
/// Sessions that a user may have where there is a limit.
const ALLOWED: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// A session to work on.
struct Target {
    key: SessionKey,
    user: Text,
    tenant: Text,
}

struct Bench {
    store: PostgresStore,
    operation: String,
    node: Uuid,
    /// Number and id of the newest event, as a node that has applied everything knows them.
    newest: (Seq, Option<Uuid>),
}

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, operation, warm] = args.as_slice() else {
        return Err("usage: operations URL OPERATION WARM".into());
    };
    let targets = read_targets()?;
    let (warm, timed) = targets.split_at_checked(warm.parse()?).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work(url, operation, warm, timed))
}

async fn work(url: &str, operation: &str, warm: &[Target], timed: &[Target]) -> Result<(), Fault> {
    let options = PostgresOptions {
        // What takes long is to be measured, not given up.
        read_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(600),
        pulse_timeout: Duration::from_secs(10),
        ..PostgresOptions::default()
    };
    let store = PostgresStore::new(&SecretString::new(url.to_owned()), options)?;
    let history = store.history(1).await?;
    let bench = Bench {
        operation: operation.to_owned(),
        node: Uuid::from_bytes(entropy::bytes(&SystemEntropy)?),
        newest: (
            history.head,
            history.events.first().map(|newest| newest.eid),
        ),
        store,
    };
    let (mut out, mut line) = (std::io::stdout(), String::new());
    let at_once = if operation == "touch" { TOUCHED } else { 1 };
    for targets in warm.chunks(at_once) {
        bench.call(targets).await?;
    }
    writeln!(out)?;
    out.flush()?;
    std::io::stdin().read_line(&mut line)?;
    let mut nanos = Vec::with_capacity(timed.len());
    for targets in timed.chunks(at_once) {
        let began = SystemClock.boot();
        bench.call(targets).await?;
        nanos.push(SystemClock.boot().since(began).as_nanos());
    }
    for one in nanos {
        writeln!(out, "{one}")?;
    }
    writeln!(out)?;
    out.flush()?;
    std::io::stdin().read_line(&mut line)?;
    Ok(())
}

impl Bench {
    async fn call(&self, targets: &[Target]) -> Result<(), Fault> {
        let target = targets.first().ok_or("there is no target")?;
        let Target { key, user, .. } = target;
        match self.operation.as_str() {
            "fill" => {
                let read = self.store.load(key).await?;
                let row = read.row.ok_or("there is no such row")?;
                row.verdict(read.now)
                    .map_err(|dead| format!("the session is dead: {dead:?}"))?;
            }
            "login" => self.log_in(target, None).await?,
            "login-with-limit" => self.log_in(target, Some(ALLOWED)).await?,
            "revoke-one" => self.revoke(Scope::Key(*key), 1).await?,
            "revoke-user" => self.revoke(Scope::User(user.clone()), 1).await?,
            "revoke-others" => {
                let scope = Scope::Others {
                    user_id: user.clone(),
                    keep: *key,
                    group: None,
                };
                self.revoke(scope, 0).await?;
            }
            "devices" => {
                let listed = self
                    .store
                    .list_by_user(user, &Group::default(), None, LISTED)
                    .await?;
                listed.first().ok_or("there is no device")?;
            }
            "heartbeat" => {
                let (seq, eid) = self.newest;
                let pulse = self.store.report_and_pulse(self.node, seq, eid).await?;
                pulse.anchor.ok_or("the newest event is another one")?;
            }
            "touch" => self.touch(targets).await?,
            "housekeep" => {
                let done = self.store.housekeep(SWEPT).await?;
                if done.taken {
                    return Err("somebody else keeps house".into());
                }
            }
            "housekeep-to-the-end" => while self.store.housekeep(SWEPT).await?.more {},
            "count" => drop(self.store.count_live().await?),
            _ => return Err("no such operation".into()),
        }
        Ok(())
    }

    /// As the login endpoint: the head first, then the row.
    async fn log_in(&self, target: &Target, max: Option<NonZeroU32>) -> Result<(), Fault> {
        let mut identity = somebody(target.user.parse()?);
        if let Some(tenant) = identity.pointer_mut("/tenant_id") {
            *tenant = (*target.tenant).into();
        }
        let new = NewSession {
            group: Group::default(),
            site: SiteName::default(),
            key: SessionKey::from_bytes(entropy::bytes(&SystemEntropy)?),
            id: entropy::handle(SystemClock.wall(), &SystemEntropy)?,
            identity: Identity::from_value(identity)?.0,
            ip: Some([192, 0, 2, 7].into()),
            user_agent: AGENT.into(),
            ttl: Duration::from_secs(30 * 86_400),
            idle: Duration::from_secs(7 * 86_400),
            references: References::default(),
            sampled: self.store.head().await?,
            origin: Origin::Login { replaces: None },
            limit: max.map(|max| SessionLimit {
                max,
                over: OverLimit::EvictOldest,
            }),
        };
        self.store.insert(&new).await?;
        Ok(())
    }

    async fn revoke(&self, scope: Scope, at_least: u64) -> Result<(), Fault> {
        let ended = self.store.revoke(&scope, RevokeReason::Logout).await?;
        if ended.sessions < at_least {
            return Err("nothing was ended".into());
        }
        Ok(())
    }

    /// One write for the uses of many sessions.
    async fn touch(&self, targets: &[Target]) -> Result<(), StoreError> {
        let uses = targets.iter().map(|target| Touch {
            key: target.key,
            age: Duration::ZERO,
        });
        let uses: Vec<Touch> = uses.collect();
        self.store.touch(&uses).await.map(drop)
    }
}

fn read_targets() -> Result<Vec<Target>, Fault> {
    let mut targets = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let [key, user, tenant] = words.as_slice() else {
            return Err("a line is not KEY USER TENANT".into());
        };
        targets.push(Target {
            key: read_key(key)?,
            user: (*user).into(),
            tenant: (*tenant).into(),
        });
    }
    Ok(targets)
}

fn read_key(hex: &str) -> Result<SessionKey, Fault> {
    let mut bytes = [0_u8; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        let digits = hex.get(at..at + 2).ok_or("a key is too short")?;
        *byte = u8::from_str_radix(digits, 16)?;
    }
    Ok(SessionKey::from_bytes(bytes))
}
