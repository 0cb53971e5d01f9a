//! A second server that follows the first, and takes its place.

use std::process::Command;

use super::{
    TestPostgres, own_home, pg_ctl, prepare_home, run, server_command, start_on_free_port,
};
use crate::process::{blocking, eventually};

impl TestPostgres {
    /// A hot standby of `primary` that hears of it by way of the port `line`, which may be a proxy's.
    #[must_use]
    pub fn standby_of(primary: &Self, line: u16) -> Self {
        let home = own_home();
        prepare_home(&home, std::process::id(), "true");
        let port = primary.port.to_string();
        let copy = [
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ];
        let copied = server_command(&home, "pg_basebackup", &copy).status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "pg_basebackup works"
        );
        let follow = format!("primary_conninfo = 'host=127.0.0.1 port={line} user=postgres'\n");
        let file = home.join("data/postgresql.auto.conf");
        let given = std::fs::read_to_string(&file).expect("pg_basebackup -R wrote it");
        // The last of two lines counts.
        std::fs::write(&file, given + &follow).expect("the configuration can be written");
        let port = start_on_free_port(&home);
        let own = true;
        Self { home, port, own }
    }

    /// Waits until a standby follows this server.
    pub fn wait_for_standby(&self) {
        let query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        let follows = || {
            let mut psql = Command::new("psql");
            let port = self.port.to_string();
            psql.args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-Atc",
                query,
            ]);
            psql.output()
                .is_ok_and(|output| output.stdout.starts_with(b"1"))
        };
        assert!(eventually(follows), "a standby follows");
    }

    /// Runs a statement that concerns the whole server.
    pub fn run(&self, statement: &str) {
        self.assert_own();
        blocking(run(self.port, "postgres", statement)).expect("the statement is run");
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.assert_own();
        assert!(
            pg_ctl(&self.home, &["promote", "-w"]),
            "the standby is promoted"
        );
    }
}
