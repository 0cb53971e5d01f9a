//! What a store does in a second: one operation after the other, each by so many callers at once for so long.
//!
//! `store URL CALLERS SECONDS`, where URL is `sqlite:FILE` or `postgres://...` of an empty database. Prints a JSON object for
//! each operation: how often it was done, per second, and how long it took (microseconds).

use std::io::Write;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::clock::{Boot, Clock, SystemClock, Timestamp};
use session_core::entropy::{self, SystemEntropy};
use session_core::keys::legacy::{LegacyKey, LegacyRow};
use session_core::secret::SecretString;
use session_core::session::{
    Group, Identity, NewSession, Origin, OverLimit, References, RevokeReason, SessionLimit,
    SiteName,
};
use session_core::sid::SessionKey;
use session_core::store::postgres::{PostgresOptions, PostgresStore};
use session_core::store::sqlite::{SqliteOptions, SqliteStore};
use session_core::store::{Adoption, ProvenRow, Renewal, Scope, SessionStore};
use sidgate_benches::{Fault, somebody};
use tokio::task::JoinSet;

/// Users that the sessions belong to.
const USERS: usize = 10_000;

#[derive(Clone, Copy)]
enum Operation {
    Login,
    LoginWithin,
    Migration,
    LookUp,
    Renewal,
    Logout,
    User,
}

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, callers, seconds] = args.as_slice() else {
        return Err("usage: store URL CALLERS SECONDS".into());
    };
    let (callers, seconds) = (callers.parse()?, Duration::from_secs_f64(seconds.parse()?));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run(url, callers, seconds))
}

async fn run(url: &str, callers: usize, seconds: Duration) -> Result<(), Fault> {
    use Operation::{Login, LoginWithin, Logout, LookUp, Migration, Renewal, User};
    let store = open(url).await?;
    store.apply_schema().await?;
    let mut sessions = Vec::new();
    for (name, operation) in [
        ("login", Login),
        ("look-up", LookUp),
        ("another sid", Renewal),
        ("logout", Logout),
        ("login within a limit", LoginWithin),
        ("migration", Migration),
        ("all of a user", User),
    ] {
        let began = SystemClock.boot();
        let mut lanes = JoinSet::new();
        let share = sessions.len() / callers;
        for lane in 0..callers {
            let keys = sessions.get(lane * share..(lane + 1) * share);
            let keys: Vec<SessionKey> = keys.unwrap_or_default().to_vec();
            let until = began.plus(seconds);
            lanes.spawn(lane_of(Arc::clone(&store), operation, keys, until));
        }
        let (mut left, mut took) = (Vec::new(), Vec::new());
        while let Some(done) = lanes.join_next().await {
            let (keys, times) = done??;
            left.extend(keys);
            took.extend(times);
        }
        let elapsed = SystemClock.boot().since(began);
        sessions = left;
        report(name, callers, elapsed, took)?;
    }
    Ok(())
}

/// With limits that no measurement reaches.
async fn open(url: &str) -> Result<Arc<dyn SessionStore>, Fault> {
    const LONG: Duration = Duration::from_secs(60);
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = SqliteOptions {
            read_timeout: LONG,
            write_timeout: LONG,
            pulse_timeout: LONG,
        };
        let store = SqliteStore::open_with(Path::new(path), Arc::new(SystemClock), options);
        return Ok(Arc::new(store.await?));
    }
    let options = PostgresOptions {
        acquire_timeout: LONG,
        connect_timeout: LONG,
        read_timeout: LONG,
        write_timeout: LONG,
        ..PostgresOptions::default()
    };
    let url = SecretString::new(url.to_owned());
    Ok(Arc::new(PostgresStore::new(&url, options)?))
}

