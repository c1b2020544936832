//! The command line.

use std::net::SocketAddr;

pub(crate) const USAGE: &str = "usage: login [--addr ADDRESS:PORT]    (default: 127.0.0.1:8000)
       login adduser NAME             (asks for the password)";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Serve(SocketAddr),
    AddUser(String),
}

impl Wish {
    pub(crate) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        match arguments[..] {
            [] => Ok(Self::Serve(SocketAddr::from(([127, 0, 0, 1], 8000)))),
            ["--addr", address] => address.parse().map(Self::Serve).map_err(|_| {
                format!("`{address}` is no address: write it with its port, 127.0.0.1:8000 say")
            }),
            ["adduser", name] => Ok(Self::AddUser(name.to_owned())),
            ["adduser"] => Err("adduser needs a name".to_owned()),
            ["--addr"] => Err("--addr needs an address, 127.0.0.1:8000 say".to_owned()),
            [other, ..] => Err(format!("`{other}` is not understood")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Wish, String> {
        Wish::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn wishes_are_understood() {
        let address = "[::1]:80".parse().expect("an address");
        assert_eq!(read("--addr [::1]:80"), Ok(Wish::Serve(address)));
        assert_eq!(read("adduser ana"), Ok(Wish::AddUser("ana".to_owned())));
        assert!(matches!(read(""), Ok(Wish::Serve(_))));
        for wrong in [
            "adduser",
            "--addr",
            "--addr localhost",
            "adduser a b",
            "--port 1",
        ] {
            read(wrong).expect_err(wrong);
        }
    }
}
