//! What databases of places add: where devices are, and rules about distance.

use std::net::Ipv4Addr;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::mmdb;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway, Request, Stage, login};
use tempfile::TempDir;

use crate::risk::{ANYWHERE, CHROME};

const BERLIN: &str = "203.0.113.7";
const SYDNEY: &str = "198.51.100.7";
const NOWHERE: &str = "192.0.2.7";

fn place(city: &str, country: &str, lat: f64, lon: f64) -> Value {
    json!({
        "city": {"names": {"en": city}}, "country": {"iso_code": country},
        "location": {"latitude": lat, "longitude": lon},
    })
}

fn write_cities(path: &Path, berlin: &str) {
    let networks = [
        (
            Ipv4Addr::new(203, 0, 113, 0),
            24,
            place(berlin, "DE", 52.52, 13.41),
        ),
        (
            Ipv4Addr::new(198, 51, 100, 0),
            24,
            place("Sydney", "AU", -33.87, 151.21),
        ),
    ];
    mmdb::write(path, "GeoLite2-City", &networks);
}

/// `[risk]` with both databases.
fn with_places(folder: &TempDir) -> String {
    let (city, asn) = (
        folder.path().join("city.mmdb"),
        folder.path().join("asn.mmdb"),
    );
    write_cities(&city, "Berlin");
    let owner = |number: u32| json!({"autonomous_system_number": number});
    let networks = [
        (Ipv4Addr::new(203, 0, 113, 0), 24, owner(3_320)),
        (Ipv4Addr::new(198, 51, 100, 0), 24, owner(1_221)),
    ];
    mmdb::write(&asn, "GeoLite2-ASN", &networks);
    format!(
        "[risk]\ngeo_city = \"{}\"\ngeo_asn = \"{}\"\n",
        city.display(),
        asn.display()
    )
}

fn from(address: &str, request: Request) -> Request {
    request
        .header("X-Forwarded-For", address)
        .header("User-Agent", CHROME)
}

fn log_in(gateway: &Gateway, address: &str) -> String {
    gateway
        .send(&from(address, login("alice@example.com", PASSWORD)))
        .must_be(201)
        .new_sid()
}

fn use_from(gateway: &Gateway, sid: &str, address: &str) -> u16 {
    let request = Request::get("/required").sid(sid);
    gateway.send(&from(address, request)).status
}

fn device(gateway: &Gateway, sid: &str, address: &str) -> Value {
    let request = Request::get("/api/auth/sessions").sid(sid);
    let response = gateway.send(&from(address, request)).must_be(200);
    let devices = response.json()["sessions"].as_array().unwrap().clone();
    devices
        .into_iter()
        .find(|device| device["current"] == true)
        .unwrap()
}

#[test]
fn devices_are_somewhere_and_a_new_database_is_read_on_hangup() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::with([ANYWHERE, &with_places(&folder)]);
    let sid = log_in(&stage, BERLIN);
    let berlin = device(&stage, &sid, BERLIN);
    assert_eq!(berlin["place"], json!({"city": "Berlin", "country": "DE"}));
    let id = berlin["id"].as_str().unwrap();
    let shown = stage.admin(&format!("/api/admin/sessions/{id}")).json();
    assert_eq!(shown["place"], berlin["place"]);
    let lost = log_in(&stage, NOWHERE);
    assert_eq!(device(&stage, &lost, NOWHERE)["place"], Value::Null);

    write_cities(&folder.path().join("city.mmdb"), "Potsdam");
    stage.signal(Signal::HUP);
    until_true("the new name", LONG, || {
        device(&stage, &sid, BERLIN)["place"]["city"] == "Potsdam"
    });
    // A file that is none keeps the old one in force.
    std::fs::write(folder.path().join("city.mmdb"), "no database").unwrap();
    stage.signal(Signal::HUP);
    until_true("the refusal", LONG, || {
        stage.output().contains("configuration not reloaded")
    });
    assert!(stage.output().contains("risk.geo_city"));
    assert_eq!(device(&stage, &sid, BERLIN)["place"]["city"], "Potsdam");
}

#[test]
fn a_file_that_is_no_database_is_a_fault_of_the_configuration() {
    let app = App::start();
    for (name, path) in [
        ("geo_city", "/nowhere/city.mmdb"),
        ("geo_asn", "master.key"),
    ] {
        let outcome = Gateway::in_front_of(&app)
            .with(&format!("[risk]\n{name} = \"{path}\"\n"))
            .run_to_the_end();
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        let said = outcome.output();
        assert!(
            said.contains(&format!("risk.{name}")) && said.contains(path),
            "{said}"
        );
    }
}

#[test]
fn nobody_is_in_berlin_and_sydney_within_a_minute() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::with([
        ANYWHERE,
        &with_places(&folder),
        "[risk.rules]\nimpossible_travel.action = \"revoke\"\n",
    ]);
    let (stolen, other) = (log_in(&stage, BERLIN), log_in(&stage, BERLIN));
    assert_eq!(use_from(&stage, &stolen, BERLIN), 200);
    assert_eq!(use_from(&stage, &stolen, NOWHERE), 200);
    assert_eq!(use_from(&stage, &stolen, SYDNEY), 200);
    until_true("the end of the session", LONG, || {
        use_from(&stage, &stolen, BERLIN) == 401
    });
    assert_eq!(
        use_from(&stage, &other, NOWHERE),
        200,
        "an unknown place is no travel"
    );
    let rules = until("both signals", LONG, || {
        let metrics = stage.metrics();
        let count = |rule| metrics.sum("sidgate_risk_signals_total", &[("rule", rule)]);
        let rules = ["country", "impossible_travel", "asn", "parallel"].map(count);
        (rules[0] > 0.0).then_some(rules)
    });
    assert_eq!(rules, [1.0, 1.0, 0.0, 0.0]);
    let labels = [("reason", "risk:impossible_travel")];
    let ended = stage.sum("sidgate_sessions_revoked_total", &labels);
    assert_eq!(ended, 1.0);
}
