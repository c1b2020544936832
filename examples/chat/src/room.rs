//! A room: who is here, what they say, and the files they send.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use channels::prelude::*;

use crate::protocol::{
    FileCancelled, FileOffered, FilePiece, FileTaken, FileToSend, FromPage, Here, Joined, Left,
    Person, Said, ToPage, ToSay, Typing,
};
use crate::upload::{LARGEST_FILE, Place, Upload};

const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 4000;
const LONGEST_FILE_NAME: usize = 255;

/// One page in a room.
///
/// A page whose mailbox is full is closed, and comes back: better than a file that lacks a piece.
#[consumer(mailbox = 256, overflow = close)]
#[derive(Default)]
pub(crate) struct Room {
    group: String,
    /// Nobody before the page has said hello.
    me: Option<Person>,
    /// The names of the others.
    others: BTreeMap<ChannelName, String>,
    /// The file that the page is sending.
    upload: Option<Upload>,
    uploads: u32,
}

#[consumer]
impl Room {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        self.group = format!("room.{}", socket.url_kwarg::<String>("room")?);
        socket.accept().await
    }

    async fn receive(&mut self, socket: &mut WebSocket, said: FromPage) -> Result {
        match (said, self.me.clone()) {
            (FromPage::Hello { name }, before) => self.hello(socket, &name, before).await,
            (_, None) => close(socket, "expected `hello` first").await,
            (FromPage::Say(said), Some(from)) => self.say(socket, from, said).await,
            (FromPage::Typing, Some(from)) => {
                let typing = Typing { from };
                socket.group_send_except_self(&self.group, typing).await
            }
            (FromPage::File(file), Some(from)) => self.offer(socket, from, file).await,
            (FromPage::Piece(message), Some(from)) => self.piece(socket, from, message).await,
            (FromPage::Cancel, Some(_)) => self.cancel(socket).await,
        }
    }

    async fn disconnect(&mut self, socket: &mut WebSocket) -> Result {
        match self.me.take() {
            Some(who) => {
                let left = Left { who, at: now() };
                socket.group_send_except_self(&self.group, left).await
            }
            None => Ok(()),
        }
    }

    #[handler("room.joined")]
    async fn joined(&mut self, socket: &mut WebSocket, event: &Joined) -> Result {
        let Person { id, name } = event.who.clone();
        let is_new = self.others.insert(id, name).is_none();
        socket.send_json(&ToPage::Joined(event)).await?;
        match self.me.clone() {
            Some(who) if is_new => tell(socket, &event.who.id, Here { who }).await,
            _ => Ok(()),
        }
    }

    #[handler("room.here")]
    async fn here(&mut self, socket: &mut WebSocket, event: &Here) -> Result {
        let Person { id, name } = event.who.clone();
        self.others.insert(id, name);
        socket.send_json(&ToPage::Here(event)).await
    }

    #[handler("room.left")]
    async fn left(&mut self, socket: &mut WebSocket, event: &Left) -> Result {
        self.others.remove(&event.who.id);
        if let Some(upload) = &mut self.upload {
            upload.left(&event.who.id);
        }
        socket.send_json(&ToPage::Left(event)).await?;
        self.report(socket).await
    }

    #[handler("room.said")]
    async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
        socket.send_json(&ToPage::Said(event)).await
    }

    #[handler("room.typing")]
    async fn typing(&mut self, socket: &mut WebSocket, event: &Typing) -> Result {
        socket.send_json(&ToPage::Typing(event)).await
    }

    #[handler("file.offered")]
    async fn file_offered(&mut self, socket: &mut WebSocket, event: &FileOffered) -> Result {
        socket.send_json(&ToPage::File(event)).await
    }

    #[handler("file.piece")]
    async fn file_piece(&mut self, socket: &mut WebSocket, event: &FilePiece) -> Result {
        // Waits while too much is queued for this page, and so does the report.
        socket.send(event.message.clone()).await?;
        if !event.report {
            return Ok(());
        }
        let (by, file) = (socket.channel_name()?.clone(), event.file.clone());
        tell(
            socket,
            &event.from,
            FileTaken {
                by,
                file,
                bytes: event.end,
            },
        )
        .await
    }

    #[handler("file.taken")]
    async fn file_taken(&mut self, socket: &mut WebSocket, event: &FileTaken) -> Result {
        match &mut self.upload {
            Some(upload) if upload.file() == event.file => upload.taken(&event.by, event.bytes),
            _ => return Ok(()), // Cancelled since.
        }
        self.report(socket).await
    }

    #[handler("file.cancelled")]
    async fn file_cancelled(&mut self, socket: &mut WebSocket, event: &FileCancelled) -> Result {
        socket.send_json(&ToPage::Cancelled(event)).await
    }
}

