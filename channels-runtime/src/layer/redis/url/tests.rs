//! URLs as users write them, right and wrong.

use proptest::prelude::*;

use super::*;

fn shown(url: &str) -> Vec<String> {
    let url = RedisUrl::parse(url).expect(url);
    url.hosts.iter().map(ToString::to_string).collect()
}

#[test]
fn urls_say_where_redis_is() {
    assert_eq!(shown("redis://localhost"), ["localhost:6379"]);
    assert_eq!(
        shown("rediss://a:1,[::1]:2,c/3"),
        ["a:1", "[::1]:2", "c:6379"]
    );
    assert_eq!(
        shown("redis+pubsub+sentinel://u:pw@a,b:2/mymaster/1"),
        ["mymaster of a:26379,b:2"]
    );
    assert_eq!(shown("redis+cluster+pubsub://a:1,b:2"), ["a:1,b:2"]);
    assert_eq!(
        shown("redis+unix:///run/re%20dis.sock"),
        ["/run/re dis.sock"]
    );

    let url = RedisUrl::parse("rediss+pubsub://me:p%40ss@h/7?prefix=a&key=%26").expect("valid");
    let host = url.hosts[0].inner();
    assert_eq!(host.login.user.as_deref(), Some("me"));
    assert_eq!(host.login.password.as_deref(), Some("p@ss"));
    assert_eq!(
        (host.database, host.tls.is_some(), url.pubsub),
        (7, true, true)
    );
    assert_eq!(url.options.pair(1), ("key", "&"));
    let plain = RedisUrl::parse("redis://:pw@h").expect("valid");
    assert_eq!(plain.hosts[0].inner().login.user, None);
    assert!(!format!("{url:?}").contains("p@ss"));
}

