//! Who asks a database: the role of a gateway, and the shell.

use std::io::Write as _;
use std::process::{Command, Stdio};

use session_core::store::postgres::{Identifier, grants};

use super::{TestDatabase, server_programs};
use crate::process::program;

/// What gives a role the rights of a gateway.
pub(super) fn statements_of_grants(role: &str) -> String {
    let schema = Identifier::new("public").expect("a good name");
    let name = Identifier::of_role(role).expect("a good name");
    grants(&schema, &name)
        .into_iter()
        .map(|grant| format!("{grant};"))
        .collect()
}

impl TestDatabase {
    /// A role with exactly the rights that a gateway is granted. Roles live as long as the server, so the name carries the
    /// database's.
    pub async fn gateway_role(&self) -> String {
        let role = format!("gateway_{}", self.name);
        let client = self.client().await;
        let mut sql = format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN;");
        sql.push_str(&statements_of_grants(&role));
        client
            .batch_execute(&sql)
            .await
            .expect("rights can be given");
        role
    }

    /// What `psql` makes of a script: its output, or what it says when it fails.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn psql(&self, script: &str) -> Result<String, String> {
        self.shell("psql", &["-X", "-q", "-v", "VERBOSITY=terse"], script)
    }

    /// The schema of the database as `pg_dump` writes it.
    #[must_use]
    pub fn dumped_schema(&self) -> String {
        let dumped = self.shell("pg_dump", &["--schema-only"], "");
        let dumped = dumped.expect("pg_dump works");
        // Newer versions put a random word around it.
        let lines = dumped.lines().filter(|line| !line.starts_with('\\'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Every row of the database as `pg_dump` writes it, one statement each.
    #[must_use]
    pub fn dumped_rows(&self) -> String {
        let dumped = self.shell("pg_dump", &["--data-only", "--inserts"], "");
        dumped.expect("pg_dump works")
    }

    fn shell(&self, name: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut shell = Command::new(program(name, &server_programs()))
            .args(arguments)
            .args(["-d", self.url().expose()])
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        if let Some(mut stdin) = shell.stdin.take() {
            // One that has failed does not read on.
            drop(stdin.write_all(input.as_bytes()));
        }
        let done = shell
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() {
            Ok(text(&done.stdout))
        } else {
            Err(text(&done.stderr))
        }
    }
}
