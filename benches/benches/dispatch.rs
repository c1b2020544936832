//! Finding a handler and calling it, in tables of 1, 10, 100 and 500 handlers: it must be flat.

use std::time::{Duration, Instant};

use channels_bench::handlers::{Numbered, Table1, Table10, Table100, Table500, runner};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};

fn nanoseconds(calls: u64, call: &mut dyn FnMut()) -> u64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn table<C: Numbered + Sync>(criterion: &mut Criterion, runtime: &Runtime, handlers: usize) {
    let connect = async { runner::<C>(nanoseconds).await.expect("it connects") };
    let mut client = runtime.block_on(connect);
    criterion.bench_function(&format!("dispatch/{handlers}"), |bencher| {
        bencher.iter_custom(|calls| {
            runtime.block_on(async {
                client.send_json(&calls).await.expect("it is connected");
                Duration::from_nanos(client.receive_json().await.expect("it answers"))
            })
        });
    });
}

fn tables(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    table::<Table1>(criterion, &runtime, 1);
    table::<Table10>(criterion, &runtime, 10);
    table::<Table100>(criterion, &runtime, 100);
    table::<Table500>(criterion, &runtime, 500);
}

criterion_group!(benches, tables);
criterion_main!(benches);
