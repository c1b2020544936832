//! Reads a new password.

use std::io::{self, IsTerminal as _};

/// Asks twice on a terminal, without echo; otherwise reads one line of standard input.
pub(crate) fn ask(name: &str) -> io::Result<String> {
    let password = if io::stdin().is_terminal() {
        let password = rpassword::prompt_password(format!("Password for {name}: "))?;
        if rpassword::prompt_password("Repeat the password: ")? != password {
            return Err(io::Error::other("the two passwords differ"));
        }
        password
    } else {
        io::stdin().lines().next().transpose()?.unwrap_or_default()
    };
    if password.chars().count() < 8 {
        return Err(io::Error::other(
            "the password is too short (expected at least 8 characters)",
        ));
    }
    Ok(password)
}
