//! PostgreSQL as it is run where it must not fail: three servers under Patroni, which keeps who leads in etcd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::time;

use self::member::Member;
use super::roles::statements_of_grants;
use super::{PATIENCE, apply_schema, connected, own_home, run, server_user};
use crate::authority::Issued;
use crate::etcd::TestEtcd;
use crate::process::{blocking, clean_up_after, detached, eventually, program, quoted};

mod member;
mod settings;

pub use self::settings::{Commits, PatroniSettings};

/// How many servers there are.
const SERVERS: usize = 3;

/// A way to a server or to etcd, for whoever wants to stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// From the other members to this one's PostgreSQL.
    Postgres(usize),
    /// From the other members to this one's Patroni.
    Patroni(usize),
    /// From this member to etcd.
    Etcd(usize),
}

/// Three servers. They end with this value, or else with the process.
#[derive(Debug)]
pub struct TestPatroni {
    members: Vec<Member>,
    /// Where it is kept who leads.
    pub etcd: TestEtcd,
    home: PathBuf,
}

impl TestPatroni {
    /// Starts everything and waits until both standbys follow. `line` is told of each wire and the port behind it, and
    /// answers with the port to use instead.
    ///
    /// # Panics
    /// When Patroni is not installed or the cluster does not come up.
    #[must_use]
    pub fn start(
        settings: &PatroniSettings,
        shown: &Issued,
        mut line: impl FnMut(Wire, u16) -> u16,
    ) -> Self {
        let home = own_home();
        make_home(&home);
        let etcd = TestEtcd::start(&home.join("etcd"));
        let mut members = Vec::new();
        for number in 0..SERVERS {
            let way = line(Wire::Etcd(number), etcd.port());
            members.push(Member::new(&home, number, settings, shown, way, &mut line));
        }
        let mut this = Self {
            members,
            etcd,
            home,
        };
        for member in &mut this.members {
            member.start();
        }
        assert!(
            eventually(|| this.is_whole(settings.is_synchronous())),
            "the cluster comes up, see {}",
            this.home.display()
        );
        this
    }

    /// The port of a server itself.
    #[must_use]
    pub fn port(&self, member: usize) -> u16 {
        self.member(member).port
    }

    fn member(&self, number: usize) -> &Member {
        self.members.get(number).expect("there is such a member")
    }

    fn member_mut(&mut self, number: usize) -> &mut Member {
        let member = self.members.get_mut(number);
        member.expect("there is such a member")
    }

