use super::*;

#[test]
fn addresses_of_a_machine_without_loopback() {
    let table = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
Local:
        |-- 192.0.2.2
           /32 host LOCAL
";
    assert_eq!(ipv4_in(table), ["192.0.2.2".parse::<Ipv4Addr>().unwrap()]);
    let list = "\
fe8000000000000000fc00fffe000001 02 40 20 80 eth0
00000000000000000000000000000001 01 80 10 80 lo
fd000000000000000000000000000002 02 40 00 80 eth0
";
    let unique: Ipv6Addr = "fd00::2".parse().unwrap();
    assert!(ipv6_in(list).contains(&unique));
    assert!(!ipv6_in(list).contains(&Ipv6Addr::LOCALHOST));
    assert!(ipv4_in("what another system prints").is_empty());
}

#[tokio::test]
async fn a_server_of_another_machine_cannot_be_judged() {
    let finding = judge("203.0.113.9:80".parse().unwrap(), "app", false).await;
    assert_eq!(finding.verdict, crate::diagnosis::finding::Verdict::Skipped);
}
