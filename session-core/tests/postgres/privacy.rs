//! The page about personal data names every table and every column that there is, in both stores.

use std::collections::BTreeSet;

use rusqlite::Connection;
use session_core::clock::SystemClock;
use session_core::store::sqlite::SqliteStore;

use super::*;

/// A table, and a column of it.
type Place = (String, String);

/// What the page has in its table of columns.
fn documented() -> BTreeSet<Place> {
    let page = include_str!("../../../docs/privacy.md");
    let (_, table) = page.split_once("<!-- columns -->").unwrap();
    let rows = table
        .trim_start()
        .lines()
        .take_while(|line| line.starts_with('|'));
    let mut places = BTreeSet::new();
    for row in rows.skip(2) {
        let mut cells = row.split('|').skip(1);
        let names = |cell: &str| -> Vec<String> {
            let names = cell.split('`').skip(1).step_by(2);
            names.map(str::to_owned).collect()
        };
        let tables = names(cells.next().unwrap());
        let columns = names(cells.next().unwrap());
        let [table] = tables.as_slice() else {
            panic!("one table a row: {row}")
        };
        let about = cells.next().unwrap().trim();
        assert!(["yes", "digest", "no"].contains(&about), "{row}");
        for column in columns {
            let place = (table.clone(), column);
            assert!(!places.contains(&place), "twice: {place:?}");
            places.insert(place);
        }
    }
    places
}

async fn of_sqlite() -> BTreeSet<Place> {
    const SQL: &str = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.db");
    let store = SqliteStore::open(&file, Arc::new(SystemClock)).await;
    store.unwrap().apply_schema().await.unwrap();
    let connection = Connection::open(file).unwrap();
    let mut statement = connection.prepare(SQL).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

async fn of_postgres() -> BTreeSet<Place> {
    const SQL: &str = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
        JOIN information_schema.tables t USING (table_schema, table_name) \
        WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'";
    let server = TestPostgres::shared();
    let database = server.database();
    let rows = database.client().await.query(SQL, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn every_column_is_judged() {
    let documented = documented();
    let mut stored = of_sqlite().await;
    stored.extend(of_postgres().await);
    let unnamed: Vec<_> = stored.difference(&documented).collect();
    assert!(
        unnamed.is_empty(),
        "docs/privacy.md does not say whether these are about a person: {unnamed:?}"
    );
    let gone: Vec<_> = documented.difference(&stored).collect();
    assert!(
        gone.is_empty(),
        "docs/privacy.md names columns that are not there: {gone:?}"
    );
}
