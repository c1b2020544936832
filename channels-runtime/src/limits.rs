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
    /// Silence after that ping, until the connection counts as lost: 30 s. The client of a response
    /// that reads nothing of what waits for it counts as lost after both.
    pub ping_timeout: Duration,
    /// How long a closing socket waits for the peer's close frame, and before that for a peer that takes
    /// nothing of what is queued: 5 s.
    pub close_timeout: Duration,
    /// How long a handler may run after its connection has ended, and `disconnect` behind it: 10 s. As
    /// long may a worker's job run after the worker was told to stop.
    pub grace: Duration,
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
            groups: 1_000,
            connections: 1_000_000,
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            grace: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
