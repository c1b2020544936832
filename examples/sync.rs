//! A synchronous consumer: its handlers are plain `fn` and may block, and nobody waits for them.
//!
//! Send it a number, and it counts the primes up to there: some seconds for 10,000,000. Each
//! connection counts on a thread of its own, and its pings are answered meanwhile.
//!
//! ```text
//! cargo run --example sync
//! ```
//!
//! Then, in the console of a browser's empty tab: `s = new WebSocket("ws://127.0.0.1:8000/primes/")`,
//! and `s.onmessage = (m) => console.log(m.data)`, and `s.send("1000000")`.

use channels::prelude::*;

const MOST: u64 = 10_000_000;

#[consumer]
#[derive(Default)]
struct Primes {
    /// Those that this connection has found so far.
    known: Vec<u64>,
}

#[consumer]
impl Primes {
    fn receive(&mut self, socket: &mut BlockingWebSocket, Json(limit): Json<u64>) -> Result {
        if limit > MOST {
            return socket.send(format!("only up to {MOST}, please"));
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
