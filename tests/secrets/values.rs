//! Types that a program makes: settings, stores, layers, and the errors about them.

use std::error::Error as _;
use std::sync::Arc;

use channels::prelude::*;
use channels::*;

use super::support::within;
use super::traffic::{Socket, Work, site, user};
use super::{CANARY, Shown};

/// Values that are made, not met.
pub(super) fn values(shown: &Shown, app: &ProtocolTypeRouter) {
    shown.note("ProtocolTypeRouter", app);
    shown.note("ChannelLayers", app.context().layers());
    shown.note("InMemoryChannelLayer", &InMemoryChannelLayer::new());
    shown.note("Body", &Body::from(CANARY));
    let mut response = Response::new(Body::from(CANARY));
    response
        .headers_mut()
        .insert("x-a", "b".parse().expect("a value"));
    shown.note("Response", &response);
    shown.note("Routes", &URLRouter::<dyn HttpApp>::new().routes());
    shown.note("Route", &Route::path("a/", ()).name("a"));
    let layer = Arc::new(InMemoryChannelLayer::new());
    let handle = tokio::runtime::Handle::current();
    shown.note(
        "BlockingChannelLayer",
        &BlockingChannelLayer::new(layer, &handle),
    );
    shown.note("Site", &site());
    shown.note("SecretKeys", &SecretKeys::new(CANARY).fallback(CANARY));
    shown.note("UserRecord", &user().record());
    shown.note("User", &user());
    shown.note("Verified", &Verified::user(user()));
    shown.note("Revoked", &Revoked::session(CANARY));
    shown.note("JwtVerifier", &JwtVerifier::hs256(CANARY));
    shown.note("PasswordHashers", &PasswordHashers::default());
    let throttle = LoginThrottle::new();
    let attempt = throttle.attempt(CANARY, None).expect("the first one");
    shown.note("LoginAttempt", &attempt);
    shown.note("LoginThrottle", &throttle);
    shown.note("SessionCookie", &SessionCookie::default());
    shown.note(
        "SignedCookieStore",
        &SignedCookieStore::new(&SessionCookie::default()),
    );
    shown.note("InMemorySessionStore", &InMemorySessionStore::new());
    shown.note("InMemoryUserStore", &InMemoryUserStore::default());
    shown.note(
        "SetCookie",
        &SetCookie::new("sessionid", CANARY).expect("a cookie"),
    );
    shown.note("SessionMiddleware", &SessionMiddleware);
    shown.note("SessionMiddlewareStack", &SessionMiddlewareStack);
    shown.note("AuthMiddleware", &AuthMiddleware);
    shown.note("AuthMiddlewareStack", &AuthMiddlewareStack);
    shown.note("CookieOrigin", &CookieOrigin::default());
    shown.note("SameOriginValidator", &SameOriginValidator);
    let none: [&str; 0] = [];
    shown.note(
        "OriginValidator",
        &OriginValidator::new(none).expect("origins"),
    );
    let hosts = AllowedHostsOriginValidator::new(none).expect("hosts");
    shown.note("AllowedHostsOriginValidator", &hosts);
    shown.note("Around", &hosts.around(()));
    shown.note("TrustedProxies", &TrustedProxies::new(["10.0.0.1"]));
    shown.note("Group", &Group::<Socket>::new("g").expect("a name"));
}

/// Settings and errors that have a URL with a password, and messages about what cannot be reached.
pub(super) async fn urls(shown: &Shown) {
    let redis = [
        format!("redis://u:{CANARY}@127.0.0.1:1/0?encryption_key={CANARY}"),
        format!("rediss://:{CANARY}@127.0.0.1:1"),
        format!("redis+sentinel://u:{CANARY}@127.0.0.1:1/mymaster"),
    ];
    let short = std::time::Duration::from_millis(100);
    for url in &redis {
        let builder = RedisChannelLayer::builder().url(url).expect("a URL");
        let builder = builder
            .encryption_keys([CANARY])
            .timeout(short)
            .expect("a time");
        shown.note("RedisChannelLayerBuilder", &builder);
        let layer = builder.build().expect("a layer");
        shown.note("RedisChannelLayer", &layer);
        failed(shown, &layer).await;
        let builder = RedisPubSubChannelLayer::builder().url(url).expect("a URL");
        let builder = builder
            .encryption_keys([CANARY])
            .timeout(short)
            .expect("a time");
        shown.note("RedisPubSubChannelLayerBuilder", &builder);
        let layer = builder.build().expect("a layer");
        shown.note("RedisPubSubChannelLayer", &layer);
        failed(shown, &layer).await;
    }
    for wrong in [
        format!("redis://{CANARY}@h"),
        format!("redis://u:{CANARY}@h:port"),
        format!("redis://h?{CANARY}=1"),
        format!("redis://h?format={CANARY}"),
        format!("redis://h?timeout={CANARY}"),
        format!("redis://h/{CANARY}"),
        format!("reddis://u:{CANARY}@h"),
        CANARY.to_owned(),
    ] {
        for error in [
            RedisChannelLayer::open(&wrong).expect_err("wrong"),
            RedisPubSubChannelLayer::open(&wrong).expect_err("wrong"),
            ChannelLayers::from_urls(&wrong).expect_err("wrong"),
        ] {
            note_error(shown, &error);
        }
    }
    for url in [
        format!("postgres://u:{CANARY}@127.0.0.1:1/site"),
        format!("mysql://u:{CANARY}@127.0.0.1:1/site"),
    ] {
        let database = Database::open(&url).expect("a URL");
        shown.note("Database", &database);
        let found = UserStore::by_id(&database, "1").await;
        note_error(shown, &found.expect_err("no server"));
    }
    for wrong in [
        format!("postgres://u:{CANARY}@h/site?{CANARY}=1"),
        format!("postgres://u:{CANARY}@h:port/site"),
        format!("postgers://u:{CANARY}@h/site"),
        format!("mysql://u:{CANARY}@h:70000/site"),
        format!("u:{CANARY}@h"),
    ] {
        note_error(shown, &Database::open(&wrong).expect_err("wrong"));
    }
}

async fn failed(shown: &Shown, layer: &dyn ChannelLayer) {
    let group = GroupName::new("g").expect("a name");
    let event = Event::from(Work {
        secret: CANARY.into(),
    });
    let sent = within(layer.group_send(group, event, None)).await;
    note_error(shown, &sent.expect_err("no server"));
}

fn note_error(shown: &Shown, error: &Error) {
    shown.note("Error", error);
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        shown.note("Error", &error.to_string());
        next = error.source();
    }
    assert!(
        error
            .source()
            .is_none_or(|source| !source.to_string().is_empty())
    );
}
