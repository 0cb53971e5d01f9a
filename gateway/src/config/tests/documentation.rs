//! `docs/configuration.md` and the parser say the same: the same keys, the same defaults, the same about reloads, and
//! every example loads. Each key has a value here that shows its effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::effects::EFFECTS;
use super::super::catalog::{Catalog, Kind};
use super::super::handbook::{self, Row};
use super::super::reader::Reader;
use super::super::secret::Sources;
use super::super::{Config, changed, restart_needed};
use super::{CERT, Draft, KEY, KEY_A, KEY_B, Place};

pub(super) mod effects;
mod schema;
mod shown;

pub(super) const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// Every documented key with its row.
pub(super) fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for row in handbook::rows() {
        let key = row.key.clone();
        assert!(
            rows.insert(key.clone(), row).is_none(),
            "{key} is documented twice"
        );
    }
    rows
}

fn blocks() -> Vec<String> {
    let parts = PAGE.split("```toml\n").skip(1);
    parts
        .filter_map(|part| part.split("```").next().map(str::to_owned))
        .collect()
}

pub(super) fn place() -> Place {
    Place::new()
        .file("master.key", KEY_A)
        .file("other.key", KEY_B)
        .file("cert.pem", CERT)
        .file("key.pem", KEY)
        .file("other-cert.pem", CERT)
        .file("other-key.pem", KEY)
        .env("SIDGATE_MASTER_KEY", KEY_A)
        .env("SIDGATE_DB_PASSWORD", "pw")
        .env("SIDGATE_REDIS_URL", "redis://cache")
        .env("PW", "pw")
        .env("TOKEN", &"t".repeat(32))
        .env("OTHER_TOKEN", &"o".repeat(32))
}

/// What the parser asks for.
fn catalog() -> Catalog {
    let sources = Sources::new(Path::new(""), &|_| None);
    Reader::describe(|root| {
        Config::read(root, &sources);
    })
}

#[test]
fn the_page_and_the_parser_know_the_same_keys() {
    let documented: Vec<String> = rows().into_keys().collect();
    let known: BTreeSet<String> = catalog()
        .entries
        .into_iter()
        .map(|entry| entry.model)
        .collect();
    assert_eq!(documented, Vec::from_iter(known));
}

/// The word of the page for the type of a key, and how the key is read.
#[test]
fn every_key_is_read_as_its_type_says() {
    let rows = rows();
    for entry in catalog().entries {
        let kind = rows[&entry.model].kind;
        let is_right = match (&entry.kind, kind) {
            (Kind::Flag, kind) => matches!(kind, "boolean" | "true or false"),
            (Kind::Number(_), kind) => kind == "number",
            (Kind::Ratio, kind) => kind == "ratio",
            (Kind::Size(_), kind) => kind == "size",
            (Kind::Word(_), kind) => kind == "word",
            (Kind::Texts, kind) => kind.starts_with("list of ") && kind != "list of secrets",
            (Kind::Weighted(..), kind) => kind == "list of servers",
            (Kind::Reference, kind) => matches!(kind, "secret" | "URL"),
            (Kind::References, kind) => kind == "list of secrets",
            (Kind::Text, kind) => {
                let others = [
                    "boolean",
                    "true or false",
                    "number",
                    "ratio",
                    "size",
                    "word",
                    "secret",
                ];
                !kind.starts_with("list of ") && !others.contains(&kind)
            }
        };
        assert!(
            is_right,
            "{} is {kind:?} on the page, and {:?}",
            entry.model, entry.kind
        );
    }
}

#[test]
fn every_example_loads() {
    let blocks = blocks();
    assert!(blocks.len() > 15);
    for block in blocks {
        let mut text = block.clone();
        for (section, addition) in [
            ("[backend]", "[backend]\nupstream = \"django\"\n"),
            (
                "[upstreams.django]",
                "[upstreams.django]\nservers = [\"127.0.0.1:8000\"]\n",
            ),
            (
                "[[routes]]",
                "[[routes]]\npath = \"/\"\nupstream = \"django\"\nsession = \"optional\"\n",
            ),
        ] {
            if !block.contains(section) {
                text.push_str(addition);
            }
        }
        place().good(&text);
    }
}

