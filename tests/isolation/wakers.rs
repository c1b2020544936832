//! Wakers of senders, which are user code where a program polls a send by itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;

use crate::bench::{Callback, Senders, on_threads};
use crate::support::{app, until, within};

#[consumer]
struct Known(Senders);

#[consumer]
impl Known {
    async fn connect(&mut self, socket: &mut WebSocket) {
        self.0.add(socket.sender());
    }

    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }
}

struct OnWake(Callback);

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// More than the client's pipe and the queue hold.
const LARGE: usize = 2 * 1024 * 1024;

async fn with_waker(on_wake: impl FnOnce(Senders) -> Callback) {
    let senders = Senders::default();
    let app = app(Known::app_with({
        let senders = senders.clone();
        move |_| Known(senders.clone())
    }));
    let mut client = WebsocketCommunicator::new(&app, "/ws/");
    client.connect().await.expect("accepted");
    let sender = senders.get(0);
    within(sender.send(vec![0; LARGE])).await.expect("queued");
    let waker = Waker::from(Arc::new(OnWake(on_wake(senders.clone()))));
    {
        let mut sending = pin!(sender.send("waits"));
        let polled = sending.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    let received: Vec<u8> = within(client.receive()).await.expect("all of it");
    assert_eq!(received.len(), LARGE);
    let mut other = WebsocketCommunicator::new(&app, "/ws/");
    within(other.connect()).await.expect("accepted");
    other.send("alive").await.expect("sent");
    let heard: String = within(other.receive()).await.expect("an echo");
    assert_eq!(heard, "alive");
    senders.close();
    drop((client, other));
    until("no connection is left", || app.context().connections() == 0).await;
}

#[test]
fn a_waker_that_closes_its_socket_freezes_nobody() {
    on_threads(with_waker(|senders| Arc::new(move || senders.close())));
}

#[test]
fn a_waker_that_panics_takes_nobody_with_it() {
    on_threads(with_waker(|_| Arc::new(|| panic!("the waker panics"))));
}
