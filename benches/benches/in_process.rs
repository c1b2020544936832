//! Whole connections without a network: echoes and a group, by one and by two worker threads.
//!
//! Clients run on the same workers, so what scales here is all of it; twice the workers on an
//! otherwise idle machine should do nearly twice as much.

use std::time::{Duration, Instant};

use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Builder;

const CLIENTS: u64 = 64;

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    message: String,
}

#[consumer(groups("f1"))]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("f1", CallBack { message: text }).await
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
        socket.send_json(event).await
    }
}

async fn clients(path: &str) -> Vec<WebsocketCommunicator> {
    let routes = URLRouter::new()
        .path("echo/", Echo::app())
        .path("chat/", Chat::app());
    let app = ProtocolTypeRouter::new().websocket(routes);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = WebsocketCommunicator::new(&app, path);
        client.connect().await.expect("nothing refuses");
        clients.push(client);
    }
    clients
}

/// Each client sends and receives; in turns, as many as were asked for.
async fn echoes(mut clients: Vec<WebsocketCommunicator>, rounds: u64) -> Duration {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for mut client in clients.drain(..) {
        tasks.push(tokio::spawn(async move {
            for _ in 0..rounds {
                client.send("hello").await.expect("it is connected");
                let echo: String = client.receive().await.expect("it answers");
                assert_eq!(echo, "hello");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no client fails");
    }
    start.elapsed()
}

/// One client sends, all receive.
async fn broadcasts(mut clients: Vec<WebsocketCommunicator>, rounds: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        clients[0].send("hello").await.expect("it is connected");
        for client in &mut clients {
            let heard: CallBack = client.receive_json().await.expect("it is told");
            assert_eq!(heard.message, "hello");
        }
    }
    start.elapsed()
}

fn in_process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("in-process");
    group
        .throughput(Throughput::Elements(CLIENTS))
        .sample_size(20);
    for threads in [1, 2] {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(threads)
            .enable_all()
            .build()
            .expect("a runtime");
        group.bench_function(format!("echo-64-clients/{threads}-threads"), |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async { echoes(clients("/echo/").await, rounds).await })
            });
        });
        group.bench_function(format!("group-of-64/{threads}-threads"), |bencher| {
            bencher.iter_custom(|rounds| {
                let run = async move { broadcasts(clients("/chat/").await, rounds).await };
                runtime.block_on(async { tokio::spawn(run).await.expect("it does not fail") })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, in_process);
criterion_main!(benches);
