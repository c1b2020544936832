//! Sends an event to a group or a channel: for whoever looks after a site, and for scripts.
//!
//! ```text
//! channels send-group room.rust '{"type": "chat.message", "text": "hi"}'
//! echo '{"type": "thumbnail.make"}' | channels send thumbnails -
//! ```

mod arguments;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use channels::{BlockingChannelLayer, ChannelName, Error, ErrorKind, Event, Result};

use crate::arguments::{Target, Wish};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments::ask_for_help(&arguments) {
        return help();
    }
    let environment = arguments::environment(std::env::var_os("CHANNEL_LAYERS"));
    let wish = match environment.and_then(|layers| Wish::read(arguments, layers)) {
        Ok(wish) => wish,
        Err(problem) => {
            eprintln!("{problem}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if wish.shows_secret {
        eprintln!("{}", arguments::WARNING);
    }
    match send(&wish) {
        Ok(said) => {
            eprintln!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads it may have read enough and gone: `channels --help | head -1`.
fn help() -> ExitCode {
    match writeln!(std::io::stdout(), "{}", arguments::USAGE) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn send(wish: &Wish) -> Result<String> {
    let event = event(&wish.json)?;
    let layer = BlockingChannelLayer::open(&wish.layer)?;
    match &wish.target {
        Target::Group(group) => {
            layer.group_send(group, event)?;
            Ok(format!("sent to the group `{group}`"))
        }
        Target::Channel(channel) => {
            layer.send(&ChannelName::new(channel)?, event)?;
            Ok(format!("sent to the channel `{channel}`"))
        }
    }
}

/// Reads an event; `-` is the standard input.
fn event(json: &str) -> Result<Event> {
    let mut text = json.to_owned();
    if json == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Error::other(format!("the event is no JSON: {error}")))?;
    Event::from_json(value).map_err(|error| match error.kind() {
        ErrorKind::EventType => Error::other(format!("{error}: {{\"type\": \"chat.message\", …}}")),
        _ => error,
    })
}
