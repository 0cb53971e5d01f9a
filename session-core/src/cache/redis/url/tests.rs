use super::*;

fn fault(url: &str) -> String {
    let fault = RedisUrl::read(&SecretString::new(url.to_owned())).unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault}");
    fault.to_string()
}

#[test]
fn what_a_url_may_not_say_is_named() {
    for (url, words) in [
        (
            "rediss://:hunter2@h?ca=/x",
            "the parameter ca, which has no place here: set cache.ca",
        ),
        (
            "rediss://h?ssl_cert_reqs=none",
            "certificates are always verified",
        ),
        ("rediss://h#insecure", "has a #"),
        ("redis://:hunt#er2@h", "%23"),
        ("redis://h/notanumber", "must be a number from 0 to 255"),
        ("redis://h/256", "must be a number from 0 to 255"),
        ("redis://h/0/1", "must be a number"),
        ("redis-cluster://h/1", "a cluster has none"),
        (
            "redis://h?node=b:1",
            "node, which is unknown; such a URL has none",
        ),
        ("redis-cluster://h?nodes=b:1", "known is node"),
        ("redis-cluster://h?node=b", "host:port"),
        ("redis-sentinel://h", "?sentinelServiceName="),
        (
            "redis-sentinel://h?sentinelServiceName=",
            "?sentinelServiceName=",
        ),
        (
            "redis-sentinel://h?sentinelServiceName=a&sentinelServiceName=b",
            "sentinelServiceName twice",
        ),
        (
            "redis-sentinel://h?service=a",
            "sentinelServiceName, sentinelUsername",
        ),
        ("redis://h?hunter2%20=1", "(not shown)"),
        ("redis://:hunter2@h:port", "host and port"),
        ("redis+unix:///x", "is not a redis://"),
        ("http://h", "is not a redis://"),
    ] {
        let fault = fault(url);
        assert!(fault.contains(words), "{url}: {fault}");
    }
    assert!(!fault("redis://h/notanumber").contains("sentinel"));
}

#[test]
fn every_arrangement_is_read_with_its_login() {
    for (url, topology, tls) in [
        ("redis://cache", Topology::Single, false),
        ("rediss://gw:p%40ss@cache:6380/2", Topology::Single, true),
        (
            "rediss-cluster://:p%40ss@a:1?node=b:1&node=c:1",
            Topology::Cluster,
            true,
        ),
        (
            "redis-sentinel://a:1/1?sentinelServiceName=x&node=b:2&sentinelPassword=y",
            Topology::Sentinel,
            false,
        ),
    ] {
        let url = RedisUrl::read(&SecretString::new(url.to_owned())).unwrap();
        assert_eq!((url.topology, url.tls), (topology, tls));
        assert!(url.config.tls.is_none(), "TLS is set up elsewhere");
    }
    let url = SecretString::new("rediss://gw:p%40ss@cache:6380/2".to_owned());
    let found = account(&url).unwrap();
    assert_eq!(found.user.as_deref(), Some("gw"));
    assert_eq!(found.password.unwrap().expose(), "p@ss");
    let open = SecretString::new("redis://cache:6379/2".to_owned());
    assert!(account(&open).unwrap().password.is_none());
}
