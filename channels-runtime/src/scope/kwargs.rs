//! What a route captured from the path.

use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// The named parts of the path that the route captured.
///
/// Django's `url_route["kwargs"]`. An inner router's capture replaces an outer one's of the
/// same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kwargs(Vec<(Box<str>, Box<str>)>);

impl Kwargs {
    /// The text captured under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| &**value)
    }

    /// The names and what they captured, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The text captured under a name, as a value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Route`] if there is no such name, or the text is no `T`.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T> {
        let Some(text) = self.get(name) else {
            let known: Vec<_> = self.iter().map(|(name, _)| name).collect();
            return Err(Error::new(
                ErrorKind::Route,
                format!(
                    "the route captures no `{name}`; it captures: [{}]",
                    known.join(", ")
                ),
            ));
        };
        text.parse().map_err(|_| {
            let wanted = std::any::type_name::<T>();
            Error::new(
                ErrorKind::Route,
                format!("`{name}` is `{text}`, which is no {wanted}"),
            )
        })
    }

    pub(crate) fn insert(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(key, _)| &**key == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.into(), value.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_name_and_type() {
        let mut kwargs = Kwargs::default();
        kwargs.insert("room", "lobby");
        kwargs.insert("page", "7");
        assert_eq!(kwargs.parse::<String>("room").expect("text"), "lobby");
        assert_eq!(kwargs.parse::<u32>("page").expect("number"), 7);
        assert!(kwargs.parse::<u32>("room").is_err());
        let missing = kwargs
            .parse::<u32>("rome")
            .expect_err("missing")
            .to_string();
        assert_eq!(
            missing,
            "the route captures no `rome`; it captures: [room, page]"
        );
    }

    #[test]
    fn the_inner_capture_wins() {
        let mut kwargs = Kwargs::default();
        kwargs.insert("id", "outer");
        kwargs.insert("id", "inner");
        assert_eq!(kwargs.iter().collect::<Vec<_>>(), [("id", "inner")]);
    }
}
