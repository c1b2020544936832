//! What a room's page and its consumer say to each other, and the consumers among themselves.
//!
//! Text messages are JSON with a `type`: [`FromPage`] and [`ToPage`]. Binary messages are pieces
//! of a file, the same both ways: one byte n, n bytes of the file's id, then the data, at most
//! [`LARGEST_PIECE`](crate::upload::LARGEST_PIECE) in all. So a piece is relayed as it came.
//!
//! `ref` is a number of the sender's choice, by which its page knows its own again. Times are
//! milliseconds since 1970.

use channels::prelude::*;

/// What a page says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum FromPage {
    /// First of all, and again to take another name.
    Hello {
        name: String,
    },
    Say(ToSay),
    /// Some keys were pressed.
    Typing,
    /// Wants to send a file; the answer is the offer as everybody gets it, with the file's id.
    File(FileToSend),
    /// Does not want to go on with its file.
    Cancel,
    /// A binary message.
    #[serde(skip)]
    Piece(Bytes),
}

/// A message as its sender's page has it.
#[derive(Deserialize)]
pub(crate) struct ToSay {
    pub(crate) text: String,
    #[serde(rename = "ref")]
    pub(crate) reference: u32,
}

/// A file as its sender's page describes it.
#[derive(Deserialize)]
pub(crate) struct FileToSend {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) mime: String,
    #[serde(rename = "ref")]
    pub(crate) reference: u32,
}

impl FromMessage for FromPage {
    fn from_message(message: Message) -> Result<Self> {
        match message {
            Message::Binary(piece) => Ok(Self::Piece(piece)),
            text @ Message::Text(_) => Json::from_message(text).map(|Json(said)| said),
        }
    }
}

/// What a page is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ToPage<'a> {
    /// The answer to hello.
    Welcome {
        you: &'a Person,
        at: u64,
    },
    Joined(&'a Joined),
    Here(&'a Here),
    Left(&'a Left),
    Said(&'a Said),
    Typing(&'a Typing),
    File(&'a FileOffered),
    /// So far every member has taken the page's file.
    Taken {
        file: &'a str,
        bytes: u64,
    },
    Cancelled(&'a FileCancelled),
    /// Nothing became of what the page wanted.
    Refused {
        why: &'a str,
        #[serde(rename = "ref")]
        reference: Option<u32>,
    },
}

/// A connection of somebody's, and the name they chose.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: ChannelName,
    pub(crate) name: String,
}

/// Somebody is new in the room, or has a new name.
#[derive(Event, Serialize, Deserialize)]
#[event("room.joined")]
pub(crate) struct Joined {
    pub(crate) who: Person,
    pub(crate) at: u64,
}

/// The answer to [`Joined`], from everybody who was there before.
#[derive(Event, Serialize, Deserialize)]
#[event("room.here")]
pub(crate) struct Here {
    pub(crate) who: Person,
}

/// Somebody's connection has ended.
#[derive(Event, Serialize, Deserialize)]
#[event("room.left")]
pub(crate) struct Left {
    pub(crate) who: Person,
    pub(crate) at: u64,
}

/// Somebody said something.
#[derive(Event, Serialize, Deserialize)]
#[event("room.said")]
pub(crate) struct Said {
    pub(crate) from: Person,
    pub(crate) text: String,
    pub(crate) at: u64,
    #[serde(rename = "ref")]
    pub(crate) reference: u32,
}

/// Somebody is typing.
#[derive(Event, Serialize, Deserialize)]
#[event("room.typing")]
pub(crate) struct Typing {
    pub(crate) from: Person,
}

/// Somebody sends a file, whose pieces will follow.
#[derive(Event, Serialize, Deserialize)]
#[event("file.offered")]
pub(crate) struct FileOffered {
    pub(crate) from: Person,
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) mime: String,
    pub(crate) at: u64,
    #[serde(rename = "ref")]
    pub(crate) reference: u32,
}

/// A piece of a file: the binary message of its sender's page.
#[derive(Event, Serialize, Deserialize)]
#[event("file.piece")]
pub(crate) struct FilePiece {
    pub(crate) from: ChannelName,
    pub(crate) file: String,
    pub(crate) message: Bytes,
    /// How much of the file there is with this piece.
    pub(crate) end: u64,
    /// Whether the sender waits to hear that this piece was taken.
    pub(crate) report: bool,
}

/// The answer to a [`FilePiece`] that asked for one.
#[derive(Event, Serialize, Deserialize)]
#[event("file.taken")]
pub(crate) struct FileTaken {
    pub(crate) by: ChannelName,
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

/// The rest of a file will not come.
#[derive(Event, Serialize, Deserialize)]
#[event("file.cancelled")]
pub(crate) struct FileCancelled {
    pub(crate) file: String,
}
