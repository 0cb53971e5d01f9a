//! Hints: as soon as a commit, never without one, and never so many that they matter.

use std::net::SocketAddr;

use session_core::hint::{Hint, HintError, HintStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const AT_ONCE: Duration = Duration::from_secs(1);
const A_WHILE: Duration = Duration::from_millis(200);

async fn listen(store: &PostgresStore) -> Box<dyn HintStream> {
    store.listen().await.unwrap().unwrap()
}

async fn hint(hints: &mut Box<dyn HintStream>) -> Hint {
    timeout(AT_ONCE, hints.next())
        .await
        .expect("a hint comes at once")
        .unwrap()
}

/// How a channel broke: what logs call it, and what the store said.
fn broken<T>(answer: Result<T, HintError>) -> (&'static str, String) {
    match answer {
        Err(HintError::Broken { kind, cause }) => (kind, cause.to_string()),
        Err(HintError::Swallowed) | Ok(_) => panic!("it is not broken"),
    }
}

fn timeout_of(millis: u64) -> (&'static str, String) {
    let timeout = StoreError::timeout(Duration::from_millis(millis));
    (timeout.kind(), timeout.to_string())
}

async fn assert_silent(hints: &mut Box<dyn HintStream>) {
    let heard = timeout(A_WHILE, hints.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn a_commit_is_heard_at_once_and_says_whom_it_concerns() {
    let database = TestPostgres::shared().database();
    let (store, other) = (database.store(), database.store());
    let a = store.insert(&login(1)).await.unwrap();
    let b = store.insert(&login(2)).await.unwrap();
    let mut hints = listen(&store).await;
    revoke(&other, Scope::Key(a.key)).await;
    assert_eq!(hint(&mut hints).await, Hint::Session(a.key));
    let client = database.client().await;
    let delete = format!("DELETE FROM sidgate_session WHERE id = '{}'", b.id);
    client.batch_execute(&delete).await.unwrap();
    assert_eq!(hint(&mut hints).await, Hint::Session(b.key));
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        revoke(&store, scope).await;
        assert_eq!(hint(&mut hints).await, Hint::Something);
    }
    client
        .batch_execute("TRUNCATE sidgate_session")
        .await
        .unwrap();
    assert_eq!(hint(&mut hints).await, Hint::Something);
    assert_silent(&mut hints).await;
}

#[tokio::test]
async fn what_is_no_event_is_no_hint() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut hints = listen(&store).await;
    let key = store.insert(&login(1)).await.unwrap().key;
    let touch = Touch {
        key,
        age: Duration::ZERO,
    };
    assert_eq!(store.touch(&[touch]).await.unwrap(), 1);
    store.report(Uuid::from_u128(1), 0, None).await.unwrap();
    store.housekeep(10).await.unwrap();
    // Another node that makes sure that it hears itself.
    let _another = listen(&database.store()).await;
    assert_silent(&mut hints).await;
}

#[tokio::test]
async fn only_a_commit_is_heard() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let key = store.insert(&login(1)).await.unwrap().key;
    let mut hints = listen(&store).await;
    let client = database.client().await;
    for end in ["ROLLBACK", "COMMIT"] {
        let numbered = "BEGIN; DELETE FROM sidgate_session; SET CONSTRAINTS ALL IMMEDIATE";
        client.batch_execute(numbered).await.unwrap();
        assert_silent(&mut hints).await;
        client.batch_execute(end).await.unwrap();
        if end == "ROLLBACK" {
            assert_silent(&mut hints).await;
        }
    }
    assert_eq!(hint(&mut hints).await, Hint::Session(key));
}

#[tokio::test]
async fn a_change_in_bulk_is_a_handful_of_hints() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    let fill = "\
        INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, expires_at, created_seq) \
        SELECT sha256(i::text::bytea), gen_random_uuid(), '7', '{\"user\": {\"id\": \"7\"}}', now(), now(), now(), now() + interval '1 h', 0 \
        FROM generate_series(1, 2000) i";
    // Within a savepoint the log names every session.
    for delete in [
        "DELETE FROM sidgate_session",
        "BEGIN; SAVEPOINT a; SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM sidgate_session; RELEASE a; COMMIT",
    ] {
        client.batch_execute(fill).await.unwrap();
        let mut hints = listen(&store).await;
        client.batch_execute(delete).await.unwrap();
        let (mut named, mut others) = (0, 0);
        while let Ok(hint) = timeout(A_WHILE, hints.next()).await {
            match hint.unwrap() {
                Hint::Session(_) => named += 1,
                Hint::Something => others += 1,
            }
        }
        assert_eq!(named, 16, "{delete}");
        assert!((1..=2).contains(&others), "{others}: {delete}");
    }
    // The next transaction counts from the beginning.
    let key = store.insert(&login(1)).await.unwrap().key;
    let mut hints = listen(&store).await;
    client
        .batch_execute("DELETE FROM sidgate_session")
        .await
        .unwrap();
    assert_eq!(hint(&mut hints).await, Hint::Session(key));
}

