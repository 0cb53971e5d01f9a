use hickory_resolver::net::NetError;

use super::of_system;

#[tokio::test]
async fn a_system_that_names_no_name_server_has_its_hosts_file() {
    let nobody = Err(NetError::from("no nameservers found in config"));
    let resolver = of_system(nobody).build().expect("a resolver");
    let found = resolver
        .lookup_ip("localhost")
        .await
        .expect("in the hosts file");
    assert!(found.iter().all(|address| address.is_loopback()));
}
