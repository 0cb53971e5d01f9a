use super::*;

/// A file that a test writes.
#[derive(Debug)]
struct File(Mutex<Result<&'static str, &'static str>>);

impl Source for File {
    fn read(&self) -> Result<SecretString, String> {
        let now = *self.0.lock();
        now.map(|text| SecretString::new(text.to_owned()))
            .map_err(str::to_owned)
    }
}

fn of_url(url: &SecretString) -> Option<Account> {
    let (user, password) = url.expose().split_once(':')?;
    Some(account(Some(user), password))
}

fn account(user: Option<&str>, password: &str) -> Account {
    Account {
        user: user.map(str::to_owned),
        password: Some(SecretString::new(password.to_owned())),
    }
}

#[tokio::test]
async fn each_connection_logs_in_with_what_the_file_holds_then() {
    let file = Arc::new(File(Mutex::new(Ok("gw:one"))));
    let login = Login::Url(Arc::clone(&file) as Arc<dyn Source>);
    let credentials = Arc::new(Credentials::new(login, of_url));
    assert_eq!(credentials.now().await, Ok(account(Some("gw"), "one")));
    *file.0.lock() = Ok("gw2:two");
    assert_eq!(credentials.now().await, Ok(account(Some("gw2"), "two")));
    for gone in [Err("file x is empty"), Ok("no url")] {
        *file.0.lock() = gone;
        assert_eq!(credentials.now().await, Ok(account(Some("gw2"), "two")));
    }
    *file.0.lock() = Ok("gw2:three");
    assert_eq!(credentials.now().await, Ok(account(Some("gw2"), "three")));
}

#[tokio::test]
async fn a_file_that_could_never_be_read_is_told() {
    let file = Arc::new(File(Mutex::new(Err("file x is empty"))));
    let credentials = Arc::new(Credentials::new(Login::Password(file.clone()), of_url));
    assert_eq!(credentials.now().await, Err("file x is empty".to_owned()));
    *file.0.lock() = Ok("a:b");
    assert_eq!(credentials.now().await, Ok(account(None, "a:b")));
}
