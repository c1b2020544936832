//! The command line.

use std::ffi::OsString;

pub(crate) const USAGE: &str =
    "usage: channels send-group GROUP JSON [--layer URL | --layer-file FILE]
       channels send CHANNEL JSON [--layer URL | --layer-file FILE]
       channels --help

JSON is the event, {\"type\": \"chat.message\", …}, or - for the standard input.
Without an option the layer is the `default` of the environment's CHANNEL_LAYERS.

Every user of the machine can read the arguments of a running program. Give a URL with
a password or an encryption key in CHANNEL_LAYERS or in a file.";

/// What is printed where a URL with a secret stands on the command line.
pub(crate) const WARNING: &str = "warning: --layer contains a secret, which other users can read in the process list; use CHANNEL_LAYERS or --layer-file";

/// What is to be sent where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) target: Target,
    pub(crate) json: String,
    /// The layer, as `CHANNEL_LAYERS` has it.
    pub(crate) layer: String,
    /// Whether the command line itself contains a secret.
    pub(crate) shows_secret: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Group(String),
    Channel(String),
}

/// Whether somebody wants to know how it is used, and nothing is to be sent: `--help` stands where an
/// option does, not as the URL of `--layer`.
pub(crate) fn ask_for_help(arguments: &[String]) -> bool {
    let takes_value = |argument: &String| matches!(&**argument, "--layer" | "--layer-file");
    let is_value = |at: usize| at > 0 && takes_value(&arguments[at - 1]);
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
        let (mut layer, mut shows_secret) = (None, false);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--layer" {
                let url = arguments.next().ok_or("--layer needs a URL")?;
                shows_secret = has_secret(&url);
                layer = Some(url);
            } else if argument == "--layer-file" {
                let file = arguments.next().ok_or("--layer-file needs a file")?;
                shows_secret = false;
                layer = Some(read_file(&file)?);
            } else if argument.starts_with("--") {
                return Err(format!("unknown option `{argument}`"));
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
            // A variable that is set and empty is as good as none.
            .or(environment.filter(|layers| !layers.trim().is_empty()))
            .ok_or("no layer: set CHANNEL_LAYERS, or give --layer or --layer-file")?;
        if layer.contains("memory://") {
            return Err("a layer in memory is that of one process: nobody would get it".to_owned());
        }
        Ok(Self {
            target,
            json,
            layer,
            shows_secret,
        })
    }
}

/// The layer in a file: its text, without the space around it.
fn read_file(file: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("cannot read `{file}`: {error}"))?;
    match text.trim() {
        "" => Err(format!("`{file}` is empty: expected the URL of a layer")),
        layer => Ok(layer.to_owned()),
    }
}

/// Whether a layer's text contains a password, `redis://user:password@host`, or an encryption key.
fn has_secret(layer: &str) -> bool {
    let has_password = |url: &str| {
        let authority = url.split(['?', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| {
            user.split_once(':')
                .is_some_and(|(_, password)| !password.is_empty())
        })
    };
    let mut parameters = layer.split(['?', '&', ' ']).skip(1);
    layer.split("://").skip(1).any(has_password)
        || parameters.any(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            name.contains("key") || name.contains("password")
        })
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
        let empty = read("send c -", Some(" ")).expect_err("an empty variable");
        assert!(empty.contains("no layer"), "{empty}");
    }

    #[test]
    fn a_secret_on_the_command_line_is_noticed() {
        for (layer, is_secret) in [
            ("redis://host", false),
            ("redis://user@host/1", false),
            ("redis://user:@host", false),
            ("redis://host:6379,other:6380/1?prefix=a", false),
            ("redis://:word@host", true),
            ("default=redis+pubsub://user:word@host:6379/0", true),
            ("rediss://user:p/w@host", true),
            ("default=redis://a x=redis://u:p@b", true),
            ("redis://host?encryption_key=abc", true),
            ("redis://host?prefix=a&encryption_key=abc", true),
        ] {
            let wish = read("send c {}", Some(layer)).expect("a wish");
            assert!(!wish.shows_secret, "the environment is not shown: {layer}");
            let words = ["send", "c", "{}", "--layer", layer].map(str::to_owned);
            let wish = Wish::read(words, None).expect("a wish");
            assert_eq!(wish.shows_secret, is_secret, "{layer}");
        }
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
            ("send g {} --url redis://a", "unknown option `--url`"),
            ("send g {}", "no layer"),
            ("send g {} --layer-file", "--layer-file needs a file"),
            (
                "send g {} --layer-file /no/such/file",
                "cannot read `/no/such/file`",
            ),
            ("send g {} --layer memory://", "nobody would get it"),
        ] {
            let said = read(line, None).expect_err(line);
            assert!(said.contains(problem), "{line}: {said}");
        }
    }
}
