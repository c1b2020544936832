//! Rooms for those who are logged in, on a database that makes itself.
//!
//! ```text
//! cargo run --example login -- adduser ana
//! cargo run --example login
//! ```
//!
//! With `DATABASE_URL` and `SECRET_KEY` of a Django site, its users are the users here, and whoever is
//! logged in there is logged in here.

mod arguments;
mod pages;
mod password;
mod room;

use std::process::ExitCode;
use std::time::Duration;

use channels::prelude::*;
use channels::{AuthMiddlewareStack, CsrfMiddleware, LoginView, LogoutView, Middleware, Site};

use crate::arguments::Wish;
use crate::pages::{File, Home, RoomPage};
use crate::room::Room;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    let wish = match Wish::read(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(problem) => {
            eprintln!("{problem}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(wish).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(wish: Wish) -> Result {
    // A Django site tells nobody who logs out there: so the database is asked.
    let site = Site::from_env()?.recheck_every(Duration::from_secs(5));
    match wish {
        Wish::AddUser(name) => {
            let password = password::ask(&name).map_err(Error::other)?;
            let user = site.create_user(&name, &password).await?;
            eprintln!(
                "{} is user {}.",
                user.username(),
                user.id().unwrap_or_default()
            );
            Ok(())
        }
        Wish::Serve(address) => {
            let server = Server::bind(address).await?;
            eprintln!(
                "The rooms are at http://{}/ (Ctrl-C ends it).",
                server.local_addr()?
            );
            server.serve(app(site)).await
        }
    }
}

/// The pages, and the sockets that they open.
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
