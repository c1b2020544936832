//! A group chat for browsers: a lobby, and rooms with names, typing notices and files.
//!
//! ```text
//! cargo run --example chat
//! cargo run --example chat -- --addr 0.0.0.0:8080
//! ```

mod lobby;
mod pages;
mod protocol;
mod room;
#[cfg(test)]
mod room_tests;
mod upload;

use std::net::SocketAddr;
use std::process::ExitCode;

use channels::prelude::*;

use crate::lobby::Lobby;
use crate::room::Room;

const USAGE: &str = "usage: chat [--addr ADDRESS:PORT]    (default: 127.0.0.1:8000)";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    let address = match address(std::env::args().skip(1)) {
        Ok(address) => address,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: SocketAddr) -> Result {
    let server = Server::bind(address).await?;
    eprintln!(
        "The chat is at http://{}/ (Ctrl-C ends it).",
        server.local_addr()?
    );
    server.serve(app()).await
}

/// The pages, and the sockets that they open.
fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new().http(pages::router()).websocket(
        URLRouter::new()
            .re_path(r"^chat/$", Lobby::app())
            .path("chat/<slug:room>/", Room::app()),
    )
}

/// Reads the command line.
fn address(arguments: impl IntoIterator<Item = String>) -> Result<SocketAddr, String> {
    let mut arguments = arguments.into_iter();
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8000));
    while let Some(argument) = arguments.next() {
        let value = match argument.split_once('=') {
            Some(("--addr", value)) => value.to_owned(),
            None if argument == "--addr" => arguments
                .next()
                .ok_or("--addr needs an address, 127.0.0.1:8000 say")?,
            _ => return Err(format!("unknown argument `{argument}`")),
        };
        address = value.parse().map_err(|_| {
            format!("`{value}` is no address: write it with its port, 127.0.0.1:8000 or [::1]:8000")
        })?;
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<SocketAddr, String> {
        address(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_address_is_given_in_either_form() {
        assert_eq!(parse("").expect("default").to_string(), "127.0.0.1:8000");
        assert_eq!(
            parse("--addr [::1]:80").expect("IPv6").to_string(),
            "[::1]:80"
        );
        assert_eq!(
            parse("--addr=0.0.0.0:1").expect("joined").to_string(),
            "0.0.0.0:1"
        );
    }

    #[test]
    fn a_bad_command_line_says_what_is_wrong_with_it() {
        for (line, problem) in [
            ("--addr", "--addr needs an address"),
            ("--addr localhost", "`localhost` is no address"),
            ("--addr 127.0.0.1", "`127.0.0.1` is no address"),
            ("--port 80", "unknown argument `--port`"),
        ] {
            let said = parse(line).expect_err(line);
            assert!(said.starts_with(problem), "{line}: {said}");
        }
    }
}
