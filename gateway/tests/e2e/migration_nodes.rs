//! Old logins on several nodes: one session, however many ask, and whoever dies.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use session_testing::{TestDatabase, TestPostgres};
use sidgate_testkit::legacy::{INTROSPECT, MIGRATION, judge, questions};
use sidgate_testkit::stores::{sql, sql_number, store_config};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway, Request, Response};

use crate::migration::{cookies, with_cookie};

struct Cluster {
    nodes: Vec<Gateway>,
    database: TestDatabase,
    app: App,
}

impl Cluster {
    fn start(count: usize, thinks: Duration) -> Self {
        let app = App::start();
        app.on(INTROSPECT, move |exchange| {
            thread::sleep(thinks);
            judge(&exchange.json())
        });
        let database = TestPostgres::shared().database();
        let config = store_config(&database) + MIGRATION;
        let first = Gateway::in_front_of(&app)
            .with(&config)
            .with("[backend]\ntimeout = \"5s\"")
            .start();
        let mut nodes = vec![first];
        while nodes.len() < count {
            let node = Gateway::in_front_of(&app)
                .with(&config)
                .with("[backend]\ntimeout = \"5s\"")
                .master_of(&nodes[0])
                .start();
            nodes.push(node);
        }
        Self {
            nodes,
            database,
            app,
        }
    }

    fn sessions(&self) -> i64 {
        sql_number(&self.database, "SELECT count(*) FROM sidgate_session")
    }
}

fn request() -> Request {
    let cookie = "session_token=alice.1; dott_auth_session=alice.2";
    with_cookie(Request::get("/required"), cookie)
}

/// The answer of a node that knows; 503 is no answer to who somebody is.
fn admitted(node: &Gateway) -> Response {
    until("an answer", LONG, || {
        let response = node.send(&request());
        assert!([200, 503].contains(&response.status), "{response:?}");
        (response.status == 200).then_some(response)
    })
}

#[test]
fn two_hundred_first_requests_over_three_nodes_make_one_session() {
    let cluster = Cluster::start(3, Duration::from_millis(300));
    let sids: Vec<String> = thread::scope(|scope| {
        let asking: Vec<_> = (0..200)
            .map(|number| {
                let node = &cluster.nodes[number % 3];
                scope.spawn(move || cookies(&admitted(node)).0.expect("a sid"))
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(sids.iter().all(|sid| *sid == sids[0]));
    assert_eq!(cluster.sessions(), 1);
    let asked = questions(&cluster.app).len();
    assert!((2..=6).contains(&asked), "{asked} questions");
}

#[test]
fn a_node_that_dies_in_the_middle_costs_nothing() {
    // Two questions of 300 ms, one for each credential.
    for after in [0, 290, 590, 605, 620] {
        let cluster = Cluster::start(2, Duration::from_millis(300));
        let (one, two) = (&cluster.nodes[0], &cluster.nodes[1]);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = one.connect();
                connection.write(&request().bytes(&one.host()));
                drop(connection.try_read(false));
            });
            until_true("the question", LONG, || !questions(&cluster.app).is_empty());
            thread::sleep(Duration::from_millis(after));
            one.signal(Signal::KILL);
        });
        let sid = cookies(&admitted(two)).0.unwrap();
        assert!(two.knows(&sid), "logged in");
        assert_eq!(cluster.sessions(), 1, "killed after {after} ms");
    }
}

#[test]
fn an_ended_login_stays_ended_on_every_node_and_without_its_session() {
    let cluster = Cluster::start(2, Duration::ZERO);
    let (one, two) = (&cluster.nodes[0], &cluster.nodes[1]);
    let sid = cookies(&admitted(one)).0.unwrap();
    assert_eq!(one.log_out(&sid).status, 204);
    assert_eq!(two.send(&request()).status, 401);
    // As housekeeping does it a day later.
    sql(&cluster.database, "DELETE FROM sidgate_session");
    let third = Gateway::in_front_of(&cluster.app)
        .with(&(store_config(&cluster.database) + MIGRATION))
        .master_of(one)
        .start();
    assert_eq!(third.send(&request()).status, 401);
    assert_eq!(cluster.sessions(), 0);
    assert_eq!(questions(&cluster.app).len(), 2);
}
