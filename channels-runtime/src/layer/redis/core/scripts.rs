//! What has to happen in one step inside of Redis.

use redis::{Cmd, FromRedisValue, ToRedisArgs};

use super::super::connection::Connection;
use crate::Result;

/// Puts events into queues that have room. `ARGV`: the events, then the capacities, both in the order
/// of the keys, then now, the highest score that is too old, and the expiry. Gives for each key
/// whether there was room.
///
/// It adds before it removes: a Redis without memory refuses a script's first write alone.
pub(super) const PUSH: Script = Script(
    "local n = #KEYS
local now, old, expiry = ARGV[2*n+1], ARGV[2*n+2], ARGV[2*n+3]
local sent = {}
for i = 1, n do
  if redis.call('ZCOUNT', KEYS[i], '(' .. old, '+inf') < tonumber(ARGV[n+i]) then
    redis.call('ZADD', KEYS[i], now, ARGV[i])
    redis.call('ZREMRANGEBYSCORE', KEYS[i], 0, old)
    redis.call('EXPIRE', KEYS[i], expiry)
    sent[i] = 1
  else
    sent[i] = 0
  end
end
return sent",
);

/// A script. Its text travels each time: that is a few hundred bytes, Redis compiles it once, and no
/// `SCRIPT FLUSH` can take it away.
pub(super) struct Script(&'static str);

impl Script {
    /// Runs it with these keys and arguments.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`].
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        connection: &Connection,
        keys: &[impl ToRedisArgs + Sync],
        arguments: impl FnOnce(&mut Cmd) + Send,
    ) -> Result<T> {
        let mut command = redis::cmd("EVAL");
        command.arg(self.0).arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        arguments(&mut command);
        connection.run(&command).await
    }
}
