//! The rights that are granted to a gateway are those that it needs: all of them, and no others.

use session_core::clock::Timestamp;
use session_core::keys::legacy::Credential;
use session_core::keys::login::LoginDigest;
use session_core::keys::{Keyring, MasterKey};
use session_core::session::{OverLimit, SessionLimit};
use session_core::store::postgres::{Identifier, grants};
use session_core::store::{
    Adoption, Attachment, Change, CodeDigest, Cursor, Grant, InspectStore as _, LegacyStore as _,
    LoginSeen, LoginStore as _, ProvenRow, Renewal, Search, Seen, Sighting, SightingStore as _,
    StoreResult,
};

use super::*;

/// The calls that were refused for want of a right.
#[derive(Default)]
struct Refusals(Vec<&'static str>);

impl Refusals {
    /// Without USAGE of its schema a table is not found.
    fn note<T>(&mut self, call: &'static str, answer: StoreResult<T>) {
        if let Err(error) = answer {
            let is_hidden = matches!(error, StoreError::Schema(SchemaError::Missing));
            if is_hidden || format!("{error:?}").contains("42501") {
                self.0.push(call);
            }
        }
    }
}

/// Runs every statement of the store. `n` keeps what it makes apart from what it made before.
async fn refusals(store: &PostgresStore, n: u8) -> Vec<&'static str> {
    let mut refusals = Refusals::default();
    of_sessions(store, n, &mut refusals).await;
    of_the_log(store, &mut refusals).await;
    of_old_logins(store, n, &mut refusals).await;
    of_logins(store, n, &mut refusals).await;
    refusals.0
}

async fn of_sessions(store: &PostgresStore, n: u8, refusals: &mut Refusals) {
    let mut new = login(n);
    new.sampled = store.head().await.unwrap_or(0);
    new.limit = Some(SessionLimit {
        max: std::num::NonZeroU32::MIN,
        over: OverLimit::EvictOldest,
    });
    refusals.note("insert", store.insert(&new).await);
    refusals.note("load", store.load(&new.key).await);
    let change = Change {
        identity: new.identity.clone(),
        references: References::default(),
    };
    refusals.note("update", store.update(&new.key, 1, &change).await);
    let renewal = Renewal {
        of: new.key,
        to: SessionKey::from_bytes([n.wrapping_add(100); 32]),
        group: Group::default(),
        grace: Duration::from_secs(1),
    };
    refusals.note("renew", store.renew(&renewal).await);
    let touch = Touch {
        key: renewal.to,
        age: Duration::ZERO,
    };
    refusals.note("touch", store.touch(&[touch]).await);
    refusals.note("find", store.find(new.id).await);
    refusals.note(
        "list",
        store.list_by_user("7", &Group::default(), None, 1).await,
    );
    let search = Search {
        limit: 1,
        ..Search::default()
    };
    refusals.note("search", store.search(&search).await);
    refusals.note("count_live", store.count_live().await);
    for scope in [
        Scope::Key(renewal.to),
        Scope::Handle {
            id: new.id,
            user_id: None,
            group: None,
        },
        Scope::Others {
            user_id: "7".into(),
            keep: new.key,
            group: None,
        },
        Scope::Member {
            user_id: "7".into(),
            group: Group::default(),
        },
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        let revoked = store.revoke(&scope, RevokeReason::Admin).await;
        refusals.note("revoke", revoked);
    }
}

async fn of_the_log(store: &PostgresStore, refusals: &mut Refusals) {
    let node = Uuid::from_u128(1);
    refusals.note("check_schema", store.check_schema().await);
    refusals.note("head", store.head().await);
    refusals.note("pulse", store.pulse(Uuid::nil(), 0).await);
    refusals.note("history", store.history(10).await);
    refusals.note("report", store.report(node, 0, None).await);
    refusals.note("report", store.report_and_pulse(node, 0, None).await);
    refusals.note("nodes", store.nodes(Duration::from_secs(9)).await);
    refusals.note("retire", store.retire(node).await);
    refusals.note("housekeep", store.housekeep(10).await);
}

