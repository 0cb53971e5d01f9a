use super::*;

fn connector(url: &str) -> Result<Connector, PostgresConfigError> {
    Connector::new(
        &SecretString::new(url.to_owned()),
        &PostgresOptions::default(),
    )
}

#[test]
fn every_connection_asks_for_a_primary_and_limits_its_statements() {
    let config = connector("postgres://u@db.example/app?options=-c%20geqo=off")
        .unwrap()
        .config;
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
fn prefer_means_disable_only_where_nobody_can_listen() {
    let mode = |url: &str| connector(url).unwrap().config.get_ssl_mode();
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
fn a_bad_url_is_named_without_its_password() {
    for url in [
        "host=db password=hunter2 bogus",
        "postgres://u:hunter2@db/app?sslrootcert=x",
        "postgres://u:hunter2@db:port/app",
        "mysql://u:hunter2@db/app",
        "postgres://",
    ] {
        let error = connector(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let unknown = connector("postgres://u@db/app?sslrootcert=x").unwrap_err();
    assert!(unknown.to_string().contains("sslrootcert"), "{unknown}");
}

#[test]
fn root_certificates_must_be_certificates() {
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let options = PostgresOptions {
            root_certificates: Some(pem.as_bytes().to_vec()),
            ..PostgresOptions::default()
        };
        let url = SecretString::new("postgres://u@db/app".to_owned());
        assert!(matches!(
            Connector::new(&url, &options),
            Err(PostgresConfigError::RootCertificates)
        ));
    }
}
