use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use tempfile::TempDir;

use super::*;

/// A folder with one file in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        fs::create_dir(place.folder()).unwrap();
        fs::write(place.file(), "secret").unwrap();
        place.mode(&place.file(), 0o600);
        place
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("folder")
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder().join("file")
    }

    fn mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn private(&self, own_groups: OwnGroups) -> Result<(), Exposed> {
        check_private(&File::open(self.file()).unwrap(), &self.file(), own_groups)
    }
}

fn is_root() -> bool {
    geteuid().is_root()
}

#[test]
fn what_others_can_read_or_write_is_not_private() {
    let place = Place::new();
    for (mode, private) in [
        (0o600, [true, true, true]),
        (0o400, [true, true, true]),
        (0o440, [false, true, true]),
        (0o640, [false, true, true]),
        (0o660, [false, false, true]),
        (0o610, [false, false, false]),
        (0o604, [false, false, false]),
        (0o602, [false, false, false]),
        (0o601, [false, false, false]),
        (0o644, [false, false, false]),
    ] {
        place.mode(&place.file(), mode);
        let may = [OwnGroups::Nothing, OwnGroups::Read, OwnGroups::Write];
        let found = may.map(|own_groups| place.private(own_groups).is_ok());
        assert_eq!(found, private, "{mode:o}");
    }
}

#[test]
fn groups_and_owners_that_are_not_ours_are_others() {
    if !is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let place = Place::new();
    chown(place.file(), None, Some(65_534)).unwrap();
    assert!(place.private(OwnGroups::Write).is_ok(), "it cannot read");
    place.mode(&place.file(), 0o640);
    assert!(matches!(
        place.private(OwnGroups::Write),
        Err(Exposed::Open { .. })
    ));
    // The owner may give it to any group, and to others.
    chown(place.file(), Some(65_534), Some(0)).unwrap();
    assert!(place.private(OwnGroups::Read).is_err());
    place.mode(&place.file(), 0o600);
    assert!(place.private(OwnGroups::Read).is_ok());
}

#[test]
fn folder_that_others_may_write_to_is_named() {
    let place = Place::new();
    let named = |exposed: Result<(), Exposed>| match exposed {
        Err(Exposed::Folder { path, .. }) => path,
        other => panic!("{other:?}"),
    };
    for mode in [0o777, 0o733, 0o702] {
        place.mode(&place.folder(), mode);
        let exposed = check_way(&place.file());
        assert_eq!(named(exposed), shown(&place.folder()), "{mode:o}");
    }
    place.mode(&place.folder(), 0o755);
    // The folder above is on the way as well.
    place.mode(place.0.path(), 0o777);
    assert_eq!(named(check_way(&place.file())), shown(place.0.path()));
    // In a sticky one nobody can rename what is ours.
    place.mode(place.0.path(), 0o1777);
    assert!(check_way(&place.file()).is_ok());
    if is_root() {
        chown(place.folder(), Some(65_534), None).unwrap();
        assert_eq!(named(check_way(&place.file())), shown(place.0.path()));
    }
}

#[test]
fn link_is_followed_to_the_folder_that_it_leads_to() {
    let place = Place::new();
    let link = place.0.path().join("link");
    symlink(place.file(), &link).unwrap();
    assert!(check_way(&link).is_ok());
    place.mode(&place.folder(), 0o777);
    assert!(check_way(&link).is_err());
}

#[test]
fn file_that_does_not_exist_yet_needs_a_safe_folder() {
    let place = Place::new();
    let absent = place.folder().join("absent");
    assert!(check_private_at(&absent, OwnGroups::Write).is_ok());
    assert!(check_way(&absent).is_ok());
    symlink(
        place.folder().join("elsewhere"),
        place.folder().join("link"),
    )
    .unwrap();
    let dangling = check_private_at(&place.folder().join("link"), OwnGroups::Write);
    assert!(matches!(dangling, Err(Exposed::NotPlain(_))));
    place.mode(&place.folder(), 0o777);
    assert!(check_way(&absent).is_err());
}

#[test]
fn what_others_can_write_to_can_be_changed() {
    let place = Place::new();
    for (mode, safe) in [(0o644, true), (0o664, true), (0o646, false), (0o602, false)] {
        place.mode(&place.file(), mode);
        let file = File::open(place.file()).unwrap();
        assert_eq!(
            check_unchangeable(&file, &place.file()).is_ok(),
            safe,
            "{mode:o}"
        );
    }
}

#[test]
fn own_folder_is_nobody_elses() {
    let (ours, path) = (geteuid().as_raw(), Path::new("/folder"));
    assert!(check_own_folder(path, 0o700, ours).is_ok());
    for mode in [0o750, 0o701, 0o770, 0o1777] {
        assert!(check_own_folder(path, mode, ours).is_err(), "{mode:o}");
    }
    assert!(check_own_folder(path, 0o700, ours + 1).is_err());
}
