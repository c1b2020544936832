//! Limits of failed logins, per user and per client address.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::log::{Excerpt, LogLimit};

/// Slows down the guessing of passwords: after several wrong ones, an address has to wait before it may
/// try again.
///
/// [`LoginView`](crate::LoginView) has one by default and answers 429 with `Retry-After`. A program with
/// its own way to log in calls [`attempt`](Self::attempt). Clones share their counts, which are those of
/// this process.
///
/// Three kinds of failed logins are counted. Each count allows a number of failures at once, and one more
/// after each pause:
///
/// | what is counted | failures at once | pause | setting |
/// |---|---|---|---|
/// | one user from one address | 5 | 60 s | [`per_user_and_address`](Self::per_user_and_address) |
/// | all users from one address | 50 | 10 s | [`per_address`](Self::per_address) |
/// | one user from all addresses | 50 | 60 s | [`per_user`](Self::per_user) |
///
/// The third count refuses no login by itself: otherwise anybody could lock out a user by guessing. While it
/// is used up, each address has one failure at once for this user instead of five. So the user can
/// log in from an address that has not failed lately, even during an attack from many addresses.
///
/// - A login with the correct password is not counted, and clears the count of its user and address.
/// - An unknown username is counted like any other. The answers do not show which users exist.
/// - Usernames are compared without case and surrounding spaces. IPv6 addresses are counted per /64, the
///   block that one customer has; an IPv4 address in IPv6 form counts as IPv4.
/// - Without a client address, the first count treats all clients as one address, and the second
///   does not apply. Behind a proxy, set
///   [`trusted_proxies`](crate::ProtocolTypeRouter::trusted_proxies), or all clients have the proxy's
///   address.
/// - At most 65,536 counts are kept, 4 MiB. Beyond that, those that end first are dropped. Counts that
///   have ended take no room for long.
///
/// # Examples
///
/// ```
/// use std::net::IpAddr;
/// use channels_runtime::LoginThrottle;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let throttle = LoginThrottle::new();
/// let client = Some(IpAddr::from([192, 0, 2, 7]));
/// for _ in 0..5 {
///     let attempt = throttle.attempt("ana", client).expect("not throttled yet");
///     attempt.failed();
/// }
/// let wait = throttle.attempt("Ana", client).expect_err("throttled");
/// assert!(wait.as_secs() <= 60);
/// # });
/// ```
#[derive(Clone)]
pub struct LoginThrottle {
    per_pair: Rate,
    per_address: Rate,
    per_user: Rate,
    counts: Arc<Counts>,
}

/// How many counts are kept.
const MOST_COUNTS: usize = 65_536;

/// Failures that are allowed at once, and the pause after which one more is.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    pause: Duration,
}

struct Counts {
    /// Makes keys that no client can compute, so that none collide on purpose.
    hasher: RandomState,
    state: Mutex<HashMap<u64, Instant>>,
    refusals: LogLimit,
}

/// A login attempt that is being checked. It counts as failed unless [`succeeded`](Self::succeeded) or
/// [`cancelled`](Self::cancelled) is called: an attempt whose client disconnects counts as well.
#[derive(Debug)]
#[must_use = "an attempt that is dropped counts as a failed login"]
pub struct LoginAttempt {
    counts: Arc<Counts>,
    /// The counts that were charged, each with its pause.
    charged: Vec<(u64, Duration)>,
    pair: u64,
}

impl Default for LoginThrottle {
    fn default() -> Self {
        Self::new()
    }
}

impl LoginThrottle {
    /// Makes a throttle with the default rates and no counts.
    pub fn new() -> Self {
        let rate = |burst, seconds| Rate {
            burst,
            pause: Duration::from_secs(seconds),
        };
        Self {
            per_pair: rate(5, 60),
            per_address: rate(50, 10),
            per_user: rate(50, 60),
            counts: Arc::new(Counts {
                hasher: RandomState::new(),
                state: Mutex::default(),
                refusals: LogLimit::new(),
            }),
        }
    }

    /// Sets how many logins of one user may fail from one address at once, and the pause until one more
    /// may. Defaults to 5 and 60 s. At least one is always allowed.
    #[must_use]
    pub fn per_user_and_address(mut self, burst: u32, pause: Duration) -> Self {
        self.per_pair = Rate::new(burst, pause);
        self
    }

    /// Sets how many logins may fail from one address at once, of all users together, and the pause
    /// until one more may. Defaults to 50 and 10 s. At least one is always allowed.
    #[must_use]
    pub fn per_address(mut self, burst: u32, pause: Duration) -> Self {
        self.per_address = Rate::new(burst, pause);
        self
    }

    /// Sets how many logins of one user may fail from all addresses at once, and the pause until one more
    /// may, before each address has one failure for this user. Defaults to 50 and 60 s.
    #[must_use]
    pub fn per_user(mut self, burst: u32, pause: Duration) -> Self {
        self.per_user = Rate::new(burst, pause);
        self
    }

