use super::*;

fn read(url: &str) -> Result<PostgresUrl, BadPostgresUrl> {
    PostgresUrl::read(&SecretString::new(url.to_owned()))
}

fn fault(url: &str) -> String {
    let fault = read(url).unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault}");
    fault.to_string()
}

#[test]
fn a_bad_url_is_named_without_its_password() {
    for url in [
        "host=db password=hunter2 bogus",
        "postgres://u:hunter2@db:port/app",
        "mysql://u:hunter2@db/app",
        "postgres://u:hunter2@db/app#hunter2",
        "postgres://u:hunter2@db/app?hunter2%20=1",
        "postgres://u:hunter2@db/app?application_name",
        "postgres://u:hunter2@db/app?port=hunter2",
        "postgres://",
    ] {
        assert!(!fault(url).is_empty(), "{url}");
    }
}

#[test]
fn what_has_no_place_in_a_url_is_refused_by_name_with_what_to_do() {
    for (query, words) in [
        ("ssmode=require", "did you mean sslmode?"),
        ("aplication_name=x", "did you mean application_name?"),
        (
            "colour=red",
            "colour is unknown; known are application_name, ",
        ),
        ("passfile=/x", "store.password"),
        ("connect_timeout=3", "store.connect_timeout"),
        ("sslpassword=x", "decrypt the key"),
        (
            "sslmode=perhaps",
            "disable, prefer, require, verify-ca, verify-full",
        ),
        ("sslmode=allow", "prefer or require"),
        ("channel_binding=maybe", "disable, prefer, require"),
        ("target_session_attrs=any", "takes writes"),
        ("sslmode=require&sslmode=disable", "sslmode is there twice"),
        ("sslrootcert=", "sslrootcert names no file"),
        ("schema=app", "search_path"),
        ("ssl=true", "sslmode=require"),
    ] {
        let url = format!("postgres://u:hunter2@db/app?{query}");
        let fault = fault(&url);
        assert!(fault.contains(words), "{query}: {fault}");
    }
}

#[test]
fn what_says_what_is_so_anyway_is_accepted() {
    for query in [
        "target_session_attrs=read-write",
        "target_session_attrs=primary",
        "gssencmode=disable",
        "sslcompression=0",
        "client_encoding=UTF8",
        "sslrootcert=system",
        "keepalives_count=3",
        "application_name=x&",
    ] {
        let url = read(&format!("postgres://u@db/app?{query}")).unwrap();
        assert_eq!(url.tls_files(), &TlsFiles::default(), "{query}");
    }
}

#[test]
fn every_way_of_libpq_to_ask_for_tls_is_understood() {
    let mode = |word: &str| {
        let url = read(&format!("postgres://u@db/app?sslmode={word}")).unwrap();
        url.config.get_ssl_mode()
    };
    assert_eq!(mode("disable"), SslMode::Disable);
    assert_eq!(mode("prefer"), SslMode::Prefer);
    for word in ["require", "verify-ca", "verify-full"] {
        assert_eq!(mode(word), SslMode::Require, "{word}");
    }
    let url = "postgres://u@db/app?sslmode=verify-full&sslrootcert=%2Fetc/my%20ca.pem&sslcert=c.pem&sslkey=k.pem";
    let files = read(url).unwrap().files;
    assert_eq!(files.authorities.as_deref(), Some("/etc/my ca.pem"));
    assert_eq!(files.certificate.as_deref(), Some("c.pem"));
    assert_eq!(files.key.as_deref(), Some("k.pem"));
}

#[test]
fn user_and_password_are_read_where_the_driver_reads_them() {
    for url in [
        "postgres://gw:h%40nter2@db/app",
        "postgres://db/app?user=gw&password=h%40nter2",
    ] {
        let account = account(&SecretString::new(url.to_owned())).unwrap();
        assert_eq!(account.user.as_deref(), Some("gw"), "{url}");
        assert_eq!(account.password.unwrap().expose(), "h@nter2", "{url}");
    }
    let by_certificate = SecretString::new("postgres://gw@db/app".to_owned());
    let account = account(&by_certificate).unwrap();
    assert_eq!(account.user.as_deref(), Some("gw"));
    assert!(account.password.is_none());
}
