//! Pages that a site needs where there is no Django: to log in and out.

mod login;
mod logout;
mod redirect;

pub use self::login::{LoginForm, LoginView};
pub use self::logout::LogoutView;
