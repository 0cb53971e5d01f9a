//! PostgreSQL and Redis, spoken to by somebody who is not the gateway.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use session_testing::{TestDatabase, TestRedis};

/// Runs statements in a session of their own.
pub fn sql(database: &TestDatabase, statements: &str) {
    let run = async {
        let client = database.client().await;
        client.batch_execute(statements).await.unwrap();
    };
    on_a_runtime(run);
}

/// The number that a query answers with.
pub fn sql_number(database: &TestDatabase, query: &str) -> i64 {
    let ask = async {
        let client = database.client().await;
        let row = client.query_one(query, &[]).await.unwrap();
        row.get(0)
    };
    on_a_runtime(ask)
}

/// The text that a query answers with.
pub fn sql_text(database: &TestDatabase, query: &str) -> String {
    let ask = async {
        let client = database.client().await;
        let row = client.query_one(query, &[]).await.unwrap();
        row.get(0)
    };
    on_a_runtime(ask)
}

/// Somebody with these rights and no others, on a connection that stays. Answers with the SQLSTATE of what is refused.
pub fn somebody(
    database: &TestDatabase,
    grants: &[String],
) -> impl Fn(&str) -> Result<(), String> + use<> {
    // Roles belong to the server and not to the database.
    let role = format!(
        "somebody_{}",
        sql_text(database, "SELECT current_database()::text")
    );
    sql(
        database,
        &format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"),
    );
    for grant in grants {
        sql(database, &format!("GRANT {grant} TO {role}"));
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(database.client_as(&role));
    move |statements| {
        let done = runtime.block_on(client.batch_execute(statements));
        done.map_err(|error| {
            let code = error.code().map(|code| code.code().to_owned());
            code.unwrap_or_else(|| error.to_string())
        })
    }
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work)
}

/// The configuration of a gateway on this database.
pub fn store_config(database: &TestDatabase) -> String {
    format!("[store]\nurl = \"{}\"\n", database.url().expose())
}

/// The configuration of a gateway with this Redis.
pub fn redis_config(redis: &TestRedis) -> String {
    format!("[cache]\nredis_url = \"{}\"\n", redis.url())
}

/// Everything that a Redis holds.
pub fn redis_values(redis: &TestRedis) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut connection = Redis::connect(redis);
    let keys = connection.list(&[b"KEYS", b"*"]);
    keys.into_iter()
        .filter_map(|key| {
            let value = connection.bulk(&[b"GET", &key])?;
            Some((key, value))
        })
        .collect()
}

/// For how many milliseconds each value of a Redis may stay.
pub fn redis_lives(redis: &TestRedis) -> Vec<i64> {
    let mut connection = Redis::connect(redis);
    let keys = connection.list(&[b"KEYS", b"*"]);
    keys.into_iter()
        .map(|key| {
            connection.send(&[b"PTTL", &key]);
            let line = connection.line();
            line.strip_prefix(':').unwrap().parse().unwrap()
        })
        .collect()
}

/// Overwrites a value of Redis.
pub fn redis_set(redis: &TestRedis, key: &[u8], value: &[u8]) {
    let mut connection = Redis::connect(redis);
    connection.send(&[b"SET", key, value, b"PX", b"600000"]);
    assert_eq!(connection.line(), "+OK");
}

/// The few words of RESP that are needed.
struct Redis(BufReader<TcpStream>);

impl Redis {
    fn connect(redis: &TestRedis) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, words: &[&[u8]]) {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend_from_slice(word);
            bytes.extend(b"\r\n");
        }
        self.0.get_mut().write_all(&bytes).unwrap();
    }

    fn list(&mut self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        self.send(words);
        let line = self.line();
        let count: usize = line.strip_prefix('*').unwrap().parse().unwrap();
        (0..count).filter_map(|_| self.read_bulk()).collect()
    }

    fn bulk(&mut self, words: &[&[u8]]) -> Option<Vec<u8>> {
        self.send(words);
        self.read_bulk()
    }

    fn read_bulk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let length = line.strip_prefix('$').expect("a bulk string");
        let length: usize = length.parse().ok()?;
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).unwrap();
        bytes.truncate(length);
        Some(bytes)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
