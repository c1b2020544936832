//! The in-memory layer alone: one event to 1, 100 and 10,000 receivers that do nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use channels::prelude::*;
use channels::{Channel, Delivered, GroupName, Receiver};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Builder;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    message: String,
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Receiver for Counting {
    fn deliver(&self, event: &Event) -> Delivered {
        black_box(event);
        self.0.fetch_add(1, Ordering::Relaxed);
        Delivered::Queued
    }
}

async fn members(layer: &InMemoryChannelLayer, count: usize) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..count {
        let channel = layer.new_channel(Arc::new(Counting::default())).await?;
        layer
            .group_add(GroupName::new("f1")?, channel.name())
            .await?;
        channels.push(channel);
    }
    Ok(channels)
}

fn fan_out(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let mut benches = criterion.benchmark_group("fan-out");
    for count in [1, 100, 10_000] {
        let layer = InMemoryChannelLayer::new();
        let channels = runtime.block_on(members(&layer, count)).expect("they join");
        let event = Event::from(CallBack {
            message: "hello".into(),
        });
        benches.throughput(Throughput::Elements(count as u64));
        benches.bench_function(count.to_string(), |bencher| {
            bencher.iter(|| {
                let group = GroupName::new("f1").expect("a name");
                let sending = layer.group_send(group, event.clone(), None);
                let delivery = runtime.block_on(sending).expect("it is sent");
                assert_eq!(delivery.queued, channels.len());
            });
        });
    }
    benches.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
