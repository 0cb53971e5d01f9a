//! What the tests of these modules share.

use std::fs;

use crate::config::{Config, MigrationConfig, MigrationMode};

/// Loads a configuration with these sections beside the least that it needs.
pub(super) fn config(sections: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        r#"
        {sections}
        [keys]
        master = "${{KEY}}"
        [backend]
        upstream = "django"
        [upstreams.django]
        servers = ["127.0.0.1:8000"]
        [[routes]]
        path = "/"
        upstream = "django"
        session = "optional"
        "#
    );
    fs::write(&file, text).unwrap();
    let key = "ozd2ZakiWLkQMLTBZ8PWs2d30gtukSkdwkqTfMtVOhU=";
    let env = |name: &str| (name == "KEY").then(|| key.to_owned());
    Config::load(&file, &env).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The section as its documentation has it.
pub(super) fn migration(mode: MigrationMode) -> MigrationConfig {
    let sections = r#"
        [migration]
        mode = "on"
        credentials = ["dott_auth_session", "session_token"]
        companions = ["onboarding_status", "onboardingStep", "dott_*"]
        companions_passthrough = ["onboarding_status"]
        clear_domains = [".app.test", "other.test"]
        "#;
    MigrationConfig {
        mode,
        ..config(sections).migration
    }
}
