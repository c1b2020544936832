//! What an application does before its first connection and after its last.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;

use super::protocol::ProtocolTypeRouter;
use crate::scope::{State, Values};
use crate::supervise::log_safely;
use crate::{BoxError, Error, ErrorKind, Result};

type Startup = Box<
    dyn FnOnce(Values) -> Pin<Box<dyn Future<Output = Result<Values, BoxError>> + Send>> + Send,
>;
type Shutdown = Box<dyn FnOnce(State) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// The hooks of an application; each runs once, for all of its clones.
#[derive(Clone, Default)]
pub(super) struct Lifespan {
    startup: Arc<tokio::sync::Mutex<Stage>>,
    shutdown: Arc<Mutex<Vec<Shutdown>>>,
}

enum Stage {
    New(Vec<Startup>),
    Started,
    /// A hook failed, or its caller went away meanwhile.
    Failed,
}

impl Default for Stage {
    fn default() -> Self {
        Self::New(Vec::new())
    }
}

impl ProtocolTypeRouter {
    /// Adds a value that all connections share, and that their handlers find by its type:
    /// [`Scope::state`](crate::Scope::state). A later value of a type replaces an earlier one.
    #[must_use]
    pub fn state<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.change().state.give(value);
        self
    }

    /// Adds a hook that runs before the first connection; what it makes is shared as by
    /// [`state`](Self::state). Hooks run one after the other, in the order in which they are added.
    ///
    /// # Panics
    ///
    /// If the application, or a clone of it, has started already.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::{ProtocolTypeRouter, Result, WebSocket};
    ///
    /// struct Pool(/* … */);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let app = ProtocolTypeRouter::new()
    ///     .on_startup(async || Ok(Pool()))
    ///     .on_shutdown(async |state| {
    ///         if let Some(_pool) = state.get::<Pool>() { /* close it */ }
    ///     });
    ///
    /// async fn connect(socket: &mut WebSocket) -> Result {
    ///     let _pool = socket.scope().state::<Pool>()?;
    ///     Ok(())
    /// }
    /// # app.startup().await?;
    /// # app.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn on_startup<T, F>(self, hook: impl FnOnce() -> F + Send + 'static) -> Self
    where
        T: Any + Send + Sync,
        F: Future<Output = Result<T, BoxError>> + Send + 'static,
    {
        let hook: Startup = Box::new(|mut values| {
            let made = hook();
            Box::pin(async move {
                values.insert(made.await?);
                Ok(values)
            })
        });
        match self.lifespan.startup.try_lock().as_deref_mut() {
            Ok(Stage::New(hooks)) => hooks.push(hook),
            _ => panic!("the application has started: it takes no more startup hooks"),
        }
        self
    }

    /// Adds a hook that runs after the last connection and the last job in this process have ended. Hooks
    /// run one after the other, in the order in which they are added, for not longer than the limits'
    /// `shutdown_timeout`.
    #[must_use]
    pub fn on_shutdown<F>(self, hook: impl FnOnce(State) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.lifespan
            .hooks()
            .push(Box::new(|state| Box::pin(hook(state))));
        self
    }

    /// Runs the startup hooks. [`serve`](crate::serve) calls it; call it where the application is
    /// mounted in another program, or tested. A second call waits for the first and does nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the site's users cannot be read, see
    /// [`Site::check_stores`](crate::Site::check_stores). The error of the first hook that fails: no
    /// further hook runs, and the application cannot be started any more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the application cannot be started any more.
    pub async fn startup(&self) -> Result {
        let mut stage = self.lifespan.startup.lock().await;
        #[cfg(feature = "auth")]
        if let (Stage::New(_), Some(site)) = (&*stage, self.context.site.get()) {
            site.start().await?;
        }
        let hooks = match mem::replace(&mut *stage, Stage::Failed) {
            Stage::New(hooks) => hooks,
            Stage::Started => Vec::new(),
            Stage::Failed => {
                let message = "the startup has failed before";
                return Err(Error::new(ErrorKind::Other, message));
            }
        };
        let mut values = Values::default();
        for hook in hooks {
            values = hook(values).await.map_err(|error| {
                let error = Error::from_handler(error);
                let message = format!("the startup failed: {error}");
                Error::caused(error.kind(), message, error)
            })?;
        }
        self.context.state.started(values);
        *stage = Stage::Started;
        Ok(())
    }

    /// Runs the shutdown hooks.
    pub(super) async fn run_shutdown_hooks(&self) {
        let hooks = mem::take(&mut *self.lifespan.hooks());
        let state = &self.context.state;
        let all = async {
            for hook in hooks {
                // A panic of one hook leaves the others to run.
                let hook = AssertUnwindSafe(async { hook(state.clone()).await });
                if let Err(panic) = hook.catch_unwind().await {
                    log_safely(panic, |panic| {
                        tracing::error!(panic, "a shutdown hook panicked");
                    });
                }
            }
        };
        let deadline = self.context.limits.shutdown_timeout;
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::warn!("the shutdown did not wait for its hooks");
        }
    }
}

impl Lifespan {
    /// No code panics while it holds this lock.
    fn hooks(&self) -> std::sync::MutexGuard<'_, Vec<Shutdown>> {
        self.shutdown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lifespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifespan").finish_non_exhaustive()
    }
}