#[test]
fn an_example_of_each_section_shows_all_its_keys() {
    let shown = blocks().concat();
    for key in rows()
        .keys()
        .filter(|key| !key.starts_with("server.tls") && !key.ends_with("NAME"))
    {
        let name = key.rsplit('.').next().expect("a name");
        assert!(
            shown.contains(&format!("\n{name} = ")),
            "{key} stands in no example"
        );
    }
}

#[test]
fn every_default_is_as_documented() {
    let place = place();
    let silent = format!("{:?}", place.good(&Draft::minimal().text()));
    // The section itself is a switch.
    let watching = place.good(&format!("{}[risk]\n", Draft::minimal().text()));
    let watching = format!("{watching:?}");
    for (key, row) in rows() {
        let Some(default) = row.default else {
            continue;
        };
        if key.starts_with("server.tls")
            || key.starts_with("sites[]")
            || key.starts_with("authz.")
            || key.starts_with("upstreams.NAME.health.")
            || key == "routes[].session"
            || key == "routes[].on_missing"
            || key == "routes[].redirect.status"
        {
            continue; // the smallest file has no TLS, no sites, no edges, no health checks and an open route; other tests cover these
        }
        let spoken = Draft::minimal()
            .set(&key.replace("NAME", "django"), default)
            .text();
        let expected = match key.starts_with("risk.") {
            true => &watching,
            false => &silent,
        };
        assert_eq!(
            &format!("{:?}", place.good(&spoken)),
            expected,
            "{key} = {default}"
        );
    }
}

#[test]
fn every_key_has_an_effect_and_reloads_as_documented() {
    let mut rows = rows();
    let place = place();
    for (key, value, others) in EFFECTS {
        let row = rows
            .remove(*key)
            .unwrap_or_else(|| panic!("{key} is not documented"));
        let before = others.iter().fold(Draft::minimal(), |draft, (key, value)| {
            draft.set(key, value)
        });
        let name = key
            .replace("identity.headers.NAME", "identity.headers.X-Session-A")
            .replace("allow.NAME", "allow.tenant_id")
            .replace("NAME", "django");
        let after = place.good(&before.clone().set(&name, value).text());
        let before = place.good(&before.text());

        let needed = restart_needed(&before, &after);
        let named = needed
            .iter()
            .any(|needed| key == needed || key.starts_with(&format!("{needed}.")));
        match row.reload {
            "restart" => assert!(named, "{key} should need a restart, got {needed:?}"),
            "yes" => {
                assert_eq!(needed, Vec::<&str>::new(), "{key} should reload");
                assert_ne!(
                    format!("{before:?}"),
                    format!("{after:?}"),
                    "{key} = {value} changes nothing"
                );
                let told = changed(&before, &after);
                let is_told = |named: &&str| key.replace("[]", "").starts_with(named);
                assert!(
                    told.len() == 1 && told.iter().all(is_told),
                    "{key}: {told:?}"
                );
            }
            other => panic!("{key}: {other:?} is neither \"yes\" nor \"restart\""),
        }
    }
    let untested: Vec<_> = rows.into_keys().collect();
    assert_eq!(untested, Vec::<String>::new());
}

#[test]
fn a_changed_secret_behind_the_same_reference_needs_a_restart() {
    let text = Draft::minimal()
        .set("keys.master", "\"file:master.key\"")
        .set("admin.token", "\"${TOKEN}\"")
        .text();
    let before = place().good(&text);
    let after = Place::new()
        .file("master.key", KEY_B)
        .env("TOKEN", &"n".repeat(32))
        .good(&text);
    let needed = restart_needed(&before, &after);
    assert!(needed.contains(&"keys.master"), "{needed:?}");
    assert_eq!(changed(&before, &after), ["admin.token"]);

    let metrics = place().env("ENABLE_SESSION_METRICS", "false").good(&text);
    let same_place = place().good(&text);
    assert!(restart_needed(&same_place, &metrics).contains(&"admin.metrics"));
}
