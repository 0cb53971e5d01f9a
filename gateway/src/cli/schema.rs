//! `sidgate schema`: what the store's schema is, what it should be, and who needs which rights.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};
use session_core::store::postgres::{Identifier, grants};
use session_core::store::sqlite::plan_of_a_new_file;
use session_core::store::{SchemaFit, SchemaStatus, StoreError};

use super::config_arg::ConfigArg;
use super::{block_on, say};
use crate::config::StoreUrl;
use crate::run::wiring::{self, WiringError};

/// Longest run of `schema apply`.
const APPLY_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest wait for an answer to a question.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Subcommand)]
pub(super) enum Schema {
    /// Bring the schema up to date.
    Apply {
        #[command(flatten)]
        config: ConfigArg,
        /// Then give this role of PostgreSQL the rights that a gateway needs: those that `grants` prints.
        #[arg(long, value_name = "ROLE", value_parser = parse_role)]
        grant_to: Option<Identifier>,
    },
    /// Say which schema the store has and which one this program needs. Exit code 0: it works; 3: `schema apply` is due; 78: a
    /// newer program is needed.
    Status {
        #[command(flatten)]
        config: ConfigArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Print the SQL that `apply` would run, for psql or sqlite3. Writes nothing.
    Plan {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Print the GRANTs that the role of a gateway needs on PostgreSQL, and no more. Connects to nothing.
    Grants {
        /// Name of the role, as PostgreSQL spells it.
        #[arg(long, value_parser = parse_role)]
        role: Identifier,
        /// The schema of the database that holds the tables.
        #[arg(long, default_value = "public", value_parser = parse_name)]
        schema: Identifier,
        /// Configuration file, to check that it names a PostgreSQL database.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

fn parse_role(name: &str) -> Result<Identifier, String> {
    Identifier::of_role(name).map_err(|error| error.to_string())
}

fn parse_name(name: &str) -> Result<Identifier, String> {
    Identifier::new(name).map_err(|error| error.to_string())
}

impl Schema {
    pub(super) fn run(self) -> Result<(), WiringError> {
        match self {
            Self::Apply { config, grant_to } => apply(&config, grant_to.as_ref()),
            Self::Status { config, json } => show_status(&config, json),
            Self::Plan { config } => show_plan(&config),
            Self::Grants {
                role,
                schema,
                config,
            } => show_grants(&role, &schema, config.as_deref()),
        }
    }
}

fn apply(config: &ConfigArg, grant_to: Option<&Identifier>) -> Result<(), WiringError> {
    let config = config.load()?;
    // Asked first: a file has no roles, and nothing is to be changed then.
    let roles = grant_to
        .map(|role| Ok::<_, WiringError>((wiring::postgres(&config)?, role)))
        .transpose()?;
    block_on(APPLY_TIMEOUT, async {
        wiring::store(&config).await?.apply_schema().await?;
        if let Some((store, role)) = &roles {
            store.give_rights(role).await?;
        }
        Ok(())
    })?;
    say("schema is up to date")?;
    match grant_to {
        Some(role) => say(&format!("role {role} has the rights of a gateway")),
        None => Ok(()),
    }
}

fn show_status(config: &ConfigArg, as_json: bool) -> Result<(), WiringError> {
    let config = config.load()?;
    let status = if wiring::is_yet_to_create(&config) {
        SchemaStatus::ABSENT
    } else {
        block_on(ASK_TIMEOUT, async {
            Ok(wiring::store(&config).await?.schema_status().await?)
        })?
    };
    if as_json {
        say(&status_view(status).to_string())?;
    } else {
        say(&status_line(status))?;
    }
    if status.is_due() {
        return status.accept().map_err(WiringError::SchemaIsDue);
    }
    status
        .accept()
        .map_err(|refused| StoreError::from(refused).into())
}

fn status_line(status: SchemaStatus) -> String {
    let SchemaStatus {
        needed,
        found,
        works_from,
    } = status;
    match status.fit() {
        SchemaFit::Missing => format!("this binary: {needed}; store: no schema"),
        _ => format!("this binary: {needed}; store: {found}, works with >= {works_from}"),
    }
}

fn status_view(status: SchemaStatus) -> Value {
    let fit = match status.fit() {
        SchemaFit::Missing => "missing",
        SchemaFit::Behind => "behind",
        SchemaFit::Exact => "exact",
        SchemaFit::Ahead => "ahead",
        SchemaFit::TooNew => "too_new",
    };
    let has_schema = status.fit() != SchemaFit::Missing;
    json!({
        "binary": status.needed,
        "store": has_schema.then_some(status.found),
        "works_from": has_schema.then_some(status.works_from),
        "fit": fit,
        "works": status.accept().is_ok(),
    })
}

fn show_plan(config: &ConfigArg) -> Result<(), WiringError> {
    let config = config.load()?;
    let plan = if wiring::is_yet_to_create(&config) {
        Some(plan_of_a_new_file())
    } else {
        block_on(ASK_TIMEOUT, async {
            Ok(wiring::store(&config).await?.schema_plan().await?)
        })?
    };
    match plan {
        Some(sql) => say(sql.trim_end()),
        None => say("-- Nothing to do: the schema is up to date."),
    }
}

fn show_grants(
    role: &Identifier,
    schema: &Identifier,
    config: Option<&Path>,
) -> Result<(), WiringError> {
    if let Some(path) = config
        && !matches!(wiring::load(path)?.store.url, StoreUrl::Postgres(_))
    {
        return Err(WiringError::NoRoles);
    }
    for grant in grants(schema, role) {
        say(&format!("{grant};"))?;
    }
    Ok(())
}
