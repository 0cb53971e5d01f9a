use std::path::PathBuf;
use std::sync::mpsc;

use tempfile::TempDir;

use super::*;

/// A writer on a table of numbers, and the way to hold its connection up.
struct Bench {
    writer: Arc<Writer>,
    reader: Lane,
    path: PathBuf,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s.db");
        let limit = Duration::from_secs(20);
        let writer = Writer::open(&path, limit).await.unwrap();
        let table = writer.alone().call(|connection| {
            let made = connection.execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)");
            made.map_err(store_error)
        });
        table.await.unwrap();
        Self {
            writer: Arc::new(writer),
            reader: Lane::reader(&path, limit).await.unwrap(),
            path,
            _folder: folder,
        }
    }

    /// Keeps the connection busy until the sender sends or goes away.
    async fn hold(&self) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel();
        let (begun, has_begun) = oneshot::channel();
        let writer = Arc::clone(&self.writer);
        tokio::runtime::Handle::current().spawn(async move {
            let held = writer.alone().call(move |_connection| {
                let _ = begun.send(());
                let _ = held.recv();
                Ok(())
            });
            held.await
        });
        has_begun.await.unwrap();
        release
    }

    async fn numbers(&self) -> Vec<i64> {
        let read = self.reader.call(|connection| {
            let mut statement = connection.prepare("SELECT n FROM n ORDER BY n").unwrap();
            let found = statement.query_map((), |row| row.get(0)).unwrap();
            Ok(found.map(Result::unwrap).collect())
        });
        read.await.unwrap()
    }
}

fn add(connection: &Connection, n: i64) -> StoreResult<usize> {
    let added = connection.execute("INSERT INTO n VALUES (?1)", [n]);
    added.map_err(store_error)
}

/// Adds a number.
fn adding(n: i64) -> impl FnOnce(&Connection) -> StoreResult<Done<i64>> {
    move |connection| {
        add(connection, n)?;
        Ok(Done::Keep(n))
    }
}

#[tokio::test]
async fn what_waits_is_committed_together() {
    let bench = Bench::new().await;
    let release = bench.hold().await;
    // How many numbers others see while a write runs.
    let adding = |n| {
        let path = bench.path.clone();
        bench.writer.call(move |connection| {
            add(connection, n)?;
            let other = Connection::open(path).map_err(store_error)?;
            let count = other.query_row("SELECT count(*) FROM n", (), |row| row.get(0));
            count.map(Done::Keep).map_err(store_error)
        })
    };
    let (one, two, three, ()) = tokio::join!(
        biased;
        adding(1),
        adding(2),
        adding(3),
        async { drop(release) },
    );
    let seen: [i64; 3] = [one, two, three].map(Result::unwrap);
    assert_eq!(seen, [0, 0, 0]);
    assert_eq!(bench.numbers().await, [1, 2, 3]);
}

#[tokio::test]
async fn a_failure_or_a_refusal_is_undone_alone() {
    let bench = Bench::new().await;
    let release = bench.hold().await;
    let writer = &bench.writer;
    let refused = writer.call(|connection| {
        add(connection, 2)?;
        Ok(Done::Undo("no"))
    });
    let failing = writer.call(|connection| {
        add(connection, 3)?;
        add(connection, 1)?;
        Ok(Done::Keep(()))
    });
    let (one, refused, failed, four, ()) = tokio::join!(
        biased;
        writer.call(adding(1)),
        refused,
        failing,
        writer.call(adding(4)),
        async { drop(release) },
    );
    assert_eq!(
        (one.unwrap(), refused.unwrap(), four.unwrap()),
        (1, "no", 4)
    );
    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    assert_eq!(bench.numbers().await, [1, 4]);
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_all() {
    let bench = Bench::new().await;
    let release = bench.hold().await;
    let writer = &bench.writer;
    // SQLite takes everything back when it runs out of space, for one.
    let rolling_back = writer.call(|connection| {
        connection.execute_batch("ROLLBACK").map_err(store_error)?;
        Err::<Done<()>, _>(StoreError::Duplicate)
    });
    let (one, own, two, ()) = tokio::join!(
        biased;
        writer.call(adding(1)),
        rolling_back,
        writer.call(adding(2)),
        async { drop(release) },
    );
    assert!(matches!(own, Err(StoreError::Duplicate)), "{own:?}");
    for lost in [one, two] {
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    }
    assert!(bench.numbers().await.is_empty());
    assert_eq!(writer.call(adding(3)).await.unwrap(), 3, "and goes on");
}

#[tokio::test]
async fn what_was_given_up_is_not_written() {
    let bench = Bench::new().await;
    let release = bench.hold().await;
    let writer = &bench.writer;
    let given_up = tokio::time::timeout(Duration::from_millis(10), writer.call(adding(1)));
    assert!(given_up.await.is_err());
    let (two, ()) = tokio::join!(biased; writer.call(adding(2)), async { drop(release) });
    assert_eq!(two.unwrap(), 2);
    assert_eq!(bench.numbers().await, [2]);
}

#[tokio::test]
async fn more_than_one_transaction_holds_are_all_written() {
    let bench = Bench::new().await;
    let release = bench.hold().await;
    let many = i64::try_from(TOGETHER).unwrap() * 2 + 3;
    let writes = (0..many).map(|n| bench.writer.call(adding(n)));
    let writes = futures_util::future::join_all(writes);
    let (written, ()) = tokio::join!(biased; writes, async { drop(release) });
    assert!(written.into_iter().all(|written| written.is_ok()));
    assert_eq!(bench.numbers().await, (0..many).collect::<Vec<_>>());
}
