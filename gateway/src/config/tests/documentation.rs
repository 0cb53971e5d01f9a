//! `docs/configuration.md` and the parser say the same: the same keys, the same defaults, the same about reloads, and
//! every example loads. Each key has a value here that shows its effect.

use std::collections::BTreeMap;

use self::effects::EFFECTS;
use super::super::reader::Reader;
use super::super::secret::Sources;
use super::super::{Config, changed, restart_needed};
use super::{CERT, Draft, KEY, KEY_A, KEY_B, MINIMAL, Place};

pub(super) mod effects;

pub(super) const PAGE: &str = include_str!("../../../../docs/configuration.md");

pub(super) struct Row {
    pub(super) kind: String,
    pub(super) default: String,
    reload: String,
}

/// Every documented key with its row. Sections `[[x]]` become `x[]`.
pub(super) fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut section = None;
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading
                .strip_prefix("`[")
                .and_then(|rest| rest.strip_suffix("]`"))
                .map(|name| {
                    match name
                        .strip_prefix('[')
                        .and_then(|rest| rest.strip_suffix(']'))
                    {
                        Some(list) => format!("{list}[]"),
                        None => name.to_owned(),
                    }
                });
        }
        let cells: Vec<_> = line
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        if let (Some(section), [key, kind, default, _, reload]) = (&section, cells.as_slice())
            && let Some(key) = key
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'))
        {
            let row = Row {
                kind: (*kind).to_owned(),
                default: (*default).to_owned(),
                reload: (*reload).to_owned(),
            };
            assert!(
                rows.insert(format!("{section}.{key}"), row).is_none(),
                "{key} is documented twice"
            );
        }
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
        .env("TOKEN", &"t".repeat(32))
        .env("OTHER_TOKEN", &"o".repeat(32))
}

/// The keys that the parser asks for, in the notation of the page.
fn known() -> Vec<String> {
    let text = format!(
        "{MINIMAL}[identity.headers]\nX-Session-A = \"tenant_id\"\n[session.tenants.acme]\n"
    );
    let place = place();
    let sources = Sources::new(place.path(), &|_| None);
    let known = Reader::read(&text, |root| {
        Config::read(root, &sources)?;
        Some(root.document().known())
    });
    let known: Vec<String> = known
        .expect("a good file")
        .iter()
        .map(|key| key.replace("routes[0]", "routes[]"))
        .map(|key| {
            key.replace("upstreams.django", "upstreams.NAME")
                .replace("tenants.acme", "tenants.NAME")
                .replace("X-Session-A", "NAME")
        })
        .collect();
    let is_section = |key: &String| {
        known
            .iter()
            .any(|other| other.starts_with(&format!("{key}.")) || *other == format!("{key}[]"))
    };
    let is_list = |key: &String| {
        known
            .iter()
            .any(|other| other.starts_with(&format!("{key}[].")))
    };
    known
        .iter()
        .filter(|key| !is_section(key) && !is_list(key))
        .cloned()
        .collect()
}

#[test]
fn the_page_and_the_parser_know_the_same_keys() {
    let documented: Vec<String> = rows().into_keys().collect();
    assert_eq!(documented, known());
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
        let Some(default) = row
            .default
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix('`'))
        else {
            assert!(
                matches!(row.default.as_str(), "required" | "none"),
                "{key}: {}",
                row.default
            );
            continue;
        };
        if key.starts_with("server.tls")
            || key == "routes[].session"
            || key == "routes[].on_missing"
        {
            continue; // the smallest file has no TLS and an open route; `defaults.rs` covers these
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
            .replace("headers.NAME", "headers.X-Session-A")
            .replace("NAME", "django");
        let after = place.good(&before.clone().set(&name, value).text());
        let before = place.good(&before.text());

        let needed = restart_needed(&before, &after);
        let named = needed
            .iter()
            .any(|needed| key == needed || key.starts_with(&format!("{needed}.")));
        match row.reload.as_str() {
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
