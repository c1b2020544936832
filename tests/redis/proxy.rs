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
    held: watch::Sender<Held>,
    task: JoinHandle<()>,
}

/// Connections that were opened before some number of holds; none once they are let go.
#[derive(Clone, Copy, Default)]
struct Held {
    holds: u64,
    let_go: u64,
}

/// Whether what goes this way is swallowed.
type Way = watch::Sender<bool>;

impl Proxy {
    pub(crate) async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (requests, answers) = (Way::new(false), Way::new(false));
        let swallowed = (requests.subscribe(), answers.subscribe());
        let held = watch::Sender::new(Held::default());
        let holding = held.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (requests, answers) = swallowed.clone();
                tokio::spawn(pass(from_client, to_server, requests, holding.clone()));
                // Whoever is held hears nothing, as long as nothing is sent.
                tokio::spawn(pass(from_server, to_client, answers, holding.clone()));
            }
        });
        Self {
            address,
            requests,
            answers,
            held,
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

    /// What is sent over the connections that there are stays on its way; new ones are as ever.
    pub(crate) fn hold(&self) {
        self.held.send_modify(|held| held.holds += 1);
    }

    /// What was held arrives, whoever has given it up.
    pub(crate) fn let_go(&self) {
        self.held.send_modify(|held| held.let_go = held.holds);
    }

    /// As [`swallow`](Self::swallow), but what is sent to Redis still gets there.
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
    mut holding: watch::Receiver<Held>,
) {
    let opened = holding.borrow().holds;
    let mut buffer = vec![0; 64 << 10];
    // A connection that has lost something is of no use to anybody later.
    let mut is_dead = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        is_dead |= *swallowing.borrow();
        let passes = |held: &Held| held.holds == opened || held.let_go > opened;
        if holding.wait_for(passes).await.is_err() {
            return;
        }
        if !is_dead && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
