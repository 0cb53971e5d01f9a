//! What is remembered of a login and its use.

use session_core::clock::Timestamp;
use session_core::keys::login::LoginDigest;
use session_core::store::{LoginSeen, LoginStore as _, Sighting, SightingStore as _};

use super::*;

#[tokio::test]
async fn traces_of_a_login() {
    let asked = Asked::new().await;
    let (store, mut table) = (&asked.store, Table::new());
    for n in 0..2 {
        table.clear();
        let digest = |byte| LoginDigest::from_slice(&[byte; 32]).unwrap();
        let seen = LoginSeen {
            account: digest(1),
            owner: digest(2),
            network: digest(3 + n),
        };
        let within = Duration::from_secs(60);
        let familiar = store.familiar(&seen.account, &seen.network, within);
        let familiar = asked.by(&mut table, "familiar", familiar);
        familiar.await.unwrap();
        for what in ["new network", "known network"] {
            let noted = asked.by(&mut table, what, store.note_login(&seen));
            noted.await.unwrap();
        }
        let sighting = sighting();
        let sighted = asked.by(&mut table, "sighting", store.sight(&sighting));
        sighted.await.unwrap();
    }
    let expected = [
        ("familiar", "WITH"),
        ("new network", "WITH"),
        ("known network", "WITH"),
        ("sighting", "INSERT"),
    ];
    assert_asked(&table, &expected);
}

fn sighting() -> Sighting {
    Sighting {
        session: Uuid::from_u128(1),
        user_id: "7".into(),
        tenant_id: None,
        at: Timestamp::default(),
        left_at: None,
        network: Ipv4Addr::LOCALHOST.into(),
        family: "curl".into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    }
}
