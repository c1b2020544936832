//! What every channel layer has to do, as cases that any layer can be put through.

mod bounds;
mod calls;
mod cases;
mod inbox;

use std::sync::Arc;

use self::cases::Case;
use self::inbox::Inbox;
use super::{SILENCE, in_time};
use crate::{ChannelLayer, ChannelName, Error, ErrorKind, GroupName, Result};

/// Puts a channel layer through what [`ChannelLayer`] promises: names, direct sends, groups, `except`,
/// order, what happens to those who leave, workers' channels, what a layer refuses
/// ([`Receiver::max_groups`](crate::Receiver::max_groups), [`Event::check_sendable`](crate::Event::check_sendable)),
/// `flush` and `close`.
///
/// `open` gives the layer of another server each time: a second connection to the same broker, or a
/// clone where all servers are one process. They should be those of a test alone, since the last
/// cases flush and close them.
///
/// Gives whether the layer keeps events for workers ([`ChannelLayer::receive`]), which it need not.
///
/// # Errors
///
/// The first case that fails, and what was wrong.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use channels_runtime::InMemoryChannelLayer;
/// use channels_runtime::testing::check_channel_layer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> channels_runtime::Result {
/// let layer = InMemoryChannelLayer::new();
/// let has_queues = check_channel_layer(async || Ok(Arc::new(layer.clone()))).await?;
/// assert!(has_queues);
/// # Ok(())
/// # }
/// ```
pub async fn check_channel_layer<L: ChannelLayer>(
    open: impl AsyncFn() -> Result<Arc<L>>,
) -> Result<bool> {
    let mut ground = Ground {
        near: open().await?,
        far: open().await?,
        name: "",
        quiet: Vec::new(),
    };
    for case in cases::ALL {
        ground.run(case).await?;
    }
    let has_queues = ground.has_queues().await?;
    if has_queues {
        for case in cases::QUEUES {
            ground.run(case).await?;
        }
    }
    for case in cases::LAST {
        ground.run(case).await?;
    }
    ground.check_quiet().await?;
    Ok(has_queues)
}

/// Two servers, and what a case has left there.
struct Ground {
    near: Arc<dyn ChannelLayer>,
    far: Arc<dyn ChannelLayer>,
    /// The case that runs.
    name: &'static str,
    /// To whom nothing more may come.
    quiet: Vec<(&'static str, Inbox)>,
}

impl Ground {
    async fn run(&mut self, case: &Case) -> Result {
        self.name = case.name;
        (case.run)(self)
            .await
            .map_err(|error| in_case(case.name, error))
    }

    /// A new channel at a server, a member of groups.
    async fn open(&self, layer: &Arc<dyn ChannelLayer>, groups: &[&str]) -> Result<Inbox> {
        let inbox = Inbox::open(layer).await?;
        for group in groups {
            in_time(
                "group_add",
                layer.group_add(GroupName::new(group)?, inbox.name()),
            )
            .await??;
        }
        Ok(inbox)
    }

    /// One at each server.
    async fn pair(&self, groups: &[&str]) -> Result<[Inbox; 2]> {
        Ok([
            self.open(&self.near, groups).await?,
            self.open(&self.far, groups).await?,
        ])
    }

    /// From here on nothing may come to these.
    fn quiet(&mut self, inboxes: impl IntoIterator<Item = Inbox>) {
        let name = self.name;
        let inboxes = inboxes.into_iter().map(|inbox| (name, inbox));
        self.quiet.extend(inboxes);
    }

    async fn check_quiet(&mut self) -> Result {
        // What comes too late or too often has come by then.
        tokio::time::sleep(SILENCE).await;
        for (case, inbox) in &mut self.quiet {
            inbox.check_empty().map_err(|error| in_case(case, error))?;
        }
        Ok(())
    }

    async fn has_queues(&self) -> Result<bool> {
        let channel = ChannelName::new("channels.test")?;
        let sent = self.near.send(&channel, inbox::event("?")?).await;
        let received = tokio::time::timeout(SILENCE, self.near.receive(&channel)).await;
        match received {
            Ok(Err(error)) if error.kind() == ErrorKind::Config => Ok(false),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => sent.map(|()| true),
        }
    }
}

fn in_case(name: &str, error: Error) -> Error {
    let what = format!("`{name}`: {error}");
    Error::caused(ErrorKind::Other, what, error)
}

/// # Errors
///
/// What was wrong, if it is not so.
fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result {
    if is_so {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Other, otherwise()))
}
