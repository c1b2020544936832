//! What a middleware puts into the scope, as far as a check at start-up can use it.

/// What a middleware provides to the application inside of it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provides {
    /// Anything: a middleware of the program. The check reports nothing inside of it.
    Unknown,
    /// Nothing that another application needs.
    Nothing,
    /// A session.
    Session,
    /// The user of the session, who can log in and out.
    Login,
    /// The user of a token, without a session.
    TokenUser,
    /// A CSRF token.
    Csrf,
}
