use super::*;

fn group(name: &str) -> Group {
    Group::named(name).unwrap()
}

#[test]
fn a_name_is_short_and_plain() {
    let long = "x".repeat(32);
    for name in ["a", "0", "shop", "shop-2_eu", "-", &long] {
        assert_eq!(group(name).to_string(), name);
    }
    let longer = "x".repeat(33);
    for name in ["", "Shop", "shöp", "a b", "a:b", "a.b", "a\0", &longer] {
        assert_eq!(Group::named(name), Err(BadGroup), "{name:?}");
    }
    assert_eq!(format!("{:?}", group("shop")), "Group(shop)");
}

#[test]
fn the_default_group_is_the_one_of_that_name_and_has_no_memory() {
    assert_eq!(group("default"), Group::default());
    assert!(Group::default().is_default() && !group("shop").is_default());
    assert_eq!(Group::default().to_string(), "default");
    assert!(Group::default().text_mut().is_none());
    assert!(size_of::<Group>() <= 24);
}

/// Pinned: another tag would end the sessions of the group.
#[test]
fn tags_are_stable_and_none_is_the_default_ones() {
    assert_eq!(Group::default().tag(), [0; 4]);
    assert_eq!(group("shop").tag(), [0xaa, 0xc5, 0x6b, 0xae]);
    for number in 0..2_000 {
        assert_ne!(group(&format!("g{number}")).tag(), [0; 4]);
    }
}

#[test]
fn groups_that_sids_cannot_tell_apart_are_found_out() {
    assert!(group("shop").shares_tag_with(&group("shop")));
    assert!(!group("shop").shares_tag_with(&group("blog")));
    assert!(!group("shop").shares_tag_with(&Group::default()));
}

#[test]
fn the_own_group_is_none_of_the_others() {
    let all = ["default", "shop", "blog"].map(group);
    let groups = Groups::new(group("shop"), all);
    assert_eq!(groups.own(), &group("shop"));
    assert_eq!(groups.others(), [group("default"), group("blog")]);
    assert_eq!(Groups::from(group("shop")).others(), []);
    assert_eq!(Groups::default().own(), &Group::default());
}
