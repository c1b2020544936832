//! A synchronous consumer: its handlers are plain `fn` and may block without delaying other connections.
//!
//! It takes a number and counts the primes up to it, which takes some seconds for 10,000,000. Each
//! connection counts on a separate thread; the server keeps answering its pings.
//!
//! ```text
//! cargo run -p sync
//! ```
//!
//! Then open a browser's console on an empty page:
//!
//! ```js
//! socket = new WebSocket("ws://127.0.0.1:8000/primes/");
//! socket.onmessage = ({ data }) => console.log(data);
//! socket.send("1000000");
//! ```

use channels::prelude::*;

/// Largest number that a client may send.
const MAX_LIMIT: u64 = 10_000_000;

#[consumer]
#[derive(Default)]
struct Primes {
    /// The primes that this connection has found so far.
    known: Vec<u64>,
}

#[consumer]
impl Primes {
    fn receive(&mut self, socket: &mut BlockingWebSocket, Json(limit): Json<u64>) -> Result {
        if limit > MAX_LIMIT {
            return socket.send(format!("expected a number up to {MAX_LIMIT}"));
        }
        self.find(limit);
        let primes = self.known.partition_point(|&prime| prime <= limit);
        socket.send(format!("{primes} primes up to {limit}"))
    }
}

impl Primes {
    fn find(&mut self, limit: u64) {
        for number in self.known.last().map_or(2, |last| last + 1)..=limit {
            let mut factors = self
                .known
                .iter()
                .take_while(|&prime| prime * prime <= number);
            if !factors.any(|&prime| number.is_multiple_of(prime)) {
                self.known.push(number);
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result {
    let sockets = URLRouter::new().path("primes/", Primes::app());
    channels::serve(
        "127.0.0.1:8000",
        ProtocolTypeRouter::new().websocket(sockets),
    )
    .await
}