    /// Asks whether a client may try a username and a password now. Call it before the password is
    /// checked: attempts that run at the same time are counted from the start.
    ///
    /// # Errors
    ///
    /// How long the client has to wait, where it may not.
    pub fn attempt(
        &self,
        username: &str,
        client: Option<IpAddr>,
    ) -> Result<LoginAttempt, Duration> {
        let now = Instant::now();
        let keys = Keys::new(&self.counts.hasher, username, client);
        let mut state = self.counts.state();
        let mut limits = vec![(keys.pair, self.per_pair)];
        limits.extend(keys.address.map(|address| (address, self.per_address)));
        if self.per_user.wait(state.get(&keys.user), now) > Duration::ZERO {
            limits[0].1.burst = 1;
        }
        let waits = limits
            .iter()
            .map(|(key, rate)| rate.wait(state.get(key), now));
        let wait = waits.max().unwrap_or_default();
        if wait > Duration::ZERO {
            drop(state);
            self.log_refusal(username, client);
            return Err(wait);
        }
        limits.push((keys.user, self.per_user));
        make_room(&mut state, now);
        for (key, rate) in &limits {
            rate.charge(&mut state, *key, now);
        }
        drop(state);
        Ok(LoginAttempt {
            counts: Arc::clone(&self.counts),
            charged: limits
                .into_iter()
                .map(|(key, rate)| (key, rate.pause))
                .collect(),
            pair: keys.pair,
        })
    }

    fn log_refusal(&self, username: &str, client: Option<IpAddr>) {
        if let Some(suppressed) = self.counts.refusals.permit() {
            let username = Excerpt(username.as_bytes());
            tracing::warn!(
                ?username,
                ?client,
                suppressed,
                "login refused: too many failed logins from this address"
            );
        }
    }
}

impl LoginAttempt {
    /// The password was correct: nothing is counted, and the failures of this user from this address are
    /// forgotten.
    pub fn succeeded(mut self) {
        self.refund();
        self.counts.state().remove(&self.pair);
    }

    /// The password was wrong, or there is no such user.
    pub fn failed(self) {}

    /// The password was not checked: the store is unavailable, for example. Nothing is counted.
    pub fn cancelled(mut self) {
        self.refund();
    }

    fn refund(&mut self) {
        let mut state = self.counts.state();
        for (key, pause) in self.charged.drain(..) {
            if let Some(until) = state.get_mut(&key) {
                *until = until.checked_sub(pause).unwrap_or(*until);
            }
        }
    }
}

/// The names of the three counts of an attempt.
struct Keys {
    pair: u64,
    address: Option<u64>,
    user: u64,
}

impl Keys {
    fn new(hasher: &RandomState, username: &str, client: Option<IpAddr>) -> Self {
        let user = username.trim().to_lowercase();
        let address = client.map(block);
        Self {
            pair: hasher.hash_one(("pair", &user, address)),
            address: address.map(|address| hasher.hash_one(("address", address))),
            user: hasher.hash_one(("user", &user)),
        }
    }
}

/// The block of addresses that counts as one client: an IPv4 address, or a /64 of IPv6 (RFC 6177).
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A count is the time at which all its failures are forgotten: each failure moves it by one pause (the
/// generic cell rate algorithm).
impl Rate {
    fn new(burst: u32, pause: Duration) -> Self {
        Self {
            burst: burst.max(1),
            // Far below what the clock can add to any time.
            pause: pause.min(Duration::from_secs(365 * 24 * 60 * 60)),
        }
    }

    /// How long until one more failure is allowed.
    fn wait(self, until: Option<&Instant>, now: Instant) -> Duration {
        let owed = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let allowed = self.pause.saturating_mul(self.burst - 1);
        owed.saturating_sub(allowed)
    }

    fn charge(self, state: &mut HashMap<u64, Instant>, key: u64, now: Instant) {
        let until = state.entry(key).or_insert(now);
        let from = (*until).max(now);
        *until = from.checked_add(self.pause).unwrap_or(from);
    }
}

/// Makes room for the counts of one attempt.
fn make_room(state: &mut HashMap<u64, Instant>, now: Instant) {
    const ATTEMPT: usize = 3;
    if state.len() + ATTEMPT <= MOST_COUNTS {
        return;
    }
    state.retain(|_, until| *until > now);
    if state.len() + ATTEMPT <= MOST_COUNTS * 3 / 4 {
        return;
    }
    // Everything would end later than this: drop the quarter that ends first.
    let mut ends: Vec<_> = state.values().copied().collect();
    let (_, end, _) = ends.select_nth_unstable(MOST_COUNTS / 4);
    let end = *end;
    state.retain(|_, until| *until > end);
}

impl Counts {
    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts")
            .field("counts", &self.state().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LoginThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginThrottle")
            .field("per_user_and_address", &self.per_pair)
            .field("per_address", &self.per_address)
            .field("per_user", &self.per_user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
