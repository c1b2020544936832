//! A network between a layer and Redis, which can stop working.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// It passes everything on, until it is told to swallow it. Connections stay open then, and new ones
/// are accepted.
pub(crate) struct Proxy {
    address: SocketAddr,
    requests: Way,
    answers: Way,
    task: JoinHandle<()>,
}

/// Whether what goes this way is swallowed.
type Way = watch::Sender<bool>;

impl Proxy {
    pub(crate) async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (requests, answers) = (Way::new(false), Way::new(false));
        let swallowed = (requests.subscribe(), answers.subscribe());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, swallowed.0.clone()));
                tokio::spawn(pass(from_server, to_client, swallowed.1.clone()));
            }
        });
        Self {
            address,
            requests,
            answers,
            task,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on nothing comes through, and nobody is told; or it does again. What was swallowed
    /// stays so.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.requests.send_replace(swallows);
        self.swallow_answers(swallows);
    }

    /// The same, but what is sent to Redis still gets there.
    pub(crate) fn swallow_answers(&self, swallows: bool) {
        self.answers.send_replace(swallows);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    swallowing: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    // A connection that has lost something is of no use to anybody later.
    let mut is_dead = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        is_dead |= *swallowing.borrow();
        if !is_dead && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
