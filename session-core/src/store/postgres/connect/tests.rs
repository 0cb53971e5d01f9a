use super::*;
use crate::secret::SecretString;

fn config_of(url: &str) -> tokio_postgres::Config {
    let url = PostgresUrl::read(&SecretString::new(url.to_owned())).unwrap();
    let connector = Connector::new(&url, &PostgresOptions::default()).unwrap();
    connector.servers[0].config().clone()
}

#[test]
fn every_connection_asks_for_a_primary_and_limits_its_statements() {
    let config = config_of("postgres://u@db.example/app?options=-c%20geqo=off");
    assert_eq!(
        config.get_target_session_attrs(),
        TargetSessionAttrs::ReadWrite
    );
    let options = config.get_options().unwrap();
    assert!(
        options.starts_with("-c statement_timeout=2000 "),
        "{options}"
    );
    assert!(
        options.ends_with("-c geqo=off"),
        "the URL has the last word"
    );
    assert_eq!(config.get_application_name(), Some("sidgate"));
}

#[test]
fn options_end_with_the_last_setting() {
    let config = config_of("postgres://u@db.example/app");
    let options = config.get_options().unwrap();
    assert!(
        options.ends_with("=read\\ committed"),
        "PgBouncer reads a blank at the end as an option that it does not know: {options:?}"
    );
}

#[test]
fn prefer_means_disable_only_where_nobody_can_listen() {
    let mode = |url: &str| config_of(url).get_ssl_mode();
    assert_eq!(mode("postgres://u@127.0.0.1/app"), SslMode::Disable);
    assert_eq!(mode("postgres://u@localhost/app"), SslMode::Disable);
    assert_eq!(mode("postgres://u@db.example/app"), SslMode::Prefer);
    assert_eq!(
        mode("postgres://u@localhost,db.example/app"),
        SslMode::Prefer
    );
    assert_eq!(
        mode("postgres://u@localhost/app?sslmode=require"),
        SslMode::Require
    );
}

#[test]
fn each_server_of_a_url_is_asked_with_all_of_its_settings() {
    let url = "postgres://u:hunter2@one:1,two:2/app?application_name=x&keepalives=0\
        &keepalives_idle=7&keepalives_interval=8&keepalives_count=9&channel_binding=require&sslmode=require";
    let url = PostgresUrl::read(&SecretString::new(url.to_owned())).unwrap();
    let connector = Connector::new(&url, &PostgresOptions::default()).unwrap();
    let addresses: Vec<&str> = connector.servers.iter().map(Server::address).collect();
    assert_eq!(addresses, ["one:1", "two:2"]);
    // The driver lists its settings, and hides the password.
    let all = format!("{:?}", config(&url, &PostgresOptions::default()));
    let second = format!("{:?}", connector.servers[1].config());
    let expected = all
        .replace(r#"[Tcp("one"), Tcp("two")]"#, r#"[Tcp("two")]"#)
        .replace("[1, 2]", "[2]");
    assert_eq!(second, expected);
    assert!(second.contains("password: Some(_)"), "{second}");
    let given = config(&url, &PostgresOptions::default());
    assert_eq!(
        connector.servers[1].config().get_password(),
        given.get_password()
    );
}
