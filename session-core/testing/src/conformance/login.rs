//! From where accounts have logged in.

use super::*;
use session_core::keys::login::LoginDigest;
use session_core::store::{CodeDigest, Familiar, LoginSeen, NETWORKS_PER_OWNER, StoreResult};

const DAY: Duration = Duration::from_secs(86_400);

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

fn digest(byte: u8) -> LoginDigest {
    LoginDigest::from_slice(&[byte; 32]).unwrap_or_else(|| panic!("32 bytes"))
}

async fn note(f: &impl Fixture, account: u8, owner: u8, network: u8) {
    let seen = LoginSeen {
        account: digest(account),
        owner: digest(owner),
        network: digest(network),
    };
    ok(f.store().note_login(&seen).await);
}

/// As another node sees it: the owner, and whether the network is known.
async fn familiar(f: &impl Fixture, account: u8, network: u8) -> Option<(LoginDigest, bool)> {
    let (account, network) = (digest(account), digest(network));
    let found = ok(f.other_node().familiar(&account, &network, DAY).await);
    found.map(|Familiar { owner, network }| (owner, network))
}

async fn age(f: &impl Fixture, network: u8, seconds: i64) {
    let (then, network) = (f.seconds_from_now(-seconds), f.bytes(&[network; 32]));
    f.run(&format!(
        "UPDATE sidgate_login_network SET seen_at = {then} WHERE network = {network}"
    ))
    .await;
}

/// A network is known for the account that used it, and for no other.
pub async fn knows_networks_of_the_account_alone(f: &impl Fixture) {
    assert_eq!(familiar(f, 1, 50).await, None);
    note(f, 1, 9, 50).await;
    note(f, 1, 9, 51).await;
    note(f, 2, 8, 60).await;
    assert_eq!(familiar(f, 1, 50).await, Some((digest(9), true)));
    assert_eq!(familiar(f, 1, 51).await, Some((digest(9), true)));
    assert_eq!(familiar(f, 1, 60).await, Some((digest(9), false)));
    assert_eq!(familiar(f, 3, 50).await, None);
}

/// Whoever has a namesake could otherwise use what is known of the other.
pub async fn a_name_of_two_users_is_nobodys(f: &impl Fixture) {
    note(f, 1, 9, 50).await;
    note(f, 1, 8, 60).await;
    assert_eq!(familiar(f, 1, 50).await, None);
    assert_eq!(familiar(f, 1, 60).await, None);
    age(f, 60, 86_401).await;
    assert_eq!(familiar(f, 1, 50).await, Some((digest(9), true)));
}

/// By the store's clock, and a few at a time.
pub async fn forgets_after_a_while(f: &impl Fixture) {
    for network in [50, 51, 52] {
        note(f, 1, 9, network).await;
    }
    age(f, 50, 86_401).await;
    age(f, 51, 86_401).await;
    assert_eq!(familiar(f, 1, 50).await, Some((digest(9), false)));
    for (forgotten, batch) in [(1, 1), (1, 10), (0, 10)] {
        assert_eq!(ok(f.store().forget_logins(DAY, batch).await), forgotten);
    }
    assert_eq!(familiar(f, 1, 52).await, Some((digest(9), true)));
}

/// Those that were used last stay, whatever names they were used with.
pub async fn keeps_the_latest_of_an_owner(f: &impl Fixture) {
    note(f, 7, 8, 60).await;
    note(f, 1, 9, 50).await;
    age(f, 50, 3_700).await;
    let most = u8::try_from(NETWORKS_PER_OWNER).unwrap_or(u8::MAX);
    for network in 100..100 + most - 1 {
        note(f, 1, 9, network).await;
    }
    note(f, 1, 9, 50).await;
    note(f, 2, 9, 200).await;
    assert_eq!(familiar(f, 1, 100).await, Some((digest(9), false)));
    assert_eq!(familiar(f, 1, 101).await, Some((digest(9), true)));
    assert_eq!(familiar(f, 1, 50).await, Some((digest(9), true)));
    assert_eq!(familiar(f, 2, 200).await, Some((digest(9), true)));
    assert_eq!(familiar(f, 7, 60).await, Some((digest(8), true)));
}

/// When there are too many in all, the oldest go, however young they are.
pub async fn keeps_so_many_in_all(f: &impl Fixture) {
    use session_core::store::NETWORKS_MAX;
    note(f, 1, 9, 50).await;
    let [account, owner, network] = [2, 8, 60].map(|byte| f.bytes(&[byte; 32]));
    let (now, id) = (f.seconds_from_now(0), NETWORKS_MAX + 1);
    // PostgreSQL takes a number of somebody else only when it is told to.
    for clause in ["OVERRIDING SYSTEM VALUE ", ""] {
        let sql = format!(
            "INSERT INTO sidgate_login_network (id, account, owner, network, seen_at) {clause}\
             VALUES ({id}, {account}, {owner}, {network}, {now})"
        );
        if f.sql(&sql).await.is_ok() {
            break;
        }
    }
    assert_eq!(ok(f.store().forget_logins(DAY, 10).await), 1);
    assert_eq!(familiar(f, 1, 50).await, None);
    assert_eq!(familiar(f, 2, 60).await, Some((digest(8), true)));
}

/// No session changes, so there is nothing to announce.
pub async fn is_no_event(f: &impl Fixture) {
    note(f, 1, 9, 50).await;
    assert_eq!(f.head().await, 0);
}

/// However many nodes are asked at once, a code of a handover counts for one of them.
pub async fn a_code_counts_once(f: &impl Fixture) {
    let code = CodeDigest::of("code");
    let (one, other) = (f.store(), f.other_node());
    let calls = (0..20).map(|at| {
        if at % 2 == 0 {
            one.redeem(&code)
        } else {
            other.redeem(&code)
        }
    });
    let answers = futures_util::future::join_all(calls)
        .await
        .into_iter()
        .map(ok);
    assert_eq!(answers.filter(|is_first| *is_first).count(), 1);
    assert!(ok(other.redeem(&CodeDigest::of("another")).await));
    assert!(!ok(one.redeem(&CodeDigest::of("another")).await));
}

/// The row of a code goes when the code has long been too old.
pub async fn used_codes_are_forgotten(f: &impl Fixture) {
    let code = CodeDigest::of("code");
    assert!(ok(f.store().redeem(&code).await));
    assert_eq!(ok(f.store().housekeep(10).await).codes, 0);
    let then = f.seconds_from_now(-3_601);
    f.run(&format!("UPDATE sidgate_handover SET at = {then}"))
        .await;
    assert_eq!(ok(f.store().housekeep(10).await).codes, 1);
    assert!(ok(f.store().redeem(&code).await));
}
