//! Where Redis may be: a socket, behind TLS, in another database; and what is no Redis.

use std::process::Stdio;

use channels::{ChannelLayer, ChannelLayers, ErrorKind, RedisPubSubChannelLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::inbox::{Inbox, send_to_group};
use crate::process::{Folder, free_port};
use crate::redis::Redis;
use crate::within;

#[tokio::test]
async fn a_socket_and_a_database() {
    let folder = Folder::new();
    let socket = folder.path().join("redis.sock");
    let line = format!("unixsocket {}", socket.display());
    let redis = Redis::start_with(&[&line]).await;
    let url = format!("redis+pubsub+unix://{}", socket.display());
    let near = RedisPubSubChannelLayer::open(&url).expect("a URL");
    // Topics are the same in all databases.
    let url = format!("far=redis+pubsub://{}/3", redis.address());
    let layers = ChannelLayers::from_urls(&url).expect("a URL");
    let far = layers.get("far").expect("it is there");
    let mut inbox = Inbox::open(&near, &["g"]).await;
    send_to_group(&**far, "g", "hello").await.expect("sent");
    inbox.hears(&["hello"]).await;
    let clients = redis.cli(&["CLIENT", "LIST"]).await;
    assert!(
        clients.contains(" db=3 ") && clients.contains(" resp=3"),
        "{clients}"
    );
}

#[tokio::test]
async fn behind_tls() {
    let folder = Folder::new();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let (ca, ca_key) = (file("ca"), file("ca-key"));
    let files = format!("-keyout {ca_key} -out {ca}");
    openssl(&format!("{make} -subj /CN=authority {files}")).await;
    let files = format!("-keyout {} -out {}", file("key"), file("certificate"));
    let extensions = "-addext subjectAltName=DNS:localhost \
                      -addext basicConstraints=critical,CA:FALSE";
    let authority = format!("-CA {ca} -CAkey {ca_key}");
    openssl(&format!(
        "{make} -subj /CN=localhost {authority} {extensions} {files}"
    ))
    .await;
    let port = free_port();
    let redis = Redis::start_with(&[
        &format!("tls-port {port}"),
        &format!("tls-cert-file {}", file("certificate")),
        &format!("tls-key-file {}", file("key")),
        "tls-auth-clients no",
    ])
    .await;
    let url = format!("rediss+pubsub://localhost:{port}?timeout=1");
    let layer = RedisPubSubChannelLayer::open(&url).expect("a URL");
    let error = send_to_group(&layer, "g", "never")
        .await
        .expect_err("an unknown authority");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(format!("{error:?}").contains("ertificate"), "{error:?}");
    assert_eq!(redis.calls("publish").await, 0);

    // The authority is named in the environment, which is the whole process'.
    let mut trusting = Command::new(std::env::current_exe().expect("this program"));
    trusting.args(["--exact", "places::in_a_process_of_its_own"]);
    trusting.env("SSL_CERT_FILE", ca).env(URL, &url);
    let output = within("the process", trusting.output()).await;
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(redis.calls("publish").await, 1);
}

/// Where Redis is for the other process; it does nothing without.
const URL: &str = "CHANNELS_TEST_REDIS";

#[tokio::test]
async fn in_a_process_of_its_own() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let layer = RedisPubSubChannelLayer::open(&url).expect("a URL");
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    send_to_group(&layer, "g", "secret").await.expect("sent");
    inbox.hears(&["secret"]).await;
}

async fn openssl(arguments: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split_whitespace());
    openssl.stdout(Stdio::null()).stderr(Stdio::null());
    let status = within("openssl", openssl.status()).await;
    assert!(status.expect("openssl is there").success());
}

#[tokio::test]
async fn what_is_no_redis_is_told() {
    for (answer, kind, what) in [
        (
            "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
            ErrorKind::Config,
            "is older than version 6",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            ErrorKind::Unavailable,
            "cannot be reached",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                while let Ok(1..) = client.read(&mut buffer).await {
                    let _ = client.write_all(answer.as_bytes()).await;
                }
            }
        });
        let url = format!("redis+pubsub://{address}?timeout=1");
        let layer = RedisPubSubChannelLayer::open(&url).expect("a URL");
        let error = send_to_group(&layer, "g", "never")
            .await
            .expect_err("no Redis");
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
        within("a close", layer.close()).await.expect("closed");
        server.abort();
    }
}
