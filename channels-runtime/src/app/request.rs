//! A plain request, on its way to what answers it.

use std::fmt;
use std::sync::Arc;

use http::{Request, StatusCode, request};

use super::{Answering, Body, Context, Progress, Step, refusal};
use crate::scope::Scope;

/// A plain request, on its way through routers and middleware to its consumer or service.
pub struct HttpRequest {
    scope: Scope,
    /// The head, but for its extensions: these are the scope's.
    head: request::Parts,
    body: Body,
    context: Arc<Context>,
    /// Where that begins in the path which no router has taken yet.
    rest: usize,
    progress: Progress,
}

impl HttpRequest {
    pub(crate) fn new(request: Request<Body>, context: Arc<Context>) -> Self {
        let (mut head, body) = request.into_parts();
        let mut scope = Scope::from_parts_lossy(&mut head);
        let rest = scope.mount(&context.root_path, context.state.clone());
        Self {
            scope,
            head,
            body,
            context,
            rest,
            progress: Progress::default(),
        }
    }

    /// Whether a middleware has the request.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What is known of the request so far.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same, to add to it.
    pub fn scope_mut(&mut self) -> &mut Scope {
        &mut self.scope
    }

    /// What all connections of the application share.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The part of the path that no router has taken yet, without the `/` before it.
    pub fn path_remaining(&self) -> &str {
        &self.scope.path()[self.rest..]
    }

    /// Goes on along a route that was found for the remaining path.
    pub(crate) fn step(&mut self, step: Step) {
        self.rest = self.scope.path().len() - step.left;
        self.scope.capture(step.kwargs, step.args);
    }

    /// Takes the body, to read it, for which a client has its own time (`Limits::body_timeout`).
    #[cfg(feature = "auth")]
    pub(crate) fn take_body(&mut self) -> Body {
        self.progress.set_in_middleware(false);
        std::mem::take(&mut self.body)
    }

    /// Puts it back.
    #[cfg(feature = "auth")]
    pub(crate) fn put_body(&mut self, body: Body) {
        self.progress.set_in_middleware(true);
        self.body = body;
    }

    /// Answers with a refusal.
    pub fn deny(self, status: StatusCode) -> Answering<'static> {
        Box::pin(async move { refusal(status, "") })
    }

    /// The request for a tower service: as it came, but without headers whose names have a `_`, and
    /// with the scope's extensions, among them the application's [`State`](crate::State), if it has any.
    pub fn into_request(mut self) -> Request<Body> {
        let state = self.scope.shared_state().clone();
        if !state.is_empty() {
            self.scope.extensions_mut().insert(state);
        }
        self.head.extensions = std::mem::take(self.scope.extensions_mut());
        Request::from_parts(self.head, self.body)
    }

    pub(crate) fn into_parts(self) -> (Scope, Body, Arc<Context>) {
        (self.scope, self.body, self.context)
    }
}

impl fmt::Debug for HttpRequest {
    /// Shows the scope, which shows no header values. The head has cookies and tokens in its headers, and
    /// tokens in its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
