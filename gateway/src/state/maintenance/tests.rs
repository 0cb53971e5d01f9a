use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn config(on: bool, file: Option<PathBuf>) -> MaintenanceConfig {
    MaintenanceConfig {
        on,
        file,
        check_every: Duration::from_secs(1),
        allow: vec![],
        retry_after: Duration::from_secs(1),
    }
}

#[test]
fn it_is_on_by_its_key_or_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("maintenance");
    assert!(!Maintenance::new(&config(false, None), None).is_on());
    assert!(Maintenance::new(&config(true, None), None).is_on());

    let by_file = config(false, Some(file.clone()));
    let maintenance = Maintenance::new(&by_file, None);
    assert!(!maintenance.is_on());
    assert!(!maintenance.look(&by_file).unwrap(), "nothing is new");
    fs::write(&file, "").unwrap();
    assert!(!maintenance.is_on(), "nobody has looked yet");
    assert!(maintenance.look(&by_file).unwrap());
    assert!(maintenance.is_on());
    assert!(Maintenance::new(&by_file, None).is_on());
    fs::remove_file(&file).unwrap();
    assert!(maintenance.look(&by_file).unwrap());
    assert!(!maintenance.is_on());
}

/// A path through something that is no folder cannot be looked at.
#[test]
fn what_cannot_be_known_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let name = "n".repeat(300);
    let unknown = config(false, Some(folder.path().join(name)));
    assert!(!Maintenance::new(&unknown, None).is_on());
    let on = Maintenance::new(&config(true, None), None);
    assert!(Maintenance::new(&unknown, Some(&on)).is_on());
    assert!(on.look(&unknown).is_err());
    assert!(on.is_on());
}
