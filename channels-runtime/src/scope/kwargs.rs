//! What a route captured from the path.

use std::str::FromStr;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::de;
use crate::suggest::did_you_mean;
use crate::{Error, ErrorKind, Result};

/// The named parts of the path that the route captured.
///
/// Django's `url_route["kwargs"]`. An inner router's capture replaces an outer one's of the
/// same name, and what a route adds itself replaces what it captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kwargs(Vec<(Arc<str>, Box<str>)>);

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
    /// [`ErrorKind::Config`] if there is no such name, [`ErrorKind::Route`] if the text is no `T`.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.get(name).ok_or_else(|| self.missing(name))?;
        text.parse().map_err(|_| {
            let wanted = std::any::type_name::<T>();
            Error::new(
                ErrorKind::Route,
                format!("`{name}` is `{text}`, which is no {wanted}"),
            )
        })
    }

    /// All captured texts, as the fields of a struct: numbers, `bool`, `char`, `String`, newtypes,
    /// enums without fields, and `Option` for what not every route captures.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a field is not captured, or is of a type that no text gives,
    /// [`ErrorKind::Route`] if a text is none of what its field may be.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        de::from_kwargs(self)
    }

    pub(super) fn missing(&self, name: &str) -> Error {
        let known: Vec<_> = self.iter().map(|(name, _)| name).collect();
        let meant = did_you_mean(name, &known);
        let known = known.join(", ");
        let message = format!("the route captures no `{name}`; it captures: [{known}]{meant}");
        Error::new(ErrorKind::Config, message)
    }

    pub(super) fn entries(&self) -> &[(Arc<str>, Box<str>)] {
        &self.0
    }

    pub(super) fn insert(&mut self, name: Arc<str>, value: Box<str>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_name_and_type() {
        let mut kwargs = Kwargs::default();
        kwargs.insert("room".into(), "lobby".into());
        kwargs.insert("page".into(), "7".into());
        assert_eq!(kwargs.parse::<String>("room").expect("text"), "lobby");
        assert_eq!(kwargs.parse::<u32>("page").expect("number"), 7);
        let wrong = kwargs.parse::<u32>("room").expect_err("no number");
        assert_eq!(wrong.kind(), ErrorKind::Route);
        assert_eq!(wrong.to_string(), "`room` is `lobby`, which is no u32");
        let missing = kwargs.parse::<u32>("rome").expect_err("missing");
        assert_eq!(missing.kind(), ErrorKind::Config);
        assert_eq!(
            missing.to_string(),
            "the route captures no `rome`; it captures: [room, page]"
        );
        let misspelt = kwargs.parse::<u32>("romo").expect_err("missing");
        let suggestion = "; did you mean `room`?";
        assert!(misspelt.to_string().ends_with(suggestion), "{misspelt}");
    }

    #[test]
    fn the_inner_capture_wins() {
        let mut kwargs = Kwargs::default();
        kwargs.insert("id".into(), "outer".into());
        kwargs.insert("id".into(), "inner".into());
        assert_eq!(kwargs.iter().collect::<Vec<_>>(), [("id", "inner")]);
    }
}
