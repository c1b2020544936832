//! From names back to paths.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::json;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    reversals: Vec<Reversal>,
}

#[derive(Deserialize)]
struct Reversal {
    kind: String,
    pattern: String,
    kwargs: BTreeMap<String, String>,
    url: Option<String>,
}

#[tokio::test]
async fn paths_are_those_of_djangos_reverse() {
    let vectors = include_str!("../interop/routing.json");
    let vectors: Vectors = serde_json::from_str(vectors).expect("the vectors");
    for vector in &vectors.reversals {
        let route = match &*vector.kind {
            "path" => Route::path(&vector.pattern, App(1)),
            _ => Route::re_path(&vector.pattern, App(1)),
        };
        let router = URLRouter::new().route(route.name("it"));
        let kwargs: Vec<(&str, &dyn Display)> = vector
            .kwargs
            .iter()
            .map(|(name, value)| (name.as_str(), value as &dyn Display))
            .collect();
        let reversed = router.reverse("it", &kwargs);
        assert_eq!(
            reversed.as_ref().ok(),
            vector.url.as_ref(),
            "{}",
            vector.pattern
        );
        // The path leads to its route, with the same values.
        if let Ok(path) = reversed {
            let expected = found(1, &[], json!(vector.kwargs));
            assert_eq!(seen(&app(router), &path).await, expected, "{path}");
        }
    }
    assert_eq!(vectors.reversals.len(), 17);
}

fn router() -> URLRouter<dyn HttpApp> {
    let inner = URLRouter::new()
        .route(Route::path("<int:page>/", App(1)).name("page"))
        .route(Route::path("<int:page>/<slug:part>/", App(2)).name("page"))
        .route(Route::re_path(r"^old/(\d+)/$", App(3)).name("old"))
        .route(Route::re_path(r"^new/(?P<n>\d+)/$", App(4)).name("new"));
    URLRouter::new()
        .route(Route::path("lobby/", App(5)).name("lobby"))
        .route(Route::path("book/<str:book>/", inner.clone()).name("book"))
        .path("plain/", inner)
}

#[test]
fn names_are_found_through_nested_routers() {
    let router = router();
    let path = |name, kwargs: &[(&str, &dyn Display)]| router.reverse(name, kwargs).expect(name);
    assert_eq!(path("lobby", &[]), "/lobby/");
    assert_eq!(path("page", &[("page", &7)]), "/plain/7/");
    assert_eq!(path("page", &[("part", &"b"), ("page", &7)]), "/plain/7/b/");
    assert_eq!(
        path("book:page", &[("book", &"a b"), ("page", &7)]),
        "/book/a%20b/7/"
    );
    assert_eq!(path("new", &[("n", &3)]), "/plain/new/3/");
}

type Case<'a> = (&'a str, &'a [(&'a str, &'a dyn Display)], &'a str);

#[test]
fn an_error_says_what_stands_against_a_path() {
    let router = router();
    let cases: [Case<'_>; 6] = [
        (
            "looby",
            &[],
            "there is no route with the name `looby`; did you mean `lobby`?",
        ),
        ("other", &[], "there is no route with the name `other`"),
        (
            "lobby",
            &[("room", &1)],
            "no path for `lobby`: `lobby/` does not capture `room`",
        ),
        (
            "page",
            &[],
            "no path for `page`: `plain/<int:page>/` needs `page`; \
             `plain/<int:page>/<slug:part>/` needs `page`",
        ),
        (
            "new",
            &[("n", &"x")],
            r"no path for `new`: `plain/^new/(?P<n>\d+)/$` takes no `x` as `n`",
        ),
        (
            "old",
            &[],
            r"no path for `old`: `plain/^old/(\d+)/$` has an expression that does not tell what a path looks like",
        ),
    ];
    for (name, kwargs, message) in cases {
        let error = router.reverse(name, kwargs).expect_err(message);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
