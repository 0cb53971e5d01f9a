use super::*;

const fn status(found: i32, works_from: i32) -> SchemaStatus {
    SchemaStatus::of(found, works_from)
}

#[test]
fn an_older_program_works_with_what_says_so() {
    const OURS: i32 = SCHEMA_VERSION;
    for (found, works_from, fit) in [
        (0, 0, SchemaFit::Missing),
        (1, 1, SchemaFit::Behind),
        (OURS - 1, OURS - 1, SchemaFit::Behind),
        (OURS, OURS, SchemaFit::Exact),
        (OURS, OURS - 1, SchemaFit::Exact),
        (OURS + 1, OURS, SchemaFit::Ahead),
        (OURS + 9, 1, SchemaFit::Ahead),
        (OURS + 1, OURS + 1, SchemaFit::TooNew),
    ] {
        let status = status(found, works_from);
        assert_eq!(status.fit(), fit, "{status:?}");
        let works = matches!(fit, SchemaFit::Exact | SchemaFit::Ahead);
        assert_eq!(status.accept().is_ok(), works, "{status:?}");
    }
}

#[test]
fn every_version_says_which_programs_work_with_it() {
    assert_eq!(
        i32::try_from(COMPATIBLE_FROM.len()),
        Ok(SCHEMA_VERSION),
        "one entry for each version"
    );
    for (version, oldest) in (1..).zip(COMPATIBLE_FROM) {
        assert!((1..=version).contains(&oldest), "{version}: {oldest}");
    }
    assert!(COMPATIBLE_FROM.is_sorted(), "what was broken stays broken");
}

#[test]
fn a_version_is_written_down_with_what_the_table_can_hold() {
    assert_eq!(
        record(10),
        "INSERT INTO sidgate_schema (version) VALUES (10);"
    );
    assert_eq!(
        record(11),
        "INSERT INTO sidgate_schema (version, compatible_from) VALUES (11, 11);"
    );
}

/// Installations have run them: an edit would leave theirs and ours apart. A change is a new migration.
#[test]
fn released_migrations_are_never_edited() {
    // BLAKE3 of each file, 0001 first.
    const POSTGRES: &[&str] = &[
        "ae128a58847a229200a58dba6dbff20e41391381400fa28eb6f743189b162e0f",
        "e91224c4d469091544182ff1bec1b5e09f13bc5abd7d5b50fe31547480a1fb15",
        "a1c90d8f0dd7c6acd3e3db41edb6a70241ab0686cba8c6b2e48b0cfe02757cc6",
        "115fe5f2b58df0e1426bbf689a50c33ec8b0e63465861aa41f8876a6d7cc1689",
        "6add93facb7ec555937fc0e1d6ef30248d2652f651095a28d0046d843b89423b",
        "292d517de28f01a19f9d580aa2e74d5454b7ad53f1916f672a3740ca8e25674d",
        "0f1fe3925b2b4fc6ad26e72cd6e5f3c754014cd41fe4cacd7f8e36c482019208",
        "22055fa100c253fe6d5bf09d0bdb33228c1df2605eb5d7209637884ad065c4d3",
        "4e7dd50826bd4b97ec5cdfd37939df1e4d2a4bde53a70fc0e72956fadeea75c6",
        "1972386fb7883f56a62d29e9267cfeaf99c20317bccbe3d248ea5ca8081f4ebb",
        "08812fa382246aee77f4d20b35e49f3f8a5c26218842af9551fd39bdd55eb4a3",
        "372a8e10eba5fe4bbaba1e4f2e384a21a17fd4d0a28b299f0b2a64d4db35a5f1",
        "86a64fb09f849e1121b551d4a4efc5968f2e86c0b3258910522634cbf1b67fc1",
    ];
    const SQLITE: &[&str] = &[
        "de38ceedef29ff4c21e2b5e9415d5cbc342a014e758dec25d28d0b56b712e3c9",
        "0a8d725d9eff536efc08961158813fdf66c8e2582c13ca32b11e1b856504cf5e",
        "4f6114b8d10a8c8c9b61f63f35e0be7bc018940bc3d1018381ce6316d947a6e4",
        "28376dbf5d4c131dc5724852a9ae8c3673b92e52dbe0e57bd5def0b8b7ed16c5",
        "1da463987a2fb68218b468d063ef50dae5f28aa853194cf247d4df4e9cb6169b",
        "c267e9ceb42fc32c6e2c650fb72ed98a0050580cf650def9fa02251797d23683",
        "1fdf548a6c43f30b2c73764fabefa4941aea1e6ba2cd82c7e7f476b242cf09fa",
        "80c27f4ef0c8f1fcf5879aa827e18c4135c6ab8a666bbfe33c549909d0a73872",
        "c3ebc84536ad9dc05efeadf9f7e14821b63d5d9bf64c521223f6c6a231be598f",
        "c28293fa7496f1fe752da00b952e1a93fa4f68035e596135c3deac77babb9727",
        "7fdbf7860c68a6d103e4d9ce4a176d899b3af14ed3cfe0b6c8321d173b1bb661",
        "09fd5461beb931cf05fdac8f08cf5924404cd71354a8458ce51b5e674a3dcda4",
        "e2d781f2a3db3f810c40acdeac993139229816ac8973fccf41f2f400d04402b8",
    ];
    let digests = |migrations: [&str; COMPATIBLE_FROM.len()]| {
        let each = migrations.map(|text| blake3::hash(text.as_bytes()).to_hex().to_string());
        each.to_vec()
    };
    assert_eq!(digests(crate::store::postgres::MIGRATIONS), POSTGRES);
    assert_eq!(digests(crate::store::sqlite::MIGRATIONS), SQLITE);
}
