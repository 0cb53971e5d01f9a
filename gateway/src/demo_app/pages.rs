//! What the app shows. Text in, HTML or JSON out.

use std::fmt::Write as _;

use http::HeaderMap;
use http::header::COOKIE;
use serde_json::{Map, Value, json};
use sidgate_policy::auth::app_side::Visitor;

use super::html::{escape, page};
use super::users::USERS;

/// Where the gateway says who asks.
pub(super) const ASSERTION: &str = "x-session-assertion";

/// The first page: who is logged in, and what the app received.
pub(super) fn home(visitor: &Visitor, headers: &HeaderMap) -> String {
    let mut body = String::new();
    if let Some(name) = name_of(visitor) {
        body.push_str(&logged_in(&name, visitor));
    } else {
        let state = escape(visitor.state());
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            "<h1>Nobody is logged in</h1>\n<p>The gateway says: session state <code>{state}</code>.</p>\n{}",
            login_form("/", None)
        );
    }
    body.push_str(
        "<nav><a href=\"/account\">/account</a> needs a session · <a href=\"/whoami\">/whoami</a> is this page as JSON · \
         <a href=\"/api/auth/session-v2\">/api/auth/session-v2</a> is what the gateway tells browsers</nav>\n",
    );
    body.push_str(&received(visitor, headers));
    body.push_str("<script src=\"/demo-app.js\" defer></script>\n");
    page("Sidgate demo app", &body)
}

/// What only people with a session see: the route says `session = "required"`.
pub(super) fn account(visitor: &Visitor) -> String {
    let name = name_of(visitor).unwrap_or_default();
    let body = format!(
        "<h1>The account of {}</h1>\n\
         <p>The route of this page says <code>session = \"required\"</code>. The gateway lets nobody come here without one.</p>\n\
         {}<nav><a href=\"/\">Back</a></nav>\n",
        escape(&name),
        claims_of(visitor),
    );
    page("Account", &body)
}

/// The login page; `refused`: the name that was tried in vain.
pub(super) fn login(next: &str, refused: Option<&str>) -> String {
    let body = format!(
        "<h1>Log in</h1>\n{}<script src=\"/demo-app.js\" defer></script>\n",
        login_form(next, refused)
    );
    page("Log in", &body)
}

/// Why nothing is shown to whoever comes past the gateway. The same for all of them.
pub(super) fn bypassed() -> String {
    page(
        "Only through the gateway",
        "<h1>Only through the gateway</h1>\n\
         <p>This request has no valid <code>X-Session-Assertion</code>: it did not come through Sidgate. Open the address of the \
         gateway, such as <a href=\"http://localhost:3000\">http://localhost:3000</a>.</p>\n",
    )
}

/// A page of one sentence.
pub(super) fn sentence(text: &str) -> String {
    let body = format!(
        "<h1>{}</h1>\n<nav><a href=\"/\">Back</a></nav>\n",
        escape(text)
    );
    page(text, &body)
}

/// The same as the first page, for programs.
pub(super) fn whoami(visitor: &Visitor, headers: &HeaderMap) -> Value {
    let fields: Map<String, Value> = fields(headers)
        .into_iter()
        .map(|(name, value)| {
            let value = if name == ASSERTION {
                Value::Object(visitor.claims.clone())
            } else {
                Value::String(value)
            };
            (name, value)
        })
        .collect();
    json!({
        "session": {"state": visitor.state(), "verified": true},
        "user": visitor.active("sub").map(|id| json!({
            "id": id,
            "email": visitor.active("email"),
            "attributes": visitor.active("attrs"),
        })),
        "headers": fields,
    })
}

fn logged_in(name: &str, visitor: &Visitor) -> String {
    let email = visitor.active("email").and_then(Value::as_str);
    format!(
        "<h1>Hello, {}</h1>\n<p>You are logged in as <code>{}</code>.</p>\n\
         <form method=\"post\" action=\"/logout\" class=\"row\">\n\
         <button name=\"scope\" value=\"this\">Log out</button>\n\
         <button name=\"scope\" value=\"all\" class=\"plain\">Log out everywhere</button>\n\
         </form>\n\
         <h2>Your devices</h2>\n\
         <ul id=\"devices\"><li>Needs JavaScript: <code>GET /api/auth/sessions</code></li></ul>\n",
        escape(name),
        escape(email.unwrap_or_default()),
    )
}

fn login_form(next: &str, refused: Option<&str>) -> String {
    let mut form = String::new();
    if refused.is_some() {
        form.push_str("<p role=\"alert\" class=\"error\">Account name or password is wrong.</p>\n");
    }
    let email = escape(refused.unwrap_or(USERS.first().map_or("", |user| user.email)));
    let _ = write!(
        form,
        "<form method=\"post\" action=\"/login\" id=\"login\">\n\
         <input type=\"hidden\" name=\"next\" value=\"{}\">\n\
         <label>E-mail <input name=\"email\" type=\"email\" autocomplete=\"username\" value=\"{email}\" required></label>\n\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\n\
         <p class=\"row\"><button>Log in</button>\n\
         <button type=\"button\" id=\"json-login\" class=\"plain\" hidden>Log in by JSON</button></p>\n\
         <p id=\"said\" role=\"status\"></p>\n\
         </form>\n<p class=\"hint\">Users:",
        escape(next),
    );
    for user in &USERS {
        let _ = write!(
            form,
            " <code>{}</code> with <code>{}</code>.",
            user.email, user.password
        );
    }
    form.push_str(
        " <b>Log in</b> is a form of the app, which answers with a signed <code>X-Session-Event</code>. <b>Log in by JSON</b> is \
         <code>POST /api/auth/session-v2</code>: the gateway asks the app about the password.</p>\n",
    );
    form
}

/// Every header of the request as the app got it, and what the assertion says.
fn received(visitor: &Visitor, headers: &HeaderMap) -> String {
    let mut table = String::from("<h2>What the app received</h2>\n<table>\n");
    for (name, value) in fields(headers) {
        let value = match name.as_str() {
            ASSERTION => "signed; what it says is below".to_owned(),
            _ => value,
        };
        let _ = writeln!(
            table,
            "<tr><th>{}</th><td>{}</td></tr>",
            escape(&name),
            escape(&value)
        );
    }
    table.push_str("</table>\n");
    table + &claims_of(visitor)
}

fn claims_of(visitor: &Visitor) -> String {
    let claims = Value::Object(visitor.claims.clone());
    format!(
        "<h2>What the assertion says</h2>\n<pre>{}</pre>\n",
        escape(&format!("{claims:#}"))
    )
}

/// Sorted by name. Of cookies only the names: their values are secrets of other apps.
fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut fields: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown = if name == COOKIE {
                names_of_cookies(&value)
            } else {
                value.into_owned()
            };
            (name.as_str().to_owned(), shown)
        })
        .collect();
    fields.sort();
    fields
}

fn names_of_cookies(cookies: &str) -> String {
    let names = cookies
        .split(';')
        .map(|cookie| match cookie.split_once('=') {
            Some((name, _)) => format!("{}=…", name.trim()),
            None => "…".to_owned(),
        });
    names.collect::<Vec<_>>().join("; ")
}

fn name_of(visitor: &Visitor) -> Option<String> {
    let id = visitor.active("sub")?.as_str()?;
    let attributes = visitor.active("attrs");
    let name = attributes.and_then(|attributes| attributes.get("name")?.as_str());
    Some(name.unwrap_or(id).to_owned())
}

#[cfg(test)]
mod tests;
