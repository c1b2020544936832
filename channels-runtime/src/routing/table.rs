//! The routes of a router as a table: printed, and found by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::reverse::{parameters, reverse};
use crate::app::{Line, Routes};
use crate::suggest::did_you_mean;
use crate::{Error, ErrorKind, Result};

/// The routes of a router, through nested routers to their applications.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    lines: Vec<Arc<Line>>,
    /// Those of a name; they differ in what they capture.
    names: HashMap<String, Vec<Arc<Line>>>,
}

impl Table {
    pub(super) fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// Adds a route: its own line, or those of the router to which it leads.
    ///
    /// # Errors
    ///
    /// What is wrong with its name.
    pub(super) fn add(&mut self, route: Line, inner: Option<Routes<'_>>) -> Result<(), String> {
        if let Some(name) = &route.name
            && (name.is_empty() || name.contains(':'))
        {
            return Err(format!(
                "`{name}` is no name of a route: it has a character, and no `:`"
            ));
        }
        match inner {
            None => self.push(Arc::new(route)),
            Some(inner) => inner
                .lines()
                .iter()
                .try_for_each(|line| self.push(Arc::new(behind(&route, line)))),
        }
    }

    fn push(&mut self, line: Arc<Line>) -> Result<(), String> {
        if let Some(name) = &line.name {
            let same_name = self.names.entry(name.clone()).or_default();
            let captures = parameters(&line);
            if let Some(other) = same_name.iter().find(|other| parameters(other) == captures) {
                return Err(format!(
                    "two routes with the name `{name}` capture the same: `{}` and `{}`",
                    other.pattern, line.pattern
                ));
            }
            same_name.push(Arc::clone(&line));
        }
        self.lines.push(line);
        Ok(())
    }

    /// The path of a named route.
    pub(super) fn reverse(
        &self,
        name: &str,
        kwargs: &[(&str, &dyn fmt::Display)],
    ) -> Result<String> {
        let Some(lines) = self.names.get(name) else {
            let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            let meant = did_you_mean(name, &known);
            let message = format!("there is no route with the name `{name}`{meant}");
            return Err(Error::new(ErrorKind::Config, message));
        };
        reverse(name, lines, kwargs)
    }
}

/// The line of an application behind two routes.
fn behind(outer: &Line, inner: &Line) -> Line {
    let pieces = outer.pieces.as_ref().zip(inner.pieces.as_ref());
    let mut kwargs = outer.kwargs.clone();
    kwargs.retain(|(name, _)| inner.kwargs.iter().all(|(other, _)| other != name));
    kwargs.extend(inner.kwargs.iter().cloned());
    let name = match (&outer.name, &inner.name) {
        (Some(outer), Some(inner)) => Some(format!("{outer}:{inner}")),
        (_, inner) => inner.clone(),
    };
    Line {
        pattern: format!("{}{}", outer.pattern, inner.pattern),
        pieces: pieces.map(|(outer, inner)| [outer.as_slice(), inner].concat()),
        name,
        kwargs,
        app: inner.app.clone(),
    }
}

impl fmt::Display for Table {
    /// One line for each route: the pattern, the application, and the name and values, if any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return f.write_str("no routes");
        }
        let rows: Vec<[String; 3]> = self
            .lines
            .iter()
            .map(|line| {
                let name = line.name.clone().unwrap_or_default();
                [format!("/{}", line.pattern), line.app.clone(), name]
            })
            .collect();
        let width = |column: usize| {
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or_default()
        };
        let widths = [width(0), width(1), width(2)];
        for (index, (row, line)) in rows.iter().zip(&self.lines).enumerate() {
            let [pattern, app, name] = row;
            let [w0, w1, w2] = widths;
            let kwargs: Vec<String> = line
                .kwargs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let kwargs = kwargs.join(" ");
            let text = format!("{pattern:w0$}  {app:w1$}  {name:w2$}  {kwargs}");
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// The name of a type without the modules, and a consumer's instead of its application's.
pub(super) fn short_name(type_name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    // Of each open `<`, whether it is shown.
    let mut brackets = Vec::new();
    for char in type_name.chars() {
        match char {
            '<' => {
                let shown = word != "ConsumerApp";
                if shown {
                    short.push_str(&word);
                    short.push('<');
                }
                word.clear();
                brackets.push(shown);
            }
            '>' => {
                short.push_str(&std::mem::take(&mut word));
                if brackets.pop() != Some(false) {
                    short.push('>');
                }
            }
            ':' => word.clear(),
            _ if char.is_alphanumeric() || char == '_' => word.push(char),
            _ => {
                short.push_str(&std::mem::take(&mut word));
                short.push(char);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_name_is_short() {
        let cases = [
            ("channels::consumer::app::ConsumerApp<chat::Room>", "Room"),
            ("axum::routing::Router", "Router"),
            ("Router", "Router"),
            (
                "a::Around<b::OnlyFrom<&str>, c::ConsumerApp<d::Room<e::X>>>",
                "Around<OnlyFrom<&str>, Room<X>>",
            ),
            ("a::f::{{closure}}", "{{closure}}"),
        ];
        for (long, short) in cases {
            assert_eq!(short_name(long), short);
        }
    }
}
