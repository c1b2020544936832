//! What a server takes at the most, and how long it waits.

use std::time::Duration;

/// Average length of the frames of a long message in bytes: test suites and real clients use frames
/// of 64 bytes and more for long messages.
const FRAME_AVERAGE: usize = 64;

/// Frames that a message may have, however short.
const FEWEST_FRAMES: usize = 1024;

/// Limits of a server and of each of its sockets and requests. All are on by default.
///
/// # Examples
///
/// ```
/// use channels_runtime::Limits;
///
/// let mut limits = Limits::default();
/// limits.message_bytes = 8 * 1024 * 1024;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Time for the head of a request, and then again for the answer to a handshake. Defaults to 10 s.
    ///
    /// A client whose head takes longer, from the connection or the previous answer on, is
    /// disconnected. The answer to a handshake includes everything between the head and the 101:
    /// middleware, token verifiers, routers, the constructor and `connect`. What is too slow is dropped,
    /// and the client gets a 503 with `Retry-After`.
    ///
    /// A plain request may be answered late, as by a long poll. There the limit holds for each
    /// [`Middleware`](crate::Middleware), before its request goes on and after the response has come
    /// back. Code that blocks its thread cannot be interrupted; its time counts.
    pub handshake_timeout: Duration,
    /// The request's head, in bytes: 64 KiB. More is answered with 431. Less than 8 KiB has the effect of
    /// 8 KiB.
    pub head_bytes: usize,
    /// The body of a request to an HTTP consumer, in bytes: 1 MiB. More is answered with 413.
    pub body_bytes: usize,
    /// Longest silence of a client that sends the body of a request. Defaults to 30 s. In each such period
    /// in which the application waits for the body, `minimum_rate` times the period has to come: 3,000
    /// bytes. A slow upload that makes progress may take longer.
    ///
    /// An HTTP consumer's client gets a 408. A tower service that reads the body gets an
    /// [`io::Error`](std::io::Error) of the kind `TimedOut`. Time in which a service does not read the
    /// body does not count.
    pub body_timeout: Duration,
    /// Longest message of a client in bytes. Defaults to 1 MiB. Protects the memory that one socket
    /// takes: up to three messages of this length are held for one, the one that is being received and
    /// those that wait for `receive`. A longer message closes the socket with 1009.
    pub message_bytes: usize,
    /// Longest frame of a client in bytes. Defaults to `usize::MAX`: then only `message_bytes`
    /// bounds a frame. A longer frame closes the socket with 1009.
    pub frame_bytes: usize,
    /// Most frames in one message. Defaults to `None`: one for each 64 bytes of `message_bytes`, at
    /// least 1,024. Protects against messages that never end, since empty frames add nothing to the
    /// length of a message. One more frame closes the socket with 1009.
    pub message_frames: Option<usize>,
    /// Memory in bytes that the output queued for one socket or response may take. Defaults to 1 MiB.
    /// Each queued item counts with its bookkeeping: about 100 bytes in addition to its payload. When
    /// the limit is reached, senders wait, and the socket is not read. One item may be larger.
    pub outbound_bytes: usize,
    /// Memory in bytes that the events waiting for one consumer may take, in addition to the number of
    /// events that `#[consumer(mailbox = …)]` allows. Defaults to 4 MiB. Beyond it, the `overflow` policy
    /// of the consumer applies. An event counts with what its payload serializes to, and with 128 bytes
    /// of bookkeeping; an event for several consumers counts for each of them. One event may be larger.
    pub mailbox_bytes: usize,
    /// Memory in bytes that everything queued for all connections of the application may take together.
    /// Defaults to 1 GiB. It counts messages in part or as a whole that wait for a handler, events in
    /// mailboxes, frames and chunks that clients have not read, and the bodies of requests;
    /// [`Stats::queued_bytes`](crate::Stats::queued_bytes) returns the sum. A message that is queued for
    /// several clients counts for each of them.
    ///
    /// While the limit is reached:
    ///
    /// - handshakes and requests to HTTP consumers get a 503 with `Retry-After`;
    /// - a socket that has more than 2 KiB of an incomplete message is closed with 1013;
    /// - one message waits for `receive` instead of 16, and senders wait for clients with queued
    ///   output, so that slow clients are not read;
    /// - a mailbox in which an event waits is full;
    /// - a socket whose client has not taken any output for half of `ping_interval` is disconnected.
    ///
    /// Each refusal is counted by [`Stats::memory_refusals`](crate::Stats::memory_refusals) and logged at
    /// a bounded rate. A message longer than this limit is refused with 1009, whatever
    /// `message_bytes` allows.
    pub memory_bytes: usize,
    /// Bytes per second below which a client counts as stalled. Defaults to 100. Protects against clients
    /// that send a message or a body, or read a response, byte by byte, and lets slow uploads and
    /// downloads pass. A request's body has to come at this rate over each period of `body_timeout`.
    /// Below this rate, an incomplete message is silence (`ping_timeout`). The client of a response has
    /// to read at this rate over each period of `ping_interval` plus `ping_timeout`, or it is
    /// disconnected. TCP reports what a client has read only after 64 to 95 KB with the receive buffers of
    /// common systems. So a client that reads more slowly than about 2 KB per second may be disconnected
    /// with the default periods, whatever this limit is.
    pub minimum_rate: usize,
    /// Groups in which one connection can be at the same time: 1,000. A further `group_add` fails with
    /// [`ErrorKind::Limit`](crate::ErrorKind::Limit), and the connection stays in the groups that it has
    /// joined. The limit protects the server from a client that chooses the names of its groups: a
    /// membership takes about 350 bytes where nobody else is in the group.
    pub groups: usize,
    /// Connections at the same time: 1,000,000. More wait to be accepted.
    pub connections: usize,
    /// Silence after which a socket is pinged, and a stream of events gets a comment: 20 s. Zero for
    /// never.
    pub ping_interval: Duration,
    /// Silence after that ping, until the connection counts as lost: 30 s. A client that receives part of
    /// what is queued for it is not silent, nor is one that sends a message at `minimum_rate` or faster.
    /// The client of a response that reads nothing of what waits for it is disconnected after both; with
    /// both zero, never.
    pub ping_timeout: Duration,
    /// How long a closing socket waits for the peer's close frame, and before that for a peer that takes
    /// nothing of what is queued: 5 s.
    pub close_timeout: Duration,
    /// How long a handler may run after its connection has ended, and `disconnect` behind it: 10 s. A
    /// client that has closed its sending side and waits for an answer gets one within this time. As
    /// long may a worker's job run after the worker was told to stop.
    pub grace: Duration,
    /// Plain `fn` handlers of sockets and HTTP consumers that have a thread at the same time: 256. More
    /// wait for one in their order, and what their clients send meanwhile is not read. It protects
    /// [`blocking`](crate::blocking), which uses the same 512 threads of the process: keep it well below
    /// 512. `disconnect` never waits for it. At least one runs.
    pub blocking_handlers: usize,
    /// Of these, those that wait in a send until their client reads: 64. If more do, the client that
    /// has kept its handler waiting for the longest time is disconnected (1013, or a response that is
    /// broken off), and its handler's send fails with [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// So clients that never read cannot take the threads of all others. Each has up to `outbound_bytes`
    /// queued.
    pub blocking_sends: usize,
    /// How long a shutdown waits for its connections, then for the workers in its process, then for its
    /// hooks: 30 s for each. A `grace` that is longer is cut short by it.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            head_bytes: 64 * 1024,
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            message_bytes: 1024 * 1024,
            frame_bytes: usize::MAX,
            message_frames: None,
            outbound_bytes: 1024 * 1024,
            mailbox_bytes: 4 * 1024 * 1024,
            memory_bytes: 1024 * 1024 * 1024,
            minimum_rate: 100,
            groups: 1_000,
            connections: 1_000_000,
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            grace: Duration::from_secs(10),
            blocking_handlers: 256,
            blocking_sends: 64,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The longest message that can be received.
    pub(crate) fn longest_message(&self) -> usize {
        self.message_bytes.min(self.memory_bytes)
    }

    /// The most frames of one message.
    pub(crate) fn most_frames(&self) -> usize {
        self.message_frames
            .unwrap_or_else(|| (self.message_bytes / FRAME_AVERAGE).max(FEWEST_FRAMES))
    }
}