#[tokio::test]
async fn a_flood_costs_no_more_than_one_hint() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut hints = listen(&store).await;
    let client = database.client().await;
    let flood = "SELECT pg_notify('sidgate_hint', 'session ' || encode(sha256(i::text::bytea), 'hex')) \
                 FROM generate_series(1, 5000) i";
    client.batch_execute(flood).await.unwrap();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(hint(&mut hints).await, Hint::Something);
    assert_silent(&mut hints).await;
    let key = store.insert(&login(1)).await.unwrap().key;
    revoke(&store, Scope::Key(key)).await;
    assert_eq!(hint(&mut hints).await, Hint::Session(key));
}

#[tokio::test]
async fn what_others_make_up_says_nothing() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut hints = listen(&store).await;
    let client = database.client().await;
    for payload in [
        "",
        "session",
        "session 07",
        "session zz",
        "session \u{e9}",
        "flush now",
    ] {
        let notify = format!("SELECT pg_notify('sidgate_hint', '{payload}')");
        client.batch_execute(&notify).await.unwrap();
        assert_eq!(hint(&mut hints).await, Hint::Something, "{payload}");
    }
    client
        .batch_execute("NOTIFY something_else, 'session'")
        .await
        .unwrap();
    assert_silent(&mut hints).await;
}

#[tokio::test]
async fn a_channel_that_breaks_says_so_and_another_can_be_opened() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut hints = listen(&store).await;
    let client = database.client().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    client.batch_execute(kill).await.unwrap();
    let heard = timeout(AT_ONCE, hints.next()).await.unwrap();
    assert_eq!(broken(heard).0, "unavailable");
    let mut hints = listen(&store).await;
    revoke(&store, Scope::All).await;
    assert_eq!(hint(&mut hints).await, Hint::Something);
}

#[tokio::test]
async fn a_server_that_went_away_without_a_word_is_noticed() {
    let server = TestPostgres::start();
    let database = server.database();
    let store = database.store();
    let mut hints = listen(&store).await;
    server.pause();
    tokio::time::pause();
    let heard = timeout(Duration::from_secs(60), hints.next())
        .await
        .unwrap();
    assert_eq!(broken(heard), timeout_of(1_000));
    server.resume();
}

/// In front of the server, and keeps its notifications to itself, as a pooler in transaction mode does.
async fn pooler(server: SocketAddr) -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::runtime::Handle::current().spawn(async move {
        while let Ok((client, _)) = socket.accept().await {
            let server = TcpStream::connect(server).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::runtime::Handle::current().spawn(async move {
                let _ended = tokio::io::copy(&mut from_client, &mut to_server).await;
            });
            tokio::runtime::Handle::current().spawn(async move {
                let mut head = [0; 5];
                while from_server.read_exact(&mut head).await.is_ok() {
                    let [kind, length @ ..] = head;
                    let rest = u32::from_be_bytes(length) - 4;
                    let mut body = vec![0; usize::try_from(rest).unwrap()];
                    from_server.read_exact(&mut body).await.unwrap();
                    if kind != b'A' {
                        let message = [&head[..], &body[..]].concat();
                        let _gone = to_client.write_all(&message).await;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_pooler_that_swallows_notifications_is_named() {
    let server = TestPostgres::shared();
    let database = server.database();
    let pooled = pooler(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()))).await;
    let url = database.url();
    let url = url
        .expose()
        .replace(&format!(":{}/", server.port()), &format!(":{pooled}/"));
    let store = PostgresStore::new(&SecretString::new(url), PostgresOptions::default()).unwrap();
    store
        .check_schema()
        .await
        .expect("everything else goes through");
    let refused = timeout(Duration::from_secs(3), store.listen())
        .await
        .unwrap();
    let Err(refused) = refused else {
        panic!("nothing arrives");
    };
    assert!(matches!(refused, HintError::Swallowed), "{refused:?}");
    assert_eq!(refused.kind(), "hints_swallowed");
    assert!(refused.to_string().contains("pooler"));
}

#[tokio::test]
async fn a_server_that_is_down_has_no_hints() {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/x");
    let store = PostgresStore::new(&SecretString::new(url), options()).unwrap();
    let silent = timeout(Duration::from_secs(2), store.listen())
        .await
        .unwrap();
    let within =
        format!("no connection with 127.0.0.1:{port} within 1000 ms (store.connect_timeout)");
    assert_eq!(broken(silent), ("timeout", within));
    drop(socket);
    let down = timeout(AT_ONCE, store.listen()).await.unwrap();
    let refused = format!("unavailable: connection refused (127.0.0.1:{port})");
    assert_eq!(broken(down), ("unavailable", refused));
}

/// A full queue would fail the commit, and with it the revocation.
#[tokio::test]
async fn a_queue_that_fills_up_keeps_nobody_from_revoking() {
    let server = TestPostgres::shared();
    let database = server.database();
    let store = database.store();
    let client = database.client().await;
    // A function of the same name in front of the server's plays a queue that is half full.
    let full = "\
        CREATE FUNCTION public.pg_notification_queue_usage() RETURNS float8 LANGUAGE sql AS 'SELECT 0.5::float8'; \
        ALTER FUNCTION sidgate_append SET search_path = public, pg_catalog, pg_temp";
    client.batch_execute(full).await.unwrap();
    let mut hints = listen(&store).await;
    assert_eq!(revoke(&store, Scope::All).await, 1);
    assert_silent(&mut hints).await;
}
