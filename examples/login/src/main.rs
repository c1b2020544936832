//! Chat rooms for users, on an embedded database that the program creates.
//!
//! ```text
//! cargo run -p login -- adduser ana
//! cargo run -p login
//! ```
//!
//! With `DATABASE_URL` and `SECRET_KEY` of a Django site, the program uses the users and sessions of the
//! site: a user who is logged in there is logged in here.

mod pages;
mod password;
mod room;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use channels::prelude::*;
use channels::{AuthMiddlewareStack, CsrfMiddleware, LoginView, LogoutView, Middleware, Site};
use clap::{Parser, Subcommand};

use crate::pages::{File, Home, RoomPage};
use crate::room::Room;

/// Serves chat rooms for users.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    addr: SocketAddr,
}

#[derive(Subcommand)]
enum Command {
    /// Creates a user; asks for the password.
    Adduser { name: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result {
    // A Django site does not announce logouts, so the database is polled.
    let site = Site::from_env()?.recheck_every(Duration::from_secs(5));
    match args.command {
        Some(Command::Adduser { name }) => add_user(&site, &name).await,
        None => serve(site, args.addr).await,
    }
}

async fn add_user(site: &Site, name: &str) -> Result {
    let password = password::ask(name).map_err(Error::other)?;
    let user = site.create_user(name, &password).await?;
    let id = user.id().unwrap_or_default();
    eprintln!("Created user {} with id {id}.", user.username());
    Ok(())
}

async fn serve(site: Site, address: SocketAddr) -> Result {
    let server = Server::bind(address).await?;
    let address = server.local_addr()?;
    eprintln!("The rooms are at http://{address}/ (press Ctrl-C to stop).");
    server.serve(app(site)).await
}

/// The pages, and the WebSocket that each room opens.
fn app(site: Site) -> ProtocolTypeRouter {
    let pages = URLRouter::new()
        .path("", Home::app())
        .path("rooms/<slug:room>/", RoomPage::app())
        .path("login/", LoginView::new())
        .path("logout/", LogoutView::new().redirect_to("/login/"))
        .path("static/<str:name>", File::app());
    let sockets = URLRouter::new().path("ws/rooms/<slug:room>/", Room::app());
    ProtocolTypeRouter::new()
        .site(site)
        .http(CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages)))
        .websocket(AuthMiddlewareStack::new(sockets))
}
