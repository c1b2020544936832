//! The cases of Channels' `tests/test_routing.py`, by their names there.

use serde_json::json;

use super::*;

#[tokio::test]
async fn url_router() {
    let app = app(URLRouter::new()
        .path("", App(1))
        .path("foo/", App(2))
        .re_path("bar", App(3))
        .re_path(r"^posarg/(\d+)/$", App(4))
        .path("kwarg/<str:name>/", App(5))
        .route(Route::path("defaultkwargs/", App(6)).kwarg("default", 42)));
    let cases = [
        ("/", found(1, &[], json!({}))),
        ("/foo/", found(2, &[], json!({}))),
        ("/bar/", found(3, &[], json!({}))),
        ("/bar/baz/", found(3, &[], json!({}))),
        ("/posarg/123/", found(4, &["123"], json!({}))),
        ("/posarg/456/", found(4, &["456"], json!({}))),
        ("/kwarg/hello/", found(5, &[], json!({"name": "hello"}))),
        (
            "/kwarg/hellothere/",
            found(5, &[], json!({"name": "hellothere"})),
        ),
        ("/defaultkwargs/", found(6, &[], json!({"default": "42"}))),
        ("/nonexistent/", json!(404)),
    ];
    for (path, expected) in cases {
        assert_eq!(seen(&app, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn url_router_with_a_root_path() {
    let app = app(URLRouter::new().path("", App(1)).path("foo/", App(2))).root_path("/root");
    assert_eq!(seen(&app, "/root/").await, found(1, &[], json!({})));
    assert_eq!(seen(&app, "/root/foo/").await, found(2, &[], json!({})));
    assert_eq!(seen(&app, "/").await, 404);
}

#[tokio::test]
async fn url_router_nesting() {
    let inner = URLRouter::new()
        .re_path(r"^book/(?P<book>[\w\-]+)/page/(?P<page>\d+)/$", App(1))
        .re_path(r"^test/(\d+)/$", App(1));
    let outer = URLRouter::new()
        .re_path(
            r"^universe/(?P<universe>\d+)/author/(?P<author>\w+)/",
            inner.clone(),
        )
        .re_path(r"^positional/(\w+)/", inner);
    let app = app(outer);
    let path = "/universe/42/author/andrewgodwin/book/channels-guide/page/10/";
    let kwargs = json!({
        "book": "channels-guide", "author": "andrewgodwin", "page": "10", "universe": "42",
    });
    assert_eq!(seen(&app, path).await, found(1, &[], kwargs));
    let positional = seen(&app, "/positional/foo/test/3/").await;
    assert_eq!(positional, found(1, &["foo", "3"], json!({})));
}

#[tokio::test]
async fn url_router_nesting_path() {
    struct Hides;

    impl channels::Middleware for Hides {
        async fn call(&self, next: channels::Next<'_>) -> channels::Response {
            next.run().await
        }
    }

    use channels::Middleware as _;

    let inner = URLRouter::new().path("test/<int:page>/", App(1));
    let outer = URLRouter::new().path("number/<int:number>/", Hides.around(inner.clone()));
    let (inner, outer) = (app(inner), app(outer));
    assert_eq!(
        seen(&inner, "/test/3/").await,
        found(1, &[], json!({"page": "3"}))
    );
    assert_eq!(
        seen(&outer, "/number/42/test/3/").await,
        found(1, &[], json!({"number": "42", "page": "3"}))
    );
    assert_eq!(seen(&outer, "/number/42/test/3/bla/").await, 404);
    assert_eq!(seen(&outer, "/number/42/blub/").await, 404);
}

#[tokio::test]
async fn url_router_path() {
    let app = app(URLRouter::new()
        .path("", App(1))
        .path("foo/", App(2))
        .path("author/<name>/", App(3))
        .path("year/<int:year>/", App(3)));
    let author = json!({"name": "andrewgodwin"});
    assert_eq!(seen(&app, "/").await, found(1, &[], json!({})));
    assert_eq!(seen(&app, "/foo/").await, found(2, &[], json!({})));
    assert_eq!(
        seen(&app, "/author/andrewgodwin/").await,
        found(3, &[], author)
    );
    assert_eq!(
        seen(&app, "/year/2012/").await,
        found(3, &[], json!({"year": "2012"}))
    );
    assert_eq!(seen(&app, "/year/x/").await, 404);
    assert_eq!(seen(&app, "/nonexistent/").await, 404);
}

#[tokio::test]
async fn path_remaining() {
    let inner = URLRouter::new().path("no-match/", App(1));
    let outer = URLRouter::new()
        .path("prefix/", inner)
        .path("prefix/stuff/", App(2));
    let outermost = URLRouter::new().path("", outer);
    let stuff = found(2, &[], json!({}));
    assert_eq!(seen(&app(outermost.clone()), "/prefix/stuff/").await, stuff);
    let rooted = app(outermost).root_path("/root");
    assert_eq!(seen(&rooted, "/root/prefix/stuff/").await, stuff);
    assert_eq!(seen(&rooted, "/root/root/prefix/stuff/").await, 404);
    assert_eq!(seen(&rooted, "/root/prefix/root/stuff/").await, 404);
}

#[tokio::test]
async fn route_values_overwrite_captured_ones() {
    let router = URLRouter::new().route(
        Route::path("<str:kind>/<str:name>/", App(1))
            .kwarg("kind", "public")
            .kwarg("more", true),
    );
    let kwargs = json!({"kind": "public", "name": "x", "more": "true"});
    assert_eq!(
        seen(&app(router), "/private/x/").await,
        found(1, &[], kwargs)
    );
}

#[tokio::test]
async fn named_groups_drop_positional_ones() {
    let router = URLRouter::new()
        .re_path(r"^a/(\d+)/(?P<name>\w+)/$", App(1))
        .re_path(r"^b/(\d+)?/(\w+)/$", App(2));
    let app = app(router);
    assert_eq!(
        seen(&app, "/a/1/x/").await,
        found(1, &[], json!({"name": "x"}))
    );
    assert_eq!(seen(&app, "/b//x/").await, found(2, &["", "x"], json!({})));
}

#[tokio::test]
async fn the_first_match_wins() {
    let app = app(URLRouter::new()
        .path("<str:any>/", App(1))
        .path("foo/", App(2))
        .re_path("", App(3)));
    assert_eq!(seen(&app, "/foo/").await["app"], 1);
    assert_eq!(seen(&app, "/foo/x/").await["app"], 3);
}

#[tokio::test]
async fn slashes_mean_what_they_say() {
    let inner = URLRouter::new().path("bar/", App(2));
    let app = app(URLRouter::new()
        .path("foo/", App(1))
        .path("foo/", inner.clone())
        .path("foot", inner.clone())
        .path("", inner));
    assert_eq!(seen(&app, "/foo/").await["app"], 1);
    assert_eq!(seen(&app, "/foo").await, 404);
    assert_eq!(seen(&app, "//foo/").await, 404);
    assert_eq!(seen(&app, "/foo//").await, 404);
    assert_eq!(seen(&app, "/foo/bar/").await["app"], 2);
    assert_eq!(seen(&app, "/foo//bar/").await, 404);
    assert_eq!(seen(&app, "/foot/bar/").await["app"], 2);
    assert_eq!(seen(&app, "/foot//bar/").await, 404);
    assert_eq!(seen(&app, "/bar/").await["app"], 2);
    assert_eq!(seen(&app, "//bar/").await, 404);
}

/// A router that finds nothing says so itself: a consumer's 404 is an answer, and no other route is
/// tried behind it.
#[tokio::test]
async fn a_consumers_404_is_final() {
    #[consumer(http)]
    #[derive(Default)]
    struct Lost;

    #[consumer]
    impl Lost {
        async fn handle(&mut self, http: &mut HttpExchange) -> Result {
            http.send_response(StatusCode::NOT_FOUND, "not here").await
        }
    }

    let inner = URLRouter::new().path("x/", Lost::app());
    let app = app(URLRouter::new().path("in/", inner).path("in/x/", App(2)))
        .channel_layer(InMemoryChannelLayer::new());
    assert_eq!(seen(&app, "/in/x/").await, 404);
}
