//! A connection URL without what may be secret in it, for people to read.

/// In place of what is not shown.
const MASK: &str = "***";

/// `url` with `***` in place of a password that is written out, of parameters that may be secret, and of the path of a
/// `http` URL, which may hold a token. A `file:` and a `${NAME}` stay: they only say where the secret is.
pub(super) fn masked_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if matches!(scheme, "http" | "https") {
        let path = if tail.len() > 1 { "/***" } else { tail };
        return format!("{scheme}://{}{path}", masked_authority(authority));
    }
    // An "@" behind the authority ends a password that should have been encoded.
    match tail.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{MASK}@{}", masked_parameters(host)),
        None => format!(
            "{scheme}://{}{}",
            masked_authority(authority),
            masked_parameters(tail)
        ),
    }
}

fn masked_authority(authority: &str) -> String {
    match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", masked_user(user)),
        None => authority.to_owned(),
    }
}

fn masked_user(user: &str) -> String {
    match user.split_once(':') {
        Some((name, password)) => format!("{name}:{}", masked(password)),
        None => user.to_owned(),
    }
}

/// Whether the value of a parameter may be secret. `sslkey` is the path of a file.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 5] = ["pass", "secret", "token", "key", "auth"];

    let name = name.to_lowercase();
    name != "sslkey" && WORDS.iter().any(|word| name.contains(word))
}

fn masked_parameters(tail: &str) -> String {
    let Some((path, parameters)) = tail.split_once('?') else {
        return tail.to_owned();
    };
    let parameters: Vec<_> = parameters
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if is_secret(name) => {
                format!("{name}={}", masked(value))
            }
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{path}?{}", parameters.join("&"))
}

/// A variable stays; everything else is not shown.
fn masked(secret: &str) -> &str {
    let is_variable = secret.starts_with("${")
        && secret.find('}') == Some(secret.len() - 1)
        && !secret.contains(":-");
    if is_variable || secret.is_empty() {
        secret
    } else {
        MASK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (url, shown) in [
            ("sqlite:sidgate.db", "sqlite:sidgate.db"),
            ("file:dsn", "file:dsn"),
            ("${DSN}", "${DSN}"),
            ("postgres://u:pw@db/x", "postgres://u:***@db/x"),
            ("postgres://u:p@w@db/x", "postgres://u:***@db/x"),
            ("postgres://u:p/w@db/x", "postgres://***@db/x"),
            ("redis://cache?sentinelPassword=a@b", "redis://***@b"),
            ("https://hook.test/x@y", "https://hook.test/***"),
            ("postgres://u:${PW}@db/x", "postgres://u:${PW}@db/x"),
            ("postgres://u:x${PW}@db/x", "postgres://u:***@db/x"),
            ("postgres://u:${PW:-pw}@db/x", "postgres://u:***@db/x"),
            (
                "postgres://u@db/x?password=pw&sslmode=require",
                "postgres://u@db/x?password=***&sslmode=require",
            ),
            ("redis://:pw@cache", "redis://:***@cache"),
            (
                "redis-sentinel://a:1?sentinelPassword=pw&sentinelServiceName=s",
                "redis-sentinel://a:1?sentinelPassword=***&sentinelServiceName=s",
            ),
            ("https://hook.test/T0KEN?x=y", "https://hook.test/***"),
            ("https://hook.test?T0KEN", "https://hook.test/***"),
            ("https://hook.test/", "https://hook.test/"),
        ] {
            assert_eq!(masked_url(url), shown, "{url}");
        }
    }
}
