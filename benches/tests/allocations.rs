//! Dispatch allocates nothing, whatever the size of the table.

use allocation_counter::measure;
use channels_bench::handlers::{Numbered, Table1, Table10, Table100, Table500, runner};

/// How often the process asked for memory, in all calls together.
fn allocations(calls: u64, call: &mut dyn FnMut()) -> u64 {
    measure(|| (0..calls).for_each(|_| call())).count_total
}

async fn allocations_of<C: Numbered + Sync>() -> channels::Result<u64> {
    const CALLS: u64 = 2000;
    let mut client = runner::<C>(allocations).await?;
    client.send_json(&CALLS).await?;
    client.receive_json().await
}

#[tokio::test]
async fn dispatch_allocates_nothing() -> channels::Result {
    assert_eq!(allocations_of::<Table1>().await?, 0, "1 handler");
    assert_eq!(allocations_of::<Table10>().await?, 0, "10 handlers");
    assert_eq!(allocations_of::<Table100>().await?, 0, "100 handlers");
    assert_eq!(allocations_of::<Table500>().await?, 0, "500 handlers");
    Ok(())
}

/// The counter counts: else the test above could never fail.
#[test]
fn the_counter_counts() {
    let mut kept = Vec::new();
    let counted = allocations(3, &mut || kept.push(Box::new(kept.len())));
    assert!(counted >= 3, "{counted}");
}
