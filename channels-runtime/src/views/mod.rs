//! Pages that a site needs where there is no Django: to log in and out; and a way in for other programs.

mod headers;
mod login;
mod logout;
mod publish;
mod redirect;

pub use self::login::{LoginForm, LoginView};
pub use self::logout::LogoutView;
pub use self::publish::PublishView;
