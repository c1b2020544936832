//! Asking for a password.

use std::io::{self, IsTerminal as _};

/// Asks twice without showing it, where somebody sits at the keyboard; else reads a line.
pub(crate) fn ask(name: &str) -> io::Result<String> {
    let password = if io::stdin().is_terminal() {
        let password = rpassword::prompt_password(format!("Password for {name}: "))?;
        if rpassword::prompt_password("The same again: ")? != password {
            return Err(io::Error::other("these were two different passwords"));
        }
        password
    } else {
        io::stdin().lines().next().transpose()?.unwrap_or_default()
    };
    if password.chars().count() < 8 {
        return Err(io::Error::other("a password has at least 8 characters"));
    }
    Ok(password)
}
