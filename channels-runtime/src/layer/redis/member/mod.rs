//! The members of the core layer's queues.
//!
//! A queue is a sorted set, so each member begins with random bytes that make it unique. The body
//! behind them names, under a reserved key, the channels that the message is for: one queue holds
//! the messages of all channels of a process.

use super::body::Body;
use super::core::Census;
use super::encryption::Lifetime;
use crate::event::{Fields, Value};
use crate::{ChannelName, Error, ErrorKind, Event, Result};

/// The reserved keys: the second one is ours alone.
const GROUP: &str = "__asgi_group__";
pub(super) const CHANNEL: &str = "__asgi_channel__";

/// How members are written, on all servers of one Redis alike.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) body: Body,
    /// How many random bytes are before the body (`random_prefix_length`).
    pub(crate) prefix: usize,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recipients<'a> {
    /// Whoever reads the queue: `send` to a channel without `!`.
    Queue,
    /// One channel of a process: `send` to a channel with `!`.
    One(&'a str),
    /// Members of a group that share a queue, with or without `!`.
    Many(&'a [&'a str]),
    /// Members of a group that share a queue of ours.
    Group {
        name: &'a str,
        census: Census,
        except: Option<&'a ChannelName>,
    },
}

/// A message out of a queue.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) event: Event,
    pub(crate) to: To,
}

/// Whom a message out of a queue is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// The full names of the channels; none if it is for whoever reads the queue.
    Channels(Vec<String>),
    /// The members of a group, if those are the ones that are meant.
    Group {
        name: String,
        census: Census,
        except: Option<ChannelName>,
    },
}

impl Default for Members {
    fn default() -> Self {
        Self {
            body: Body::default(),
            prefix: 12,
        }
    }
}

impl Members {
    /// Makes a member. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the format cannot hold the event, or the event has a field of the
    /// reserved name.
    pub(crate) fn write(&self, event: &Event, to: Recipients<'_>, now: u64) -> Result<Vec<u8>> {
        let mut fields = event.to_fields()?;
        if let Some(name) = [CHANNEL, GROUP].iter().find(|it| fields.contains(it)) {
            return Err(Error::new(
                ErrorKind::Encode,
                format!("an event has no field `{name}`: it is the layer's own"),
            ));
        }
        let text = |name: &str| Value::Text(name.to_owned());
        match to {
            Recipients::Queue => {}
            Recipients::One(name) => fields.push(CHANNEL, text(name)),
            Recipients::Many(names) => {
                let names = names.iter().map(|name| text(name)).collect();
                fields.push(CHANNEL, Value::List(names));
            }
            Recipients::Group {
                name,
                census: Census(census),
                except,
            } => {
                let mut group = vec![text(name), Value::Int(census.into())];
                group.extend(except.map(|channel| text(channel.as_str())));
                fields.push(GROUP, Value::List(group));
            }
        }
        let mut member = vec![0; self.prefix];
        getrandom::fill(&mut member)
            .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
        member.extend(self.body.write(fields, now)?);
        Ok(member)
    }

    /// Reads a member. An encrypted one may be only so old.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is no message, or was made with other keys, and
    /// [`ErrorKind::EventType`] if it has no type that is allowed.
    pub(crate) fn read(&self, member: &[u8], lifetime: Option<Lifetime>) -> Result<Received> {
        let (fields, to) = self.split(member, lifetime)?;
        let group = match &to {
            To::Group { name, .. } => Some(name.as_str()),
            To::Channels(_) => None,
        };
        let event = Event::received(fields, group)?;
        Ok(Received { event, to })
    }

    fn split(&self, member: &[u8], lifetime: Option<Lifetime>) -> Result<(Fields, To)> {
        let body = member.get(self.prefix..).ok_or_else(|| {
            let prefix = self.prefix;
            Error::new(
                ErrorKind::Decode,
                format!("a member of a queue begins with {prefix} random bytes"),
            )
        })?;
        let mut fields = self.body.read(body, lifetime)?;
        let named = fields.remove(CHANNEL);
        if named.is_none()
            && let Some(group) = fields.remove(GROUP)
        {
            let to = group_of(group).ok_or_else(|| {
                let what = format!("`{GROUP}` is a group, a number and perhaps a channel");
                Error::new(ErrorKind::Decode, what)
            })?;
            return Ok((fields, to));
        }
        let channels = channels(named).ok_or_else(|| {
            Error::new(
                ErrorKind::Decode,
                format!("`{CHANNEL}` is the name of a channel or a list of them"),
            )
        })?;
        Ok((fields, To::Channels(channels)))
    }
}

fn group_of(value: Value) -> Option<To> {
    let Value::List(parts) = value else {
        return None;
    };
    let (name, census, except) = match <[Value; 3]>::try_from(parts) {
        Ok([name, census, Value::Text(except)]) => (name, census, Some(except)),
        Ok(_) => return None,
        Err(parts) => {
            let [name, census] = <[Value; 2]>::try_from(parts).ok()?;
            (name, census, None)
        }
    };
    let (Value::Text(name), Value::Int(census)) = (name, census) else {
        return None;
    };
    let except = except.map(|except| ChannelName::new(&except));
    Some(To::Group {
        name,
        census: Census(u64::try_from(census).ok()?),
        except: except.transpose().ok()?,
    })
}

fn channels(value: Option<Value>) -> Option<Vec<String>> {
    let name = |value| match value {
        Value::Text(name) => Some(name),
        _ => None,
    };
    match value {
        None => Some(Vec::new()),
        Some(Value::List(names)) => names.into_iter().map(name).collect(),
        Some(value) => name(value).map(|name| vec![name]),
    }
}

#[cfg(test)]
mod tests;
