//! What people call a device: "Chrome on macOS".
//!
//! A name for a list that its owner reads, nothing to decide by: every client can say what it likes.

use std::sync::LazyLock;

use woothee::parser::Parser;

/// What the parser says when it cannot tell.
const UNKNOWN: &str = "UNKNOWN";
/// Longest name of a program that is shown, in bytes.
const PROGRAM_MAX: usize = 32;

/// A short name for the client software that sent `user_agent`.
#[must_use]
pub(crate) fn device_label(user_agent: &str) -> String {
    static PARSER: LazyLock<Parser> = LazyLock::new(Parser::new);
    let parsed = PARSER.parse(user_agent);
    let (browser, system) = parsed
        .filter(|found| {
            matches!(
                found.category,
                "pc" | "smartphone" | "mobilephone" | "appliance"
            )
        })
        .map_or((None, None), |found| {
            (browser(found.name), system(found.os))
        });
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => program(user_agent).unwrap_or("Unknown device").to_owned(),
    }
}

fn browser(name: &str) -> Option<&str> {
    match name {
        UNKNOWN => None,
        "Webview" => Some("App"),
        name => Some(name),
    }
}

fn system(name: &str) -> Option<&str> {
    match name {
        UNKNOWN => None,
        "Mac OSX" => Some("macOS"),
        windows if windows.starts_with("Windows") && !windows.contains("Phone") => Some("Windows"),
        name => Some(name),
    }
}

/// The first product of a client that is no browser: `curl/8.5.0` is curl.
fn program(user_agent: &str) -> Option<&str> {
    let product = user_agent.split(['/', ' ']).next()?;
    let fits = (1..=PROGRAM_MAX).contains(&product.len())
        && product != "Mozilla"
        && product
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    fits.then_some(product)
}

#[cfg(test)]
mod tests {
    use super::device_label;

    #[test]
    fn people_recognise_their_devices() {
        for (user_agent, label) in [
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on macOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
                "Safari on iPad",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "SamsungBrowser on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32.3", "python-requests"),
            ("", "Unknown device"),
            ("Mozilla/5.0", "Unknown device"),
            ("<script>alert(1)</script>", "Unknown device"),
        ] {
            assert_eq!(device_label(user_agent), label, "{user_agent}");
        }
    }
}