#[test]
fn a_wrong_url_says_what_is_wrong_and_shows_no_password() {
    for (url, what) in [
        ("hunter2", "begins with redis://"),
        ("reddis://:hunter2@h", "begins with redis://"),
        ("redis+pubsub+pubsub://h", "begins with redis://"),
        ("redis+sentinel+cluster://h/m", "begins with redis://"),
        ("rediss+unix:///s", "begins with redis://"),
        ("redis://", "host 1 is not"),
        ("redis://a,:hunter2", "host 2 is not"),
        ("redis://a:0", "host 1 is not"),
        ("redis://a b", "host 1 is not"),
        ("redis://[hunter2]", "host 1 is not"),
        ("redis://hunter2@h", "a user needs a password"),
        ("redis://h/one", "is not a number"),
        ("redis://h?hunter2", "option 1 is not `name=value`"),
        ("redis://:%ff@h", "the password is not percent-encoded"),
        ("redis+unix://s", "an absolute path"),
        ("redis+sentinel://h", "the name of a master"),
        ("redis+cluster://h/1", "only the database 0"),
    ] {
        let error = RedisUrl::parse(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(what), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn an_unknown_option_is_refused_with_the_known_ones() {
    let url = RedisUrl::parse("redis://h?prefix=a&hunter2=b").expect("valid");
    let error = url
        .options("prefix", |name, _| Ok(name == "prefix"))
        .expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "the URL of Redis is wrong: option 2 is unknown; known: prefix, db, username, password, \
         sentinel_username, sentinel_password, ssl_ca_certs, ssl_certfile, ssl_keyfile, \
         ssl_cert_reqs, ssl_check_hostname"
    );
}

#[test]
fn forms_of_redis_py_are_read() {
    let host = |url: &str| {
        let mut url = RedisUrl::parse(url).expect(url);
        url.options("", |_, _| Ok(false)).expect("no other options");
        url.hosts.pop().expect("a host")
    };
    for (url, tls, database) in [
        ("valkey://h", false, 0),
        ("valkeys://h/2", true, 2),
        ("valkey+pubsub://h?db=3", false, 3),
        ("redis://h/4?db=4", false, 4),
        ("redis+unix:///s.sock?db=5", false, 5),
        ("unix:///s.sock?db=6", false, 6),
        ("redis+sentinel://h/main?db=7", false, 7),
        ("redis+cluster://h?db=0", false, 0),
    ] {
        let host = host(url);
        assert_eq!(host.inner().tls.is_some(), tls, "{url}");
        assert_eq!(host.inner().database, database, "{url}");
    }
    assert_eq!(host("unix://:pw@/run/s.sock").to_string(), "/run/s.sock");
    for url in [
        "redis://me:pw@h",
        "redis://h?username=me&password=pw",
        "redis://me@h?password=pw",
        "redis://me:pw@h?password=pw",
        "unix:///s?username=me&password=pw",
    ] {
        let host = host(url);
        assert_eq!(host.inner().login.user.as_deref(), Some("me"), "{url}");
        assert_eq!(host.inner().login.password.as_deref(), Some("pw"), "{url}");
        assert!(host.inner().sentinel.is_empty());
    }
    let host = host("redis+sentinel://:pw@h/main?sentinel_username=me&sentinel_password=p%40ss");
    assert_eq!(host.inner().login.password.as_deref(), Some("pw"));
    assert_eq!(host.inner().sentinel.user.as_deref(), Some("me"));
    assert_eq!(host.inner().sentinel.password.as_deref(), Some("p@ss"));
    let shown = format!("{host:?} {host}");
    assert!(!shown.contains("pw") && !shown.contains("p@ss"), "{shown}");
}

#[test]
fn a_wrong_option_of_the_connection_says_what_is_wrong() {
    for (url, what) in [
        ("redis://h/1?db=2", "differs from the database after"),
        ("redis://h?db=hunter2", "is not a number"),
        ("redis://h?db=1&db=1", "`db` is given twice"),
        ("redis+cluster://h?db=1", "only the database 0"),
        ("redis://h?username=me", "a user needs a password"),
        ("redis://:hunter2@h?password=hunter3", "`password` differs"),
        ("redis://h?sentinel_password=hunter2", "need a Sentinel"),
        (
            "redis+sentinel://h/m?sentinel_username=hunter2",
            "needs `sentinel_password`",
        ),
        ("redis://h?ssl_cert_reqs=none", "need TLS: rediss://"),
        ("unix:///s?ssl_cert_reqs=none", "need TLS: rediss://"),
        (
            "rediss://h?ssl_cert_reqs=hunter2",
            "`ssl_cert_reqs` is not `required`",
        ),
        (
            "rediss://h?ssl_check_hostname=hunter2",
            "`ssl_check_hostname` is not `true`",
        ),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=true",
            "has no effect",
        ),
        (
            "rediss://h?ssl_ca_certs=/nowhere/ca.pem",
            "the file of `ssl_ca_certs` cannot be read: /nowhere/ca.pem",
        ),
        (
            "rediss://h?ssl_keyfile=/nowhere/key.pem",
            "`ssl_keyfile` needs `ssl_certfile`",
        ),
        (
            "rediss://h?ssl_ca_certs=Cargo.toml",
            "the file of `ssl_ca_certs` has no `CERTIFICATE` in PEM: Cargo.toml",
        ),
        ("rediss://h?ssl_password=hunter2", ""),
        ("unix://h/s", "an absolute path"),
        ("unix+sentinel:///s", "begins with redis://"),
        ("valkeys+unix:///s", "begins with redis://"),
        ("postgres://:hunter2@h", "valkey://"),
    ] {
        let parsed = RedisUrl::parse(url);
        let parsed = parsed.and_then(|url| url.options("prefix", |_, _| Ok(false)));
        let error = parsed.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(what), "{url}: {error}");
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(url in "(rediss?|valkeys?|unix)(\\+(pubsub|sentinel|cluster|unix))?://[\\[\\]:/@,%?&=a0]{0,16}|\\PC*") {
        let _ = RedisUrl::parse(&url);
    }
}