    /// How many servers there are.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.members.len()
    }

    /// Who holds the key of the leader and takes writes.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        (0..SERVERS).find(|member| self.leads(*member))
    }

    /// Whether this one says so of itself.
    #[must_use]
    pub fn leads(&self, member: usize) -> bool {
        self.member(member).says("/leader")
    }

    /// Whether one leads and the others follow; `synchronous`: one of them so that commits wait for it.
    #[must_use]
    pub fn is_whole(&self, synchronous: bool) -> bool {
        let count = |what| {
            let members = self.members.iter();
            members.filter(|member| member.says(what)).count()
        };
        count("/leader") == 1
            && count("/replica") == SERVERS - 1
            && (!synchronous || count("/synchronous") > 0)
    }

    /// Who takes the leader's place when it is told to.
    #[must_use]
    pub fn heir(&self) -> Option<usize> {
        let may = |what: &str| self.members.iter().position(|member| member.says(what));
        may("/synchronous").or_else(|| may("/replica"))
    }

    /// Makes a database with the schema, and a role of the same name with the rights of a gateway.
    ///
    /// # Panics
    /// When nobody leads.
    pub fn make_database(&self, name: &str, password: &str) {
        let leader = self.leader().expect("a leader");
        let port = self.port(leader);
        let make = |database: &str, sql: &str| {
            self.run(leader, database, sql)
                .expect("the statement is run");
        };
        make("postgres", &format!("CREATE DATABASE {name}"));
        make(
            "postgres",
            &format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"),
        );
        apply_schema(port, name);
        make(name, &statements_of_grants(name));
    }

    /// Runs statements at a server itself, as its superuser.
    ///
    /// # Errors
    /// What the server says.
    pub fn run(
        &self,
        member: usize,
        database: &str,
        sql: &str,
    ) -> Result<(), tokio_postgres::Error> {
        blocking(run(self.member(member).port, database, sql))
    }

    /// The texts in the first column of what a query answers with, asked at a server itself as its superuser. None of a
    /// server that does not answer.
    ///
    /// # Errors
    /// What the server says.
    pub fn ask(
        &self,
        member: usize,
        database: &str,
        query: &str,
    ) -> Result<Vec<String>, tokio_postgres::Error> {
        let port = self.port(member);
        let asked = async {
            let client = connected("postgres", port, database).await?;
            let rows = client.query(query, &[]).await?;
            rows.iter().map(|row| row.try_get(0)).collect()
        };
        blocking(async { time::timeout(PATIENCE, asked).await.unwrap_or(Ok(vec![])) })
    }

    /// Kills a server and its Patroni, as the loss of the machine does.
    pub fn kill(&mut self, member: usize) {
        self.kill_patroni(member);
        self.kill_postgres(member);
    }

    /// Kills Patroni alone: its server goes on.
    pub fn kill_patroni(&mut self, member: usize) {
        self.member_mut(member).kill_patroni();
    }

    /// Kills every process of a server; its Patroni goes on.
    pub fn kill_postgres(&self, member: usize) {
        self.member(member).kill_postgres();
    }

    /// Freezes a server and its Patroni: connections stay open and nothing is answered.
    pub fn pause(&self, member: usize) {
        self.member(member).pause();
    }

    /// Goes on after [`TestPatroni::pause`].
    pub fn resume(&self, member: usize) {
        self.member(member).resume();
    }

    /// Starts Patroni again, which starts the server.
    pub fn restart(&mut self, member: usize) {
        self.member_mut(member).start();
    }

    /// Takes what is left of the disk of a server, which has one of its own. Returns how much is left.
    pub fn fill_disk(&self, member: usize) {
        self.member(member).fill_disk();
    }

    /// Gives it back.
    pub fn free_disk(&self, member: usize) {
        self.member(member).free_disk();
    }

    /// `patronictl switchover`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn switch_over(&self, from: usize, to: usize) {
        let mut command = Command::new(program("patronictl", &[]));
        command
            .arg("-c")
            .arg(self.member(from).config())
            .args(["switchover", "--force"])
            .args(["--master", &self.member(from).name])
            .args(["--candidate", &self.member(to).name]);
        let done = command.output().expect("patronictl is installed");
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success() && said.contains("Successfully"),
            "{done:?}"
        );
    }
}

impl Drop for TestPatroni {
    fn drop(&mut self) {
        for member in &mut self.members {
            member.end();
        }
        self.etcd.stop();
        // The watching shell tries again.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Makes `home`. When this process is gone, or `home` is, a shell kills what is named in it and removes it.
fn make_home(home: &Path) {
    let _ = fs::remove_dir_all(home);
    fs::create_dir(home).expect("the directory can be made");
    let open = fs::Permissions::from_mode(0o711);
    fs::set_permissions(home, open).expect("the directory can be opened");
    let there = quoted(home);
    let cleanup = format!(
        "cd /; for m in {there}/member*; do \
           kill -9 $(cat $m/patroni.pid) 2>/dev/null; \
           p=$(head -n 1 $m/data/postmaster.pid) && kill -9 $p $(cat /proc/$p/task/$p/children) 2>/dev/null; \
           umount -l $m 2>/dev/null; \
         done; rm -rf {there}"
    );
    clean_up_after(std::process::id(), &format!("[ -d {there} ]"), &cleanup);
}

/// A folder that belongs to the user that servers run as.
fn private_folder(folder: &Path) {
    fs::create_dir_all(folder).expect("the directory can be made");
    give(folder, 0o700);
}

/// Gives a file or folder to the user that servers run as.
fn give(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it can be closed");
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("it can be given");
    }
}

/// Whether file systems can be mounted here.
#[must_use]
pub fn may_mount() -> bool {
    rustix::process::geteuid().is_root()
        && detached(Command::new("unshare").args(["-m", "true"]))
            .status()
            .is_ok_and(|status| status.success())
}
