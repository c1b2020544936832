//! Applications that lie under a path.

use channels::testing::WebsocketCommunicator;

use super::*;

#[consumer]
#[derive(Default)]
struct Tells;

#[consumer]
impl Tells {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let scope = socket.scope();
        let paths = format!("{}|{}", scope.root_path(), scope.path());
        socket.accept().header("x-paths", &paths).await
    }
}

fn rooted(root: &str) -> ProtocolTypeRouter {
    let pages = URLRouter::new().path("page/", App(1)).path("", App(2));
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(URLRouter::new().path("ws/", Tells::app()))
        .http(pages)
        .root_path(root)
}

async fn paths(app: &ProtocolTypeRouter, path: &str) -> Result<String, u16> {
    let connected = WebsocketCommunicator::new(app, path).connect().await;
    let accepted = connected.map_err(|refused| refused.status().as_u16())?;
    Ok(accepted.headers["x-paths"]
        .to_str()
        .expect("text")
        .to_owned())
}

#[tokio::test]
async fn the_root_ends_where_a_segment_does() {
    for root in ["/root", "/root/", "root"] {
        let app = rooted(root);
        assert_eq!(
            paths(&app, "/root/ws/").await.as_deref(),
            Ok("/root|/root/ws/")
        );
        assert_eq!(seen(&app, "/root/page/").await["app"], 1);
        assert_eq!(seen(&app, "/root/").await["app"], 2);
        assert_eq!(seen(&app, "/root").await["app"], 2);
        assert_eq!(seen(&app, "/root/ws/").await, 426);
        for outside in [
            "/",
            "/page/",
            "/ws/",
            "/rootpage/",
            "/rootws/",
            "/root//page/",
            "//root/page/",
        ] {
            assert_eq!(seen(&app, outside).await, 404, "{outside}");
            assert_eq!(paths(&app, outside).await, Err(404), "{outside}");
        }
    }
}

#[tokio::test]
async fn a_root_is_decoded_as_paths_are() {
    let app = rooted("/caf\u{e9} 1");
    assert_eq!(seen(&app, "/caf%C3%A9%201/page/").await["app"], 1);
    assert_eq!(
        paths(&rooted("/%41"), "/%2541/ws/").await.as_deref(),
        Ok("/%41|/%41/ws/")
    );
}

#[tokio::test]
async fn without_a_root_it_is_empty() {
    for root in ["", "/"] {
        assert_eq!(paths(&rooted(root), "/ws/").await.as_deref(), Ok("|/ws/"));
    }
}
