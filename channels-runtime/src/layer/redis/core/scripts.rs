//! What has to happen in one step inside of Redis.

use redis::{Cmd, FromRedisValue, Pipeline, ToRedisArgs};

use super::super::connection::Connection;
use crate::Result;

/// Puts events into queues that have room. `KEYS`: a queue for each event, then for each the key that
/// shows that the queue's process lives, or the queue again. `ARGV`: the events, then the capacities,
/// then for how many seconds an event waits. Gives for each event 1, or 0 if there was no room, or -1
/// if the process is dead; and at last how many events it has removed that nobody read in time.
///
/// A process that shows that it lives is told the event as well, on a topic of its queue's name; not
/// over replicas, for it listens to none. Who may not publish (ACL) sends all the same.
///
/// It may depend on a group: then its key comes last, and behind the other arguments the end of the
/// time of its members, how many they are, and a digest of them. If they are others, nothing happens,
/// and it gives nothing.
///
/// The time is that of Redis: the clocks of the servers may differ. It adds before it removes: a Redis
/// without memory refuses a script's first write alone.
pub(super) const PUSH: Script = Script(
    "local n = math.floor(#KEYS / 2)
local expiry = ARGV[2*n+1]
local group = KEYS[2*n+1]
if group then
  if redis.call('ZCOUNT', group, 0, ARGV[2*n+2]) > 0 then return false end
  if redis.call('ZCARD', group) ~= tonumber(ARGV[2*n+3]) then return false end
  local members = table.concat(redis.call('ZRANGE', group, 0, -1), ' ')
  if redis.sha1hex(members) ~= ARGV[2*n+4] then return false end
end
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local old = time[1] - expiry
local sent = {}
local expired = 0
for i = 1, n do
  if KEYS[n+i] ~= KEYS[i] and redis.call('EXISTS', KEYS[n+i]) == 0 then
    sent[i] = -1
  elseif redis.call('ZCOUNT', KEYS[i], '(' .. old, '+inf') < tonumber(ARGV[n+i]) then
    redis.call('ZADD', KEYS[i], now, ARGV[i])
    expired = expired + redis.call('ZREMRANGEBYSCORE', KEYS[i], 0, old)
    redis.call('EXPIRE', KEYS[i], expiry)
    if KEYS[n+i] ~= KEYS[i] then
      redis.set_repl(redis.REPL_NONE)
      redis.pcall('PUBLISH', KEYS[i], ARGV[i])
      redis.set_repl(redis.REPL_ALL)
    end
    sent[i] = 1
  else
    sent[i] = 0
  end
end
sent[n+1] = expired
return sent",
);

/// Which server this is. One that was started again, or a replica that has taken over, is another: what
/// it knows may be older. Who may not ask (ACL) finds them all alike.
macro_rules! server {
    () => {
        "local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
"
    };
}

/// Gives which server this is.
pub(super) const SERVER: Script = Script(concat!(server!(), "return server"));

/// Shows that a process lives, at this server: `KEYS` has the key that says so, `ARGV` for how many
/// seconds. Gives which server it is.
pub(super) const SHOW_LIFE: Script = Script(concat!(
    server!(),
    "redis.call('SET', KEYS[1], server, 'EX', ARGV[1])
return server",
));

/// The same, if this server has been shown it before. Gives whether it has, and which it is.
pub(super) const STILL_SHOW_LIFE: Script = Script(concat!(
    server!(),
    "if redis.call('GET', KEYS[1]) ~= server then return {0, server} end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {1, server}",
));

/// Takes an event out of a queue that several processes read. `KEYS`: the queue, and a hash of what
/// this process has taken. `ARGV`: what it got the last time, for how many seconds an event waits, and
/// the number of this command. Gives the event, or nothing.
///
/// An answer may be lost: what it did not get is then what it gets. And a command may be late, of a
/// connection that was given up: only one with a higher number than the last does anything. It removes
/// before it adds: else a Redis without memory would refuse it, and what is done makes room.
pub(super) const CLAIM: Script = Script(
    "local taken = redis.call('HMGET', KEYS[2], 'number', 'event')
if taken[1] and tonumber(taken[1]) >= tonumber(ARGV[3]) then return false end
redis.call('HDEL', KEYS[2], 'number')
redis.call('HSET', KEYS[2], 'number', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
if taken[2] and taken[2] ~= ARGV[1] then return taken[2] end
local popped = redis.call('ZPOPMIN', KEYS[1])
if not popped[1] then
  redis.call('HDEL', KEYS[2], 'event', 'score')
  return false
end
redis.call('HSET', KEYS[2], 'event', popped[1], 'score', popped[2])
return popped[1]",
);

/// Puts back what was taken and did not arrive. `KEYS` and `ARGV` as with [`CLAIM`].
pub(super) const RELEASE: Script = Script(
    "local taken = redis.call('HMGET', KEYS[2], 'number', 'event', 'score')
if taken[1] and tonumber(taken[1]) >= tonumber(ARGV[3]) then return end
redis.call('HDEL', KEYS[2], 'number')
redis.call('HSET', KEYS[2], 'number', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
if taken[2] and taken[2] ~= ARGV[1] then
  redis.call('ZADD', KEYS[1], taken[3], taken[2])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
redis.call('HDEL', KEYS[2], 'event', 'score')",
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
        keys: &[impl ToRedisArgs],
        arguments: impl FnOnce(&mut Cmd) + Send,
    ) -> Result<T> {
        let mut command = self.command(keys);
        arguments(&mut command);
        connection.run(&command).await
    }

    /// Adds it to other commands.
    pub(super) fn add_to<'a>(
        &self,
        commands: &'a mut Pipeline,
        keys: &[impl ToRedisArgs],
    ) -> &'a mut Pipeline {
        commands.add_command(self.command(keys))
    }

    fn command(&self, keys: &[impl ToRedisArgs]) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.0).arg(keys.len()).arg(keys);
        command
    }
}
