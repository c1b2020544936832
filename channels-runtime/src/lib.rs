//! Everything of `channels` that runs.
//!
//! Programs depend on the package `channels`, which re-exports this crate together with the
//! macros; its documentation begins with a complete program.

// The macros' output names the crate; so do the tests and examples in here.
extern crate self as channels_runtime;

mod app;
#[cfg(feature = "auth")]
mod auth;
mod close_code;
mod consumer;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod database;
mod drops;
mod environment;
mod error;
mod event;
mod handler_threads;
mod http;
mod job;
mod layer;
mod limits;
mod log;
mod memory;
mod message;
mod middleware;
mod names;
mod pace;
mod routing;
mod scope;
mod server;
#[cfg(feature = "auth")]
mod session;
mod socket;
mod stats;
mod suggest;
mod supervise;
mod sync;
mod threads;
mod transport;
#[cfg(feature = "auth")]
mod views;
mod worker;

#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(fuzzing)]
#[doc(hidden)]
#[path = "fuzzing.rs"]
pub mod __fuzz;

pub use ::http::StatusCode;
pub use bytes::Bytes;

pub use self::app::{
    Answering, Body, Context, Handshake, HttpApp, HttpRequest, Response, Routes, WebSocketApp,
};
#[cfg(feature = "jwt")]
pub use self::auth::JwtVerifier;
#[cfg(feature = "auth")]
pub use self::auth::{
    Identity, InMemoryUserStore, LoginAttempt, LoginThrottle, PasswordHasher, PasswordHashers,
    Revoked, Site, TokenVerifier, User, UserRecord, UserStore, Verified,
};
pub use self::close_code::CloseCode;
pub use self::consumer::{
    Consumer, ConsumerApp, Disconnect, DisconnectedBy, FromDisconnect, Handles, IntoOutcome,
    Overflow,
};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use self::database::Database;
pub use self::error::{AcceptConnection, BoxError, DenyConnection, Error, ErrorKind, Result, Stop};
pub use self::event::{Event, EventType, FromEvent, MAX_EVENT_TYPE, Payload, TypedEvent};
pub use self::http::{
    BlockingHttpExchange, Form, FromBody, HttpExchange, HttpSender, SendEventStream, SendHeaders,
    SendResponse, ServerSentEvent,
};
pub use self::job::{BlockingJob, ChannelApp, Job, Shift, Working};
pub use self::layer::{
    BlockingChannelLayer, Channel, ChannelLayer, ChannelLayers, Delivered, Delivery, Group,
    HandledBy, InMemoryChannelLayer, LayerFuture, Receiver,
};
#[cfg(feature = "redis")]
pub use self::layer::{
    RedisChannelLayer, RedisChannelLayerBuilder, RedisPubSubChannelLayer,
    RedisPubSubChannelLayerBuilder,
};
pub use self::limits::Limits;
pub use self::message::{CloseFrame, FromMessage, Json, Message};
pub use self::middleware::{
    AllowedHostsOriginValidator, Around, Middleware, Next, OriginValidator, SameOriginValidator,
};
#[cfg(feature = "auth")]
pub use self::middleware::{
    AuthMiddleware, AuthMiddlewareStack, CookieOrigin, CsrfMiddleware, CsrfToken,
    SessionMiddleware, SessionMiddlewareStack, TokenAuthMiddleware,
};
pub use self::names::{ChannelName, GroupName, MAX_GROUP_NAME, MAX_WIRE_NAME};
pub use self::routing::{ChannelNameRouter, ProtocolTypeRouter, Route, RouteTo, Routed, URLRouter};
pub use self::scope::{Headers, Kwargs, SameSite, Scope, SetCookie, State, TrustedProxies};
pub use self::server::{Server, serve};
#[cfg(feature = "auth")]
pub use self::session::{
    BlockingSession, InMemorySessionStore, SecretKeys, Session, SessionCookie, SessionExpiry,
    SessionStore, SignedCookieStore, StoreFuture,
};
pub use self::socket::{Accept, BlockingWebSocket, Deny, Sender, TaskHandle, WebSocket, blocking};
pub use self::stats::{DropReason, Stats};
pub use self::transport::Text;
#[cfg(feature = "auth")]
pub use self::views::{LoginForm, LoginView, LogoutView, PublishView};
pub use self::worker::Worker;