async fn of_old_logins(store: &PostgresStore, n: u8, refusals: &mut Refusals) {
    let keys = Keyring::new(MasterKey::from_bytes([9; 32]), vec![]);
    let credentials = |value: String| {
        let credential = Credential {
            name: "old",
            value: value.as_bytes(),
        };
        let old = keys.legacy(credential, &Group::default());
        let proved = Timestamp::from_micros(i64::MAX / 4);
        let rows = old.rows(&old.sid()).into_iter();
        let mut rows: Vec<_> = rows.map(|row| ProvenRow { row, proved }).collect();
        rows.sort_by_key(|proven| proven.row.key);
        (old, rows)
    };
    let (old, rows) = credentials(format!("adopted {n}"));
    let mut session = login(n);
    session.key = old.session_key();
    session.id = Uuid::from_u128(1_000 + u128::from(n));
    session.sampled = store.head().await.unwrap_or(0);
    let session_key = session.key;
    refusals.note("recall", store.recall(&old.keys()).await);
    let kept = Some(vec![1]);
    let adoption = Adoption {
        erased: Vec::new(),
        session,
        rows,
        kept,
    };
    refusals.note("adopt", store.adopt(&adoption).await);
    refusals.note("kept", store.kept(&session_key).await);
    let attachment = Attachment {
        erased: Vec::new(),
        session_key,
        group: Group::default(),
        user_id: "7".into(),
        tenant_id: None,
        rows: credentials(format!("attached {n}")).1,
    };
    refusals.note("attach", store.attach(&attachment).await);
    refusals.note("cut_off", store.cut_off("8", &Group::default()).await);
    refusals.note(
        "forget_legacy",
        store.forget_legacy(Duration::ZERO, 1).await,
    );
    let seen = Seen {
        what: "adopted".into(),
        times: 1,
    };
    refusals.note("tally", store.tally(&[seen]).await);
    refusals.note("tallied", store.tallied().await);
}

async fn of_logins(store: &PostgresStore, n: u8, refusals: &mut Refusals) {
    let [account, owner, network] =
        [n, 201, 202].map(|byte| LoginDigest::from_slice(&[byte; 32]).unwrap());
    let seen = LoginSeen {
        account,
        owner,
        network,
    };
    let hour = Duration::from_secs(3_600);
    refusals.note("note_login", store.note_login(&seen).await);
    let code = CodeDigest::of("code");
    refusals.note("redeem", store.redeem(&code).await);
    let familiar = store.familiar(&account, &network, hour).await;
    refusals.note("familiar", familiar);
    refusals.note("forget_logins", store.forget_logins(hour, 1).await);
    let sighting = Sighting {
        session: Uuid::from_u128(1),
        user_id: "7".into(),
        tenant_id: None,
        at: Timestamp::default(),
        left_at: None,
        network: Ipv4Addr::LOCALHOST.into(),
        family: "".into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    };
    let session = sighting.session;
    refusals.note("sight", store.sight(&sighting).await);
    refusals.note("sightings_of", store.sightings_of(session, 1).await);
    refusals.note("flags", store.flags(&[session], 1).await);
    let from = Cursor::before(Timestamp::default());
    refusals.note("sightings_from", store.sightings_from(from, 1).await);
    refusals.note("forget_sightings", store.forget_sightings(hour, 1).await);
}

/// The same rights, each in a statement of its own.
fn one_by_one(grants: Vec<Grant>) -> Vec<Grant> {
    let each = grants.into_iter().flat_map(|grant| {
        let words: Vec<String> = grant
            .privileges
            .iter()
            .flat_map(|privilege| match privilege.split_once(" (") {
                None => vec![privilege.clone()],
                Some((word, columns)) => columns
                    .trim_end_matches(')')
                    .split(", ")
                    .map(|column| format!("{word} ({column})"))
                    .collect(),
            })
            .collect();
        words.into_iter().map(move |word| Grant {
            privileges: vec![word],
            ..grant.clone()
        })
    });
    each.collect()
}

fn all_grants(role: &str) -> Vec<Grant> {
    let schema = Identifier::new("public").unwrap();
    grants(&schema, &Identifier::of_role(role).unwrap())
}

#[tokio::test]
async fn each_right_is_needed_and_is_named_when_it_is_gone() {
    let database = TestPostgres::shared().database();
    let client = database.client().await;
    // What everybody may would hide what the role may not.
    client
        .batch_execute(
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; \
             REVOKE ALL ON FUNCTION sidgate_current_key(bytea) FROM PUBLIC",
        )
        .await
        .unwrap();
    let role = database.gateway_role().await;
    let store = || PostgresStore::new(&database.url_as(&role), PostgresOptions::default()).unwrap();
    assert_eq!(refusals(&store(), 1).await, [""; 0]);
    let rights = one_by_one(all_grants(&role));
    assert!(rights.len() > 50, "{}", rights.len());

    for (n, grant) in (2..).zip(&rights) {
        let given = grant.to_string();
        let taken = given
            .replace("GRANT ", "REVOKE ")
            .replace(" TO \"", " FROM \"");
        client.batch_execute(&taken).await.unwrap();

        // Connections that are open remember what they have looked up.
        let store = store();
        let found = store.rights().await.unwrap();
        assert_eq!(found.missing, std::slice::from_ref(grant), "{given}");
        let told = found.accept().unwrap_err().to_string();
        assert!(told.contains(&given), "{told}");
        assert_ne!(refusals(&store, n).await, [""; 0], "{given} is not needed");

        client.batch_execute(&given).await.unwrap();
        assert_eq!(store.rights().await.unwrap().missing, []);
    }
}

