//! The command line.

use std::ffi::OsString;

pub(crate) const USAGE: &str = "usage: channels send-group GROUP JSON [--layer URL]
       channels send CHANNEL JSON [--layer URL]
       channels --help

JSON is the event, {\"type\": \"chat.message\", …}, or - for the standard input.
Without --layer it is the `default` of the environment's CHANNEL_LAYERS.";

/// What is to be sent where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) target: Target,
    pub(crate) json: String,
    /// The layer, as `CHANNEL_LAYERS` has it.
    pub(crate) layer: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Group(String),
    Channel(String),
}

/// Whether somebody wants to know how it is used, and nothing is to be sent: `--help` stands where an
/// option does, not as the URL of `--layer`.
pub(crate) fn ask_for_help(arguments: &[String]) -> bool {
    let is_value = |at: usize| at > 0 && arguments[at - 1] == "--layer";
    let mut places = arguments.iter().enumerate();
    places.any(|(at, argument)| matches!(&**argument, "--help" | "-h") && !is_value(at))
}

/// The value of `CHANNEL_LAYERS`. Empty counts as unset, as everywhere.
pub(crate) fn environment(value: Option<OsString>) -> Result<Option<String>, String> {
    let value = value.map(OsString::into_string).transpose();
    let value = value.map_err(|_| "the environment variable `CHANNEL_LAYERS` is not UTF-8")?;
    Ok(value.filter(|value| !value.trim().is_empty()))
}

impl Wish {
    pub(crate) fn read(
        arguments: impl IntoIterator<Item = String>,
        environment: Option<String>,
    ) -> Result<Self, String> {
        let mut plain = Vec::new();
        let mut layer = None;
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--layer" {
                let url = arguments.next().ok_or("--layer needs a URL")?;
                layer = Some(url);
            } else if argument.starts_with("--") {
                return Err(format!("`{argument}` is not understood"));
            } else {
                plain.push(argument);
            }
        }
        let [command, name, json] = <[String; 3]>::try_from(plain).map_err(|plain| {
            format!("a command, a name and an event, not {} words", plain.len())
        })?;
        let target = match command.as_str() {
            "send-group" => Target::Group(name),
            "send" => Target::Channel(name),
            other => return Err(format!("`{other}` is no command")),
        };
        let layer = layer
            .or(environment)
            .ok_or("no layer: give --layer or set CHANNEL_LAYERS")?;
        if layer.contains("memory://") {
            return Err("a layer in memory is that of one process: nobody would get it".to_owned());
        }
        Ok(Self {
            target,
            json,
            layer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, environment: Option<&str>) -> Result<Wish, String> {
        let words = line.split_whitespace().map(str::to_owned);
        Wish::read(words, environment.map(str::to_owned))
    }

    #[test]
    fn wishes_are_understood() {
        let wish = read("send-group g {} --layer redis://a", Some("redis://b"));
        let wish = wish.expect("a wish");
        assert_eq!(wish.target, Target::Group("g".to_owned()));
        assert_eq!(
            (wish.json.as_str(), wish.layer.as_str()),
            ("{}", "redis://a")
        );
        let wish = read("send --layer redis://a c -", None).expect("a wish");
        assert_eq!(wish.target, Target::Channel("c".to_owned()));
        let wish = read("send c -", Some("default=redis://b")).expect("a wish");
        assert_eq!(wish.layer, "default=redis://b");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        for (value, layers) in [
            (None, None),
            (Some(""), None),
            (Some(" "), None),
            (Some("redis://a"), Some("redis://a")),
        ] {
            let read = environment(value.map(OsString::from));
            assert_eq!(read, Ok(layers.map(str::to_owned)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;

        let value = OsString::from_vec(b"redis://\xff".to_vec());
        let error = environment(Some(value)).expect_err("it is not UTF-8");
        assert!(error.contains("`CHANNEL_LAYERS`"), "{error}");
    }

    #[test]
    fn help_is_asked_for_where_options_are() {
        let asks = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            ask_for_help(&words)
        };
        for line in ["--help", "-h", "send --help", "send g {} --help"] {
            assert!(asks(line), "{line}");
        }
        for line in ["", "send g {}", "help", "send g {} --layer --help"] {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn a_bad_command_line_says_what_is_wrong_with_it() {
        for (line, problem) in [
            ("", "not 0 words"),
            ("send-group g", "not 2 words"),
            ("send-group g {} x", "not 4 words"),
            ("publish g {}", "`publish` is no command"),
            ("send g {} --layer", "--layer needs a URL"),
            ("send g {} --url redis://a", "`--url` is not understood"),
            ("send g {}", "no layer"),
            ("send g {} --layer memory://", "nobody would get it"),
        ] {
            let said = read(line, None).expect_err(line);
            assert!(said.contains(problem), "{line}: {said}");
        }
    }
}
