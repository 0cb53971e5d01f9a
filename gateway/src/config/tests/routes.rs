//! Which route decides about a path.

use super::super::{PathPrefix, Routes};
use super::Place;
use proptest::prelude::*;

/// Routes in this order, each to an upstream of its own number.
fn routes(paths: &[String]) -> Routes {
    let mut text = String::from("[backend]\nupstream = \"u0\"\n");
    for (index, path) in paths.iter().enumerate() {
        text.push_str(&format!("[upstreams.u{index}]\nservers = [\"h:1\"]\n"));
        text.push_str(&format!(
            "[[routes]]\npath = {path:?}\nupstream = \"u{index}\"\nsession = \"optional\"\n"
        ));
    }
    Place::new().good(&text).routes
}

fn decided(routes: &Routes, path: &str) -> Option<usize> {
    let name = &routes.route_for("localhost", path)?.app()?.name;
    name.strip_prefix('u')
        .and_then(|number| number.parse().ok())
}

#[test]
fn a_route_covers_whole_segments() {
    for spelling in ["/admin", "/admin/"] {
        let routes = routes(&[spelling.to_owned()]);
        for path in [
            "/admin",
            "/admin/",
            "/admin/x",
            "/admin//",
            "/admin?next=/",
            "/admin/x?y",
            "/admin#x",
        ] {
            assert_eq!(decided(&routes, path), Some(0), "{spelling} {path}");
        }
        for path in [
            "/administrator",
            "/admi",
            "/ADMIN",
            "/admin.rsc",
            "/admin;x",
            "/x/admin",
            "/",
            "",
            "admin",
            "*",
        ] {
            assert_eq!(decided(&routes, path), None, "{spelling} {path}");
        }
    }
}

#[test]
fn the_root_covers_every_path_and_nothing_else() {
    let routes = routes(&["/".to_owned()]);
    for path in ["/", "/x", "/x/y", "/?x", "//"] {
        assert_eq!(decided(&routes, path), Some(0), "{path}");
    }
    for path in ["", "*", "?x", "x"] {
        assert_eq!(decided(&routes, path), None, "{path}");
    }
}

#[test]
fn the_longest_route_decides_wherever_it_stands() {
    let paths = ["/", "/api/v1/", "/api", "/api/v1/admin", "/app"].map(str::to_owned);
    for rotation in 0..paths.len() {
        let mut order = paths.to_vec();
        order.rotate_left(rotation);
        let routes = routes(&order);
        for (path, wanted) in [
            ("/", "/"),
            ("/apiary", "/"),
            ("/api", "/api"),
            ("/api/v10", "/api"),
            ("/api/v1", "/api/v1/"),
            ("/api/v1/administrators", "/api/v1/"),
            ("/api/v1/admin/x", "/api/v1/admin"),
            ("/app/api/v1", "/app"),
        ] {
            let index = decided(&routes, path).expect("a route");
            assert_eq!(order[index], wanted, "{path}");
        }
    }
}

#[test]
fn two_spellings_of_a_path_are_one_route() {
    let text = format!(
        "{}[[routes]]\npath = \"/a\"\nupstream = \"django\"\n",
        super::MINIMAL
    );
    let again = format!("{text}[[routes]]\npath = \"/a/\"\nupstream = \"django\"\n");
    Place::new().good(&text);
    Place::new().one_fault(&again, "routes[2].path", "is the path of routes[1] too");
}

#[test]
fn a_faulty_path_does_not_shadow_a_good_one() {
    let text = format!(
        "[[routes]]\npath = \"x\"\nupstream = \"django\"\n{}",
        super::MINIMAL
    );
    Place::new().one_fault(&text, "routes[0].path", "does not begin with \"/\"");
}

/// The definition, word for word: all segments of the prefix are the first segments of the path.
pub(super) fn covers_by_segments(prefix: &str, path: &str) -> bool {
    let prefix: Vec<_> = prefix
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let path: Vec<_> = path.split('/').skip(1).collect();
    path.starts_with(&prefix)
}

pub(super) fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,2}", 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn covering_is_by_segments(prefix in path(), slash in any::<bool>(), path in path()) {
        let text = if slash { format!("{prefix}/") } else { prefix.clone() };
        if let Ok(parsed) = PathPrefix::parse(&text) {
            prop_assert_eq!(parsed.covers(&path), covers_by_segments(&prefix, &path));
        }
    }

    #[test]
    fn the_decision_is_the_longest_match(paths in prop::collection::btree_set(path(), 1..8), path in path()) {
        let paths: Vec<String> = paths.into_iter().collect();
        let matching = paths.iter().enumerate().filter(|(_, prefix)| covers_by_segments(prefix, &path));
        let wanted = matching.max_by_key(|(_, prefix)| prefix.len()).map(|(index, _)| index);
        prop_assert_eq!(decided(&routes(&paths), &path), wanted);
    }
}