#[tokio::test]
async fn rights_on_one_thing_are_one_statement_and_the_statement_mends_them() {
    let database = TestPostgres::shared().database();
    let client = database.client().await;
    let role = database.gateway_role().await;
    let url = database.url_as(&role);
    let store = PostgresStore::new(&url, PostgresOptions::default()).unwrap();
    let taken = format!(
        "REVOKE ALL ON sidgate_session, sidgate_former_key FROM {role}; \
         GRANT UPDATE ON sidgate_session TO {role}"
    );
    client.batch_execute(&taken).await.unwrap();

    let missing = store.rights().await.unwrap().missing;

    let said: Vec<String> = missing.iter().map(Grant::to_string).collect();
    assert_eq!(
        said,
        [
            format!("GRANT SELECT, INSERT, DELETE ON \"public\".sidgate_session TO \"{role}\""),
            format!(
                "GRANT SELECT, INSERT, UPDATE (successor), DELETE ON \"public\".sidgate_former_key TO \"{role}\""
            ),
        ],
        "UPDATE of a table is UPDATE of its columns"
    );
    client.batch_execute(&said.join(";")).await.unwrap();
    assert_eq!(store.rights().await.unwrap().missing, []);
}

/// Names are quoted wherever they come from, and the tables are looked for where the gateway looks.
#[tokio::test]
async fn roles_and_schemas_of_any_name_are_spelled_right() {
    let database = TestPostgres::shared().bare_database();
    let client = database.client().await;
    let number: i32 = client
        .query_one(
            "SELECT oid::int4 FROM pg_database WHERE datname = current_database()",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let role = format!("g\"w; DROP TABLE sidgate_clock; -- {number}");
    let (name, schema) = (
        Identifier::of_role(role.as_str()).unwrap(),
        Identifier::new("Side \"Gate").unwrap(),
    );
    let made = format!(
        "DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN; CREATE SCHEMA {schema}; \
         ALTER ROLE {name} SET search_path = {schema}; SET search_path = {schema}"
    );
    client.batch_execute(&made).await.unwrap();
    let plan = database.store().schema_plan().await.unwrap().unwrap();
    let plan = plan.replace("search_path = public,", &format!("search_path = {schema},"));
    database.psql(&plan).unwrap();
    let encoded: String = role.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let store = PostgresStore::new(&database.url_as(&encoded), PostgresOptions::default()).unwrap();

    let missing = store.rights().await.unwrap().missing;
    assert_eq!(
        missing.first().unwrap().to_string(),
        format!("GRANT USAGE ON SCHEMA {schema} TO {name}")
    );
    for grant in missing {
        client.batch_execute(&grant.to_string()).await.unwrap();
    }
    assert_eq!(store.rights().await.unwrap().missing, []);
    store.check_schema().await.unwrap();
    assert_eq!(store.about().await.unwrap().role, Some(role));
}

#[tokio::test]
async fn a_store_says_what_it_is_connected_to() {
    let database = TestPostgres::shared().database();
    let about = database.store().about().await.unwrap();
    let version = about.server.strip_prefix("PostgreSQL ").unwrap();
    assert!(
        version.starts_with(|digit: char| digit.is_ascii_digit()),
        "{about:?}"
    );
    assert!(!version.contains(' '), "{about:?}");
    assert!(about.database.starts_with("test_"), "{about:?}");
    assert_eq!(about.role.as_deref(), Some("postgres"));
    assert_eq!(about.schema.found, about.schema.needed);
    assert_eq!(about.tls, None);
    let bare = TestPostgres::shared().bare_database();
    assert_eq!(bare.store().about().await.unwrap().schema.found, 0);
    let rights = bare.store().rights().await.unwrap_err();
    assert!(
        matches!(rights, StoreError::Schema(SchemaError::Missing)),
        "{rights:?}"
    );
}
