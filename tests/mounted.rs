//! What the README says of an application inside an axum program.

mod support;

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::ConnectInfo;
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use support::{app, within};

#[derive(Clone)]
struct Tenant(&'static str);

#[derive(Event, Serialize, Deserialize)]
#[event("news.announced")]
struct Announced {
    text: String,
}

#[consumer(groups("news"))]
#[derive(Default)]
struct Witness;

#[consumer]
impl Witness {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let scope = socket.scope();
        let extensions = scope.extensions();
        let said = format!(
            "{:?} {} {:?} {:?}",
            scope.client(),
            scope.scheme(),
            extensions.get::<Tenant>().map(|tenant| tenant.0),
            extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0.ip()),
        );
        socket.accept().await?;
        socket.send(said).await
    }

    #[handler("news.announced", relay)]
    async fn announced(&mut self, socket: &mut WebSocket, event: &Announced) -> Result {
        socket.send_json(event).await
    }
}

#[tokio::test]
async fn only_axum_knows_the_peer_and_a_handler_finds_the_layer() {
    let app = app(Witness::app()).trusted_proxies(["127.0.0.1"]);
    app.check().expect("good settings");
    app.startup().await.expect("started");
    let program = axum::Router::new()
        .route_service("/ws/", app.clone())
        .layer(Extension(Tenant("acme")))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, program).await });

    let client = WebsocketCommunicator::at(address, "/ws/");
    let mut client = client
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-proto", "https");
    client.connect().await.expect("accepted");
    let said = client.receive::<String>().await.expect("the scope");
    assert_eq!(said, "None ws Some(\"acme\") Some(127.0.0.1)");

    let layer = app.context().layers().get("default").expect("a layer");
    let news = Group::<Witness>::new("news").expect("a name");
    let text = "dinner".to_owned();
    let sent = within(news.send(&**layer, Announced { text })).await;
    assert_eq!(sent.expect("sent").matched, 1);
    let heard: Announced = client.receive_json().await.expect("the event");
    assert_eq!(heard.text, "dinner");
    serving.abort();
}
