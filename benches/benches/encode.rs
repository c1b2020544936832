//! What a message costs before it is written: JSON in and out, and text to a handler's parameter.

use std::hint::black_box;

use channels::{FromMessage as _, Json, Message};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Said {
    message: String,
}

fn encode(criterion: &mut Criterion) {
    for size in [64, 1024, 16 * 1024] {
        let said = Said {
            message: "x".repeat(size),
        };
        let json = serde_json::to_string(&said).expect("it serializes");
        let mut group = criterion.benchmark_group("encode");
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_function(format!("to-message/{size}"), |bencher| {
            bencher.iter(|| {
                let json = serde_json::to_string(black_box(&said)).expect("it serializes");
                Message::from(json)
            });
        });
        group.bench_function(format!("from-message/{size}"), |bencher| {
            let message = Message::from(json.clone());
            bencher.iter(|| {
                let said = Json::<Said>::from_message(black_box(&message).clone());
                said.expect("it parses").0.message.len()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