/// One caller: the sessions that it leaves, and how long each call took.
async fn lane_of(
    store: Arc<dyn SessionStore>,
    operation: Operation,
    mut keys: Vec<SessionKey>,
    until: Boot,
) -> Result<(Vec<SessionKey>, Vec<Duration>), Fault> {
    let (mut made, mut took) = (Vec::new(), Vec::new());
    for turn in 0.. {
        let began = SystemClock.boot();
        if began >= until {
            break;
        }
        match operation {
            Operation::Login => made.push(store.insert(&login()?).await?.key),
            Operation::LoginWithin => {
                let limit = Some(SessionLimit {
                    max: NonZeroU32::MIN.saturating_add(4),
                    over: OverLimit::EvictOldest,
                });
                let new = NewSession { limit, ..login()? };
                made.push(store.insert(&new).await?.key);
            }
            Operation::Migration => {
                store.adopt(&adoption()?).await?;
            }
            Operation::LookUp => {
                let Some(key) = keys.get(turn % keys.len().max(1)) else {
                    break;
                };
                store.load(key).await?;
            }
            Operation::Renewal => {
                let Some(of) = keys.pop() else { break };
                let renewal = Renewal {
                    group: Group::default(),
                    of,
                    to: key()?,
                    grace: Duration::from_secs(10),
                };
                let renewed = store.renew(&renewal).await?;
                made.extend(renewed.map(|session| session.key));
            }
            Operation::Logout => {
                let Some(key) = keys.pop() else { break };
                let scope = Scope::Key(key);
                store.revoke(&scope, RevokeReason::Logout).await?;
            }
            Operation::User => {
                let user = somebody_else()?.to_string();
                let scope = Scope::User(user.into());
                store.revoke(&scope, RevokeReason::Admin).await?;
            }
        }
        took.push(SystemClock.boot().since(began));
    }
    made.append(&mut keys);
    Ok((made, took))
}

fn key() -> Result<SessionKey, Fault> {
    Ok(SessionKey::from_bytes(entropy::bytes(&SystemEntropy)?))
}

fn somebody_else() -> Result<usize, Fault> {
    Ok(usize::from_be_bytes(entropy::bytes(&SystemEntropy)?) % USERS)
}

fn login() -> Result<NewSession, Fault> {
    Ok(NewSession {
        group: Group::default(),
        site: SiteName::default(),
        key: key()?,
        id: entropy::handle(SystemClock.wall(), &SystemEntropy)?,
        identity: Identity::from_value(somebody(somebody_else()?))?.0,
        ip: Some([192, 0, 2, 7].into()),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0".into(),
        ttl: Duration::from_secs(86_400),
        idle: Duration::from_secs(43_200),
        references: References::default(),
        sampled: 0,
        origin: Origin::Login { replaces: None },
        limit: None,
    })
}

/// An old login with two cookies.
fn adoption() -> Result<Adoption, Fault> {
    let proved = Timestamp::default();
    let mut rows = Vec::new();
    for _ in 0..2 {
        let key = LegacyKey::from_bytes(entropy::bytes(&SystemEntropy)?);
        let wrapped_sid = entropy::bytes(&SystemEntropy)?;
        let row = LegacyRow { key, wrapped_sid };
        rows.push(ProvenRow { row, proved });
    }
    rows.sort_by_key(|proven| proven.row.key);
    let session = NewSession {
        origin: Origin::Adoption { proved },
        ..login()?
    };
    Ok(Adoption {
        erased: Vec::new(),
        session,
        rows,
        kept: None,
    })
}

fn report(
    name: &str,
    callers: usize,
    elapsed: Duration,
    mut took: Vec<Duration>,
) -> Result<(), Fault> {
    took.sort_unstable();
    let at = |percent: usize| {
        let place = took.get(took.len() * percent / 100);
        place.map_or(0, Duration::as_micros)
    };
    let result = json!({
        "what": name,
        "callers": callers,
        "done": took.len(),
        "per_second": took.len() as f64 / elapsed.as_secs_f64(),
        "p50_us": at(50),
        "p99_us": at(99),
    });
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}
