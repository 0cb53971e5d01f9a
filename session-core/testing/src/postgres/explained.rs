//! How the server runs what a store asks: the plan of each statement, those within functions and triggers too.
//!
//! The server says so itself, by its module `auto_explain`, on the connection that has asked; a [`Tap`] hears it.

use std::time::Duration;

use serde_json::Value;

use super::tap::Tap;
use super::{TestDatabase, url};
use session_core::secret::SecretString;
use session_core::store::postgres::{PostgresOptions, PostgresStore};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which plans the server makes for prepared statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// One for the values of each call.
    Custom,
    /// One for whatever values.
    Generic,
}

/// A statement and its plan, with the rows that each step has read.
#[derive(Clone, Debug)]
pub struct Explained {
    /// As it was sent.
    pub sql: String,
    /// As `EXPLAIN (ANALYZE, FORMAT json)` has it.
    pub plan: Value,
}

impl TestDatabase {
    /// A store whose connections go through `tap`, which hears how the server runs its statements.
    ///
    /// # Panics
    /// Never: the URL is valid.
    #[must_use]
    pub fn explained(&self, tap: &Tap, plans: Plans) -> PostgresStore {
        let mode = match plans {
            Plans::Custom => "force_custom_plan",
            Plans::Generic => "force_generic_plan",
        };
        let settings = [
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_level", "notice"),
            ("auto_explain.log_format", "json"),
            ("auto_explain.log_analyze", "on"),
            ("auto_explain.log_timing", "off"),
            ("auto_explain.log_nested_statements", "on"),
            ("plan_cache_mode", mode),
        ];
        let settings: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("-c%20{name}%3D{value}"))
            .collect();
        let url = url("postgres", tap.port, &self.name);
        let url = format!("{url}&options={}", settings.join("%20"));
        // To tell takes longer than to do.
        let options = PostgresOptions {
            max_connections: 1,
            read_timeout: PATIENCE,
            write_timeout: PATIENCE,
            pulse_timeout: PATIENCE,
            ..PostgresOptions::default()
        };
        PostgresStore::new(&SecretString::new(url), options).expect("the URL is valid")
    }
}

impl Tap {
    /// How the statements since the last call were run.
    #[must_use]
    pub fn take_explained(&self) -> Vec<Explained> {
        let notices = std::mem::take(&mut *self.notices.lock());
        notices.iter().filter_map(|text| explained(text)).collect()
    }
}

fn explained(notice: &str) -> Option<Explained> {
    let (_duration, json) = notice.split_once("plan:")?;
    let mut said: Value = serde_json::from_str(json).ok()?;
    let sql = said.get("Query Text")?.as_str()?.to_owned();
    let plan = said.get_mut("Plan")?.take();
    Some(Explained { sql, plan })
}
