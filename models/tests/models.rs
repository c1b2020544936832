//! Every order of the threads' steps, tried by loom, for the units with atomics and wakers.
//!
//! Each unit is compiled here a second time, over loom's types instead of those of `std`.
//! A thread is interrupted at most three times in one order: more find nothing new, and take hours.

#![allow(dead_code, reason = "a model does not use all of a unit")]

#[path = "../../channels-runtime/src/event/once_list.rs"]
mod once_list;
#[path = "../../channels-runtime/src/socket/signals.rs"]
mod signals;
mod sync;
#[path = "../../channels-runtime/src/socket/work_queue.rs"]
mod work_queue;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Arc, Mutex, Notify};
use loom::thread;

use once_list::OnceList;
use signals::Signals;
use work_queue::WorkQueue;

/// Runs a model in every order. A lost wake-up is a deadlock, which loom reports.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Runs a future with one waker, as a task has it. loom's own function makes one for each poll.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Task(Notify);
    impl Wake for Task {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.notify();
        }
    }
    let task = std::sync::Arc::new(Task(Notify::new()));
    let waker = Waker::from(std::sync::Arc::clone(&task));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => task.0.wait(),
        }
    }
}

/// Takes items until there are so many.
async fn take_all(queue: &WorkQueue<u32>, count: usize) -> Vec<u32> {
    let (mut taken, mut batch) = (Vec::new(), Vec::new());
    while taken.len() < count {
        assert!(queue.wait().await);
        queue.take(&mut batch);
        taken.append(&mut batch);
    }
    taken.sort_unstable();
    taken
}

#[test]
fn the_consumer_of_a_work_queue_is_woken_for_every_item() {
    explore(|| {
        let queue = Arc::new(WorkQueue::default());
        let producers = [1, 2].map(|item| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(item).expect("the consumer has not ended"))
        });
        assert_eq!(block_on(take_all(&queue, 2)), [1, 2]);
        for producer in producers {
            producer.join().expect("no panic");
        }
    });
}

#[test]
fn a_work_queue_that_stops_wakes_its_consumer_and_loses_no_item() {
    explore(|| {
        let queue = Arc::new(WorkQueue::default());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(1).is_err())
        };
        let owner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.stop())
        };
        let (mut taken, mut batch) = (Vec::new(), Vec::new());
        while block_on(queue.wait()) {
            queue.take(&mut batch);
            taken.append(&mut batch);
        }
        taken.append(&mut queue.end());
        let came_back = producer.join().expect("no panic");
        owner.join().expect("no panic");
        assert_eq!(taken.len() + usize::from(came_back), 1);
    });
}

/// The order in which the task of a connection looks: `register`, the lock of the link, the flag.
#[test]
fn a_connection_that_is_abandoned_notices_it() {
    explore(|| {
        let link = Arc::new((Signals::new(), Mutex::new(())));
        let registry = {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let state = link.1.lock().expect("no panic");
                link.0.set_abandoned();
                drop(state);
                link.0.wake();
            })
        };
        block_on(poll_fn(|cx| {
            link.0.register(cx.waker());
            drop(link.1.lock().expect("no panic"));
            match link.0.is_abandoned() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        registry.join().expect("no panic");
    });
}

/// The socket wakes the link through the waker that the last read has left there.
#[test]
fn a_connection_reads_what_comes_to_its_socket() {
    #[derive(Default)]
    struct Socket {
        has_data: bool,
        is_watched: bool,
    }

    explore(|| {
        let link = Arc::new((Signals::new(), Mutex::new(Socket::default())));
        let driver = {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let mut socket = link.1.lock().expect("no panic");
                socket.has_data = true;
                let is_watched = socket.is_watched;
                drop(socket);
                if is_watched {
                    link.0.set_readable();
                }
            })
        };
        block_on(poll_fn(|cx| {
            link.0.register(cx.waker());
            while link.0.take_readable() {
                let mut socket = link.1.lock().expect("no panic");
                if socket.has_data {
                    return Poll::Ready(());
                }
                socket.is_watched = true;
            }
            Poll::Pending
        }));
        driver.join().expect("no panic");
    });
}

/// Looks for a value of the new one's kind, and appends the new one if there is none.
fn find_or_append(list: &OnceList<u32>, new: u32) -> u32 {
    let select = |value: &u32| (*value / 10 == new / 10).then_some(*value);
    let known = list.iter().find_map(select);
    known.unwrap_or_else(|| list.append(new, select))
}

/// Three consumers decode one event as two types: each type is decoded into one place.
#[test]
fn a_once_list_keeps_one_value_of_a_kind() {
    explore(|| {
        let list = Arc::new(OnceList::default());
        let threads = [11, 22].map(|new| {
            let list = Arc::clone(&list);
            thread::spawn(move || find_or_append(&list, new))
        });
        let mine = find_or_append(&list, 12);
        let [first, second] = threads.map(|thread| thread.join().expect("no panic"));
        assert_eq!((first, second), (mine, 22));
        let mut values: Vec<u32> = list.iter().copied().collect();
        values.sort_unstable();
        assert_eq!(values, [mine, 22]);
    });
}
