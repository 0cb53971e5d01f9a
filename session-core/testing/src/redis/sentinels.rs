//! A master, its replica, and three sentinels that put the one in the place of the other.

#![expect(clippy::expect_used, reason = "test support")]

use super::TestRedis;
use super::folder::Folder;
use super::secured::{Secured, tls_options};
use crate::process::{eventually, free_port};

/// What sentinels call the servers that they watch.
const SERVICE: &str = "sidgate";

/// See the module.
#[derive(Debug)]
pub struct TestSentinels {
    /// Master at the start.
    pub master: TestRedis,
    /// Replica at the start.
    pub replica: TestRedis,
    /// Those who watch, and the port at which each is asked.
    sentinels: Vec<(TestRedis, u16)>,
    secured: Option<Secured>,
    _folder: Folder,
}

impl TestSentinels {
    /// Starts everything and waits until the sentinels know each other and the replica.
    #[must_use]
    pub fn start() -> Self {
        Self::of(None)
    }

    /// The same over TLS alone, for users with passwords.
    #[must_use]
    pub fn secured(secured: Secured) -> Self {
        Self::of(Some(secured))
    }

    fn of(secured: Option<Secured>) -> Self {
        let folder = Folder::new();
        let (master, port) = start(secured.as_ref(), &|_| vec![]);
        let (replica, _port) = start(secured.as_ref(), &|_| {
            let follow = format!("--replicaof 127.0.0.1 {port} --repl-diskless-sync-delay 0");
            words(&follow)
        });
        let sentinels = (0..3).map(|number| {
            let file = folder.file(&format!("sentinel-{number}.conf"));
            let config = format!(
                "sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n\
                 sentinel down-after-milliseconds {SERVICE} 1000\n\
                 sentinel failover-timeout {SERVICE} 3000\n"
            );
            std::fs::write(&file, config).expect("the file can be written");
            start(secured.as_ref(), &|_| {
                vec![file.clone(), "--sentinel".to_owned()]
            })
        });
        let this = Self {
            sentinels: sentinels.collect(),
            master,
            replica,
            secured,
            _folder: folder,
        };
        if let Some(Secured { user, asker, .. }) = &this.secured {
            [&this.master, &this.replica]
                .into_iter()
                .for_each(|server| user.enter(server));
            this.sentinels
                .iter()
                .for_each(|(sentinel, _)| asker.enter(sentinel));
        }
        assert!(
            eventually(|| this.sentinels.iter().all(|(sentinel, _)| agrees(sentinel))),
            "the sentinels agree"
        );
        this
    }

    /// `redis-sentinel://` with every sentinel, or `rediss-sentinel://` with both users.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(self.secured.as_ref().map(|secured| &*secured.asker.name))
    }

    /// The same, with this password for the sentinels.
    #[must_use]
    pub fn url_of(&self, asker_password: Option<&str>) -> String {
        let nodes: Vec<String> = self
            .sentinels
            .iter()
            .map(|(_, port)| format!("127.0.0.1:{port}"))
            .collect();
        let (first, more) = nodes.split_first().expect("three sentinels");
        let more: String = more.iter().map(|node| format!("&node={node}")).collect();
        let Some(Secured { user, asker, .. }) = &self.secured else {
            return format!("redis-sentinel://{first}?sentinelServiceName={SERVICE}{more}");
        };
        let (name, asker) = (&user.name, &asker.name);
        let password = asker_password.map(|password| format!("&sentinelPassword={password}"));
        format!(
            "rediss-sentinel://{name}:{name}@{first}?sentinelServiceName={SERVICE}{more}&sentinelUsername={asker}{}",
            password.unwrap_or_default()
        )
    }

    /// Kills the master and waits until the replica is one.
    pub fn fail_over(&mut self) {
        self.master.stop();
        assert!(
            eventually(|| self.replica.is_master()),
            "the sentinels promote the replica"
        );
    }
}

/// Starts a server and says where clients reach it.
fn start(secured: Option<&Secured>, options: &dyn Fn(u16) -> Vec<String>) -> (TestRedis, u16) {
    let Some(secured) = secured else {
        let server = TestRedis::start_with(options);
        let port = server.port();
        return (server, port);
    };
    let tls = std::cell::Cell::new(0);
    let server = TestRedis::start_with(|plain| {
        tls.set(free_port());
        let mut all = options(plain);
        all.extend(tls_options(
            tls.get(),
            &secured.shown,
            &secured.authority,
            false,
        ));
        all.extend(words("--tls-replication yes"));
        all
    });
    (server, tls.get())
}

fn words(options: &str) -> Vec<String> {
    options.split_whitespace().map(str::to_owned).collect()
}

/// Whether a sentinel knows the two others and the replica.
fn agrees(sentinel: &TestRedis) -> bool {
    let said = sentinel.command(&["SENTINEL", "MASTER", SERVICE]);
    let said: Vec<&str> = said.lines().collect();
    let field = |name| {
        said.iter()
            .position(|line| *line == name)
            .and_then(|at| said.get(at + 1))
    };
    field("num-other-sentinels") == Some(&"2") && field("num-slaves") == Some(&"1")
}
