//! The forms of a URL and the options of a connection, against real servers.

use channels::{ChannelLayers, Error, ErrorKind, Result};

use crate::certificates::Certificates;
use crate::inbox::{Inbox, send_to_group};
use crate::logs::Logs;
use crate::process::{Folder, free_port};
use crate::redis::Redis;

/// Fails unless an event comes through the layer of a URL, over pub/sub and over the core layer.
async fn works(url: &str) {
    for url in [url.to_owned(), url.replacen("://", "+pubsub://", 1)] {
        let layers =
            ChannelLayers::from_urls(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let layer = layers.get("default").expect("it is there");
        let mut inbox = Inbox::open(&**layer, &["g"]).await;
        let sent = send_to_group(&**layer, "g", "hello").await;
        sent.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        inbox.hears(&["hello"]).await;
        drop(inbox);
        layer.close().await.expect("it closes");
    }
}

/// What a send by the layer of a URL fails with.
async fn fails(url: &str) -> Error {
    let sent = async {
        let layers = ChannelLayers::from_urls(url)?;
        send_to_group(&**layers.get("default")?, "g", "never").await
    };
    let sent: Result = sent.await;
    sent.expect_err(url)
}

#[tokio::test]
async fn schemes_databases_and_logins() {
    let folder = Folder::new();
    let socket = folder.path().join("redis.sock");
    let line = format!("unixsocket {}", socket.display());
    let user = "user me on >p@ss ~* &* +@all";
    let redis = Redis::start_with(&[&line, user]).await;
    let (address, socket) = (redis.address(), socket.display());
    for url in [
        format!("valkey://{address}/3"),
        format!("redis://{address}?db=3"),
        format!("unix://{socket}?db=3"),
        format!("redis+unix://{socket}?db=3"),
        format!("valkey://me:p%40ss@{address}/3"),
        format!("redis://{address}?username=me&password=p%40ss&db=3"),
        format!("unix://{socket}?username=me&password=p%40ss&db=3"),
    ] {
        works(&url).await;
        let layers = ChannelLayers::from_urls(&url).expect("a URL");
        let layer = layers.get("default").expect("it is there");
        let inbox = Inbox::open(&**layer, &["members"]).await;
        let stored = redis.cli(&["-n", "3", "ZCARD", "asgi:group:members"]).await;
        assert_eq!(stored.trim(), "1", "{url}");
        let clients = redis.cli(&["CLIENT", "LIST"]).await;
        assert!(clients.contains(" db=3 "), "{url}: {clients}");
        assert_eq!(clients.contains(" user=me "), url.contains("me"), "{url}");
        drop(inbox);
        layer.close().await.expect("it closes");
    }
}

#[tokio::test]
async fn a_private_authority_and_host_names() {
    let certificates = Certificates::make().await;
    let (_redis, port) = certificates.start_redis("no", &[]).await;
    let ca = certificates.file("ca");
    let options = "timeout=1";
    works(&format!(
        "rediss://localhost:{port}?{options}&ssl_ca_certs={ca}"
    ))
    .await;
    works(&format!(
        "valkeys://localhost:{port}?{options}&ssl_ca_certs={ca}&ssl_cert_reqs=required"
    ))
    .await;

    // The certificate is not for that name.
    let other_name = format!("rediss://127.0.0.1:{port}?{options}");
    let error = fails(&format!("{other_name}&ssl_ca_certs={ca}")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    works(&format!(
        "{other_name}&ssl_ca_certs={ca}&ssl_check_hostname=false"
    ))
    .await;
    works(&format!("{other_name}&ssl_cert_reqs=none")).await;

    // Nobody else is trusted, whatever the name.
    let others = Certificates::make().await;
    for options in ["", "&ssl_check_hostname=false"] {
        let url = format!("{other_name}&ssl_ca_certs={}{options}", others.file("ca"));
        let error = fails(&url).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(format!("{error:?}").contains("ertificate"), "{error:?}");
    }
    let error = fails(&format!("{other_name}&ssl_check_hostname=false")).await;
    assert!(format!("{error:?}").contains("ertificate"), "{error:?}");
}

#[tokio::test]
async fn switched_off_verification_is_logged() {
    let logs = Logs::collect();
    let url = "rediss://localhost:1?ssl_cert_reqs=none";
    ChannelLayers::from_urls(url).expect("a URL");
    assert_eq!(logs.with("WARN", "is not verified").len(), 1);
}

#[tokio::test]
async fn a_client_certificate() {
    let certificates = Certificates::make().await;
    let (_redis, port) = certificates.start_redis("yes", &[]).await;
    let file = |name| certificates.file(name);
    let url = format!(
        "rediss://localhost:{port}?timeout=1&ssl_ca_certs={}",
        file("ca")
    );
    let error = fails(&url).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");

    let (certificate, key) = (file("client"), file("client-key"));
    works(&format!(
        "{url}&ssl_certfile={certificate}&ssl_keyfile={key}"
    ))
    .await;
    let unverified = url.replacen("ssl_ca_certs=", "ssl_cert_reqs=none&ssl_ca_certs=", 1);
    works(&format!(
        "{unverified}&ssl_certfile={certificate}&ssl_keyfile={key}"
    ))
    .await;

    // Both in one file, as redis-py takes them.
    let both = [&certificate, &key].map(|path| std::fs::read(path).expect("a file"));
    std::fs::write(file("both"), both.concat()).expect("a file");
    works(&format!("{url}&ssl_certfile={}", file("both"))).await;

    // A key that is another one's.
    let url = format!(
        "{url}&ssl_certfile={certificate}&ssl_keyfile={}",
        file("server-key")
    );
    let error = fails(&url).await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
}

#[tokio::test]
async fn a_login_at_sentinel() {
    let master = Redis::start_with(&["requirepass master-secret"]).await;
    let monitor = format!("sentinel monitor main 127.0.0.1 {} 1", master.port);
    let sentinel = Redis::start_sentinel(&[
        "requirepass sentinel-secret",
        "user watcher on >watcher-secret ~* &* +@all",
        &monitor,
        "sentinel auth-pass main master-secret",
    ])
    .await;
    let address = sentinel.address();
    let url = format!("redis+sentinel://:master-secret@{address}/main/2?timeout=1");
    works(&format!("{url}&sentinel_password=sentinel-secret")).await;
    works(&format!(
        "{url}&sentinel_username=watcher&sentinel_password=watcher-secret"
    ))
    .await;
    // One that does not answer is passed over, and a refusal is what is told.
    let away = format!("127.0.0.1:{},{address}", free_port());
    works(&format!(
        "{}&sentinel_password=sentinel-secret",
        url.replacen(&address, &away, 1)
    ))
    .await;

    let logs = Logs::collect();
    for (url, kind) in [
        (url.clone(), ErrorKind::Config),
        (
            format!("{url}&sentinel_password=wrong-secret"),
            ErrorKind::Config,
        ),
        (
            url.replacen(&address, &away, 1)
                .replacen(":master-secret@", "", 1),
            ErrorKind::Config,
        ),
        (
            format!("{url}&sentinel_password=sentinel-secret").replacen("master-", "wrong-", 1),
            ErrorKind::Config,
        ),
        (
            format!("{url}&sentinel_password=sentinel-secret").replacen("/main/", "/other/", 1),
            ErrorKind::Unavailable,
        ),
    ] {
        let error = fails(&url).await;
        assert_eq!(error.kind(), kind, "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert!(!logs.all().contains("secret"), "{}", logs.all());
}

#[tokio::test]
async fn sentinel_behind_tls() {
    let certificates = Certificates::make().await;
    let (_master, port) = certificates.start_redis("no", &[]).await;
    let sentinel_port = free_port();
    let mut lines = certificates.lines(sentinel_port, "no");
    lines.push("tls-replication yes".to_owned());
    lines.push(format!("sentinel monitor main 127.0.0.1 {port} 1"));
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let _sentinel = Redis::start_sentinel(&lines).await;
    let ca = certificates.file("ca");
    // Sentinel gives an address, for which there is no certificate.
    let url =
        format!("rediss+sentinel://localhost:{sentinel_port}/main?timeout=1&ssl_ca_certs={ca}");
    let error = fails(&url).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    works(&format!("{url}&ssl_check_hostname=false")).await;
}