impl Room {
    async fn hello(
        &mut self,
        socket: &mut WebSocket,
        name: &str,
        before: Option<Person>,
    ) -> Result {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control)
        {
            return refuse(socket, "a name must have 1 to 40 characters", None).await;
        }
        let me = Person {
            id: socket.channel_name()?.clone(),
            name: name.to_owned(),
        };
        if before.is_none() {
            socket.group_add(&self.group).await?;
        }
        let at = now();
        socket.send_json(&ToPage::Welcome { you: &me, at }).await?;
        self.me = Some(me.clone());
        socket
            .group_send_except_self(&self.group, Joined { who: me, at })
            .await
    }

    async fn say(&mut self, socket: &mut WebSocket, from: Person, said: ToSay) -> Result {
        let ToSay { text, reference } = said;
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            let why = "a message must have 1 to 4,000 characters";
            return refuse(socket, why, Some(reference)).await;
        }
        let said = Said {
            from,
            text,
            at: now(),
            reference,
        };
        socket.group_send(&self.group, said).await
    }

    async fn offer(&mut self, socket: &mut WebSocket, from: Person, file: FileToSend) -> Result {
        let FileToSend {
            name,
            size,
            mime,
            reference,
        } = file;
        let why = if self.upload.is_some() {
            Some("another file is being sent")
        } else if size > LARGEST_FILE {
            Some("the file is too large (at most 20 MB)")
        } else if name.len().max(mime.len()) > LONGEST_FILE_NAME {
            Some("the file name is too long")
        } else {
            None
        };
        if let Some(why) = why {
            return refuse(socket, why, Some(reference)).await;
        }
        self.uploads += 1;
        let id = format!("{}.{}", from.id, self.uploads);
        if size > 0 {
            self.upload = Some(Upload::new(id.clone(), size, self.others.keys()));
        }
        let offered = FileOffered {
            from,
            file: id,
            name,
            size,
            mime,
            at: now(),
            reference,
        };
        socket.group_send(&self.group, offered).await
    }

    async fn piece(&mut self, socket: &mut WebSocket, from: Person, message: Bytes) -> Result {
        let Some(upload) = &mut self.upload else {
            return close(socket, "this piece belongs to no accepted file").await;
        };
        let Place { end, report } = match upload.push(&message) {
            Ok(place) => place,
            Err(why) => return close(socket, why).await,
        };
        let file = upload.file().to_owned();
        let piece = FilePiece {
            from: from.id,
            file,
            message,
            end,
            report,
        };
        socket.group_send_except_self(&self.group, piece).await?;
        self.report(socket).await
    }

    async fn cancel(&mut self, socket: &mut WebSocket) -> Result {
        let Some(upload) = self.upload.take() else {
            return Ok(());
        };
        let file = upload.file().to_owned();
        let cancelled = FileCancelled { file };
        socket.group_send_except_self(&self.group, cancelled).await
    }

    /// Tells the page how far its file is with all of the others, when there is news.
    async fn report(&mut self, socket: &mut WebSocket) -> Result {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        let Some(bytes) = upload.news() else {
            return Ok(());
        };
        socket
            .send_json(&ToPage::Taken {
                file: upload.file(),
                bytes,
            })
            .await?;
        if upload.is_complete() {
            self.upload = None;
        }
        Ok(())
    }
}

/// Sends one member an event. A member that is full is about to be closed: that ends nobody else.
async fn tell(socket: &mut WebSocket, member: &ChannelName, event: impl Into<Event>) -> Result {
    match socket.channel_send(member, event).await {
        Err(error) if error.kind() == ErrorKind::ChannelFull => Ok(()),
        sent => sent,
    }
}

async fn refuse(socket: &mut WebSocket, why: &str, reference: Option<u32>) -> Result {
    socket.send_json(&ToPage::Refused { why, reference }).await
}

/// Ends a page that breaks the protocol.
async fn close(socket: &mut WebSocket, why: &'static str) -> Result {
    socket.close(CloseCode::POLICY_VIOLATION, why).await
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
