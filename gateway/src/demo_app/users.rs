//! Who can log in.

use serde_json::{Value, json};

/// A user of the demonstration.
#[derive(Debug)]
pub(crate) struct User {
    /// No app has users with such numbers.
    id: &'static str,
    /// The name to log in with.
    pub(crate) email: &'static str,
    /// Known to everybody.
    pub(crate) password: &'static str,
    name: &'static str,
    role: &'static str,
}

/// All of them.
pub(crate) const USERS: [User; 2] = [
    User {
        id: "demo-1",
        email: "test@example.com",
        password: "password",
        name: "Test",
        role: "member",
    },
    User {
        id: "demo-2",
        email: "admin@example.com",
        password: "password",
        name: "Admin",
        role: "admin",
    },
];

/// Who that is, if the password is right. Passwords that everybody knows are compared without care for time.
pub(super) fn identity_of(email: &str, password: &str) -> Option<Value> {
    let user = USERS
        .iter()
        .find(|user| user.email.eq_ignore_ascii_case(email.trim()) && user.password == password)?;
    Some(json!({
        "user": {"id": user.id, "email": user.email, "name": user.name},
        "attributes": {"name": user.name, "role": user.role},
    }))
}
