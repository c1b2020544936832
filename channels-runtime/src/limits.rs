//! What a server takes at the most, and how long it waits.

use std::time::Duration;

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
    /// From the connection to the end of the request's head, and from there to the answer of a
    /// handshake: 10 s. A client that takes longer is disconnected, a `connect` that does is
    /// dropped and the client gets a 503.
    pub handshake_timeout: Duration,
    /// The request's head, in bytes: 64 KiB. More is answered with 431.
    pub head_bytes: usize,
    /// The body of a request to an HTTP consumer, in bytes: 1 MiB. More is answered with 413.
    pub body_bytes: usize,
    /// How long such a body may take to come in: 30 s. Then the client gets a 408.
    pub body_timeout: Duration,
    /// One message, in bytes: 1 MiB. More closes the socket with 1009.
    pub message_bytes: usize,
    /// One frame, in bytes: 1 MiB. More closes the socket with 1009.
    pub frame_bytes: usize,
    /// What is queued for one socket or response before senders wait, in bytes: 1 MiB.
    pub outbound_bytes: usize,
    /// Connections at the same time: 1,000,000. More wait to be accepted.
    pub connections: usize,
    /// Silence after which a socket is pinged, and a stream of events gets a comment: 20 s. Zero for
    /// never.
    pub ping_interval: Duration,
    /// Silence after that ping, until the connection counts as lost: 30 s. The client of a response
    /// that reads nothing of what waits for it counts as lost after both.
    pub ping_timeout: Duration,
    /// How long a closing socket waits for the peer's close frame, and before that for a peer that takes
    /// nothing of what is queued: 5 s.
    pub close_timeout: Duration,
    /// How long a handler may run after its connection has ended, and `disconnect` behind it: 10 s. As
    /// long may a worker's job run after the worker was told to stop.
    pub grace: Duration,
    /// Plain `fn` handlers of sockets and HTTP consumers that have a thread at the same time: 256. More
    /// wait for one in their order, and what their clients send meanwhile is not read. It protects what
    /// else needs tokio's blocking threads, of which there are 512 unless the runtime says otherwise:
    /// logins, name lookups, [`blocking`](crate::blocking). Keep it well below the runtime's
    /// `max_blocking_threads`. `disconnect` never waits for it. At least one runs.
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
            frame_bytes: 1024 * 1024,
            outbound_bytes: 1024 * 1024,
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
