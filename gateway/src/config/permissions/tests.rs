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
        (0o600, [true, true]),
        (0o400, [true, true]),
        (0o440, [true, true]),
        (0o640, [true, true]),
        (0o660, [false, true]),
        (0o610, [false, false]),
        (0o604, [false, false]),
        (0o602, [false, false]),
        (0o601, [false, false]),
        (0o644, [false, false]),
    ] {
        place.mode(&place.file(), mode);
        let may = [OwnGroups::Read, OwnGroups::Write];
        let found = may.map(|own_groups| place.private(own_groups).is_ok());
        assert_eq!(found, private, "{mode:o}");
    }
}

/// A user with these groups, who looks at the file.
fn seen_by(place: &Place, user: u32, groups: &[u32], own_groups: OwnGroups) -> Result<(), Exposed> {
    let us = Us {
        user,
        groups: groups.to_vec(),
    };
    us.check_private(
        &place.file(),
        &fs::metadata(place.file()).unwrap(),
        own_groups,
    )
}

#[test]
fn groups_and_owners_that_are_not_ours_are_others() {
    if !is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    const OWNER: u32 = 1_000;
    const GROUP: u32 = 65_534;
    let place = Place::new();
    let hand = |owner: u32, group: u32, mode: u32| {
        chown(place.file(), Some(owner), Some(group)).unwrap();
        place.mode(&place.file(), mode);
    };
    let read = |user: u32, groups: &[u32]| seen_by(&place, user, groups, OwnGroups::Read);
    for mode in [0o640, 0o440] {
        // Root, or we, may hand it over to one of our groups, and to no other.
        hand(0, GROUP, mode);
        assert!(read(OWNER, &[7, GROUP]).is_ok());
        assert!(read(OWNER, &[7]).is_err());
        assert!(read(OWNER, &[]).is_err());
        // What root gives to a group, a process of root may read as well.
        assert!(read(0, &[0]).is_ok());
        hand(OWNER, GROUP, mode);
        assert!(read(OWNER, &[GROUP]).is_ok());
        // The group of root is as good as root.
        hand(0, 0, mode);
        assert!(read(OWNER, &[7]).is_ok());
        hand(OWNER, 0, mode);
        assert!(read(OWNER, &[7]).is_err());
        hand(OWNER, GROUP, mode);
        // Its owner may give it to any group.
        assert!(read(0, &[0, GROUP]).is_err());
        assert!(read(7, &[GROUP]).is_err());
    }
    for mode in [0o460, 0o660, 0o444, 0o644, 0o441] {
        hand(0, GROUP, mode);
        assert!(read(OWNER, &[GROUP]).is_err(), "{mode:o}");
        assert!(read(0, &[0]).is_err(), "{mode:o}");
    }
    hand(OWNER, GROUP, 0o600);
    assert!(read(0, &[0]).is_ok(), "its group cannot read");
    hand(0, GROUP, 0o660);
    assert!(seen_by(&place, OWNER, &[GROUP], OwnGroups::Write).is_ok());
    assert!(seen_by(&place, OWNER, &[], OwnGroups::Write).is_err());
}

#[test]
fn refusal_says_who_could_read_and_what_to_do() {
    if !is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let place = Place::new();
    place.mode(&place.file(), 0o640);
    let told = |owner: u32, user: u32| {
        chown(place.file(), Some(owner), Some(65_534)).unwrap();
        let refused = seen_by(&place, user, &[user], OwnGroups::Read);
        refused.unwrap_err().to_string()
    };
    for (told, why) in [
        (told(0, 1_000), "its group 65534 is none of this process"),
        (
            told(7, 1_000),
            "it belongs to user 7, not to root or to the user of this process (1000)",
        ),
    ] {
        assert!(told.contains("is open to others (mode 0640): "), "{told}");
        for hint in [why, "type: chmod 600 /", "mode 0440 or 0640", "fsGroup"] {
            assert!(told.contains(hint), "{hint}: {told}");
        }
    }
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
