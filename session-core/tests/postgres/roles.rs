//! Who may do what: an app's role changes sessions without any right on the log, and the gateway's needs no DDL.

use session_core::store::InspectStore as _;

use super::*;

/// A role that lives as long as the server, so its name carries the database's.
async fn role(database: &TestDatabase, kind: &str, grants: &[&str]) -> String {
    let client = database.client().await;
    let name: String = client
        .query_one("SELECT current_database()::text", &[])
        .await
        .unwrap()
        .get(0);
    let role = format!("{kind}_{name}");
    client
        .batch_execute(&format!("CREATE ROLE {role} LOGIN"))
        .await
        .unwrap();
    for grant in grants {
        let grant = format!("GRANT {grant} TO {role}");
        client.batch_execute(&grant).await.unwrap();
    }
    role
}

#[tokio::test]
async fn an_app_needs_rights_on_nothing_but_what_it_changes() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let a = store.insert(&login(1)).await.unwrap();
    let grants = [
        "SELECT, UPDATE, DELETE ON sidgate_session",
        "SELECT, INSERT, UPDATE ON sidgate_revocation",
    ];
    let app = database
        .client_as(&role(&database, "app", &grants).await)
        .await;
    // Neither its search path nor its temporary tables matter.
    app.batch_execute("CREATE TEMPORARY TABLE sidgate_clock (seq bigint); CREATE TEMPORARY TABLE sidgate_event (seq bigint)")
        .await
        .unwrap();
    let delete =
        "SET search_path = pg_temp; DELETE FROM public.sidgate_session WHERE user_id = '7'";
    app.batch_execute(delete).await.unwrap();
    let revoke = "INSERT INTO public.sidgate_revocation (kind, subject) VALUES ('tenant', 't1')";
    app.batch_execute(revoke).await.unwrap();
    let expected = [Subject::Session(a.key), Subject::Tenant("t1".into())];
    assert_eq!(subjects(&store).await, expected);
    for forbidden in [
        "INSERT INTO public.sidgate_event (seq, kind) VALUES (99, 'flush')",
        "UPDATE public.sidgate_clock SET seq = 0",
        "SELECT public.sidgate_append('flush', NULL, NULL, NULL)",
        "CREATE TEMPORARY TABLE t (x int); CREATE TRIGGER t AFTER TRUNCATE ON t EXECUTE FUNCTION public.sidgate_session_emptied()",
    ] {
        let refused = app.batch_execute(forbidden).await.unwrap_err();
        assert_eq!(
            refused.code().map(|code| code.code()),
            Some("42501"),
            "{forbidden}"
        );
    }
}

#[tokio::test]
async fn a_gateway_needs_no_ddl() {
    let database = TestPostgres::shared().database();
    let url = database.url_as(&database.gateway_role().await);
    let store = PostgresStore::new(&url, options()).unwrap();
    store.check_schema().await.unwrap();
    store.apply_schema().await.unwrap();
}

#[tokio::test]
async fn rights_that_no_gateway_needs_are_named() {
    let database = TestPostgres::shared().database();
    assert_eq!(
        database.store().rights().await.unwrap().needless,
        ["is a superuser"]
    );
    let rights = async |kind: &str, grants: &[&str]| {
        let role = role(&database, kind, grants).await;
        let store = PostgresStore::new(&database.url_as(&role), options()).unwrap();
        store.rights().await.unwrap().needless
    };
    let needed = "SELECT, INSERT, UPDATE, DELETE ON sidgate_session";
    assert!(rights("modest", &[needed]).await.is_empty());
    assert_eq!(
        rights(
            "bold",
            &[
                needed,
                "TRUNCATE, TRIGGER ON sidgate_session",
                "CREATE ON SCHEMA public"
            ]
        )
        .await,
        [
            "may CREATE in their schema",
            "may TRUNCATE them",
            "may put TRIGGERs on them"
        ]
    );
}
