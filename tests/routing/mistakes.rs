//! Routers that cannot work are refused where they are written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

type Build = fn(URLRouter<dyn HttpApp>) -> URLRouter<dyn HttpApp>;

#[test]
fn what_cannot_work_is_refused_where_it_is_written() {
    fn inner() -> URLRouter<dyn HttpApp> {
        URLRouter::new().route(Route::path("x/", App(1)).name("x"))
    }
    let cases: [(Build, &str); 10] = [
        (
            |router| router.path("chat/<slag:room>/", App(1)),
            "unknown converter `slag`; did you mean `slug`? (known: str, int, slug, uuid, path)\n  \
             chat/<slag:room>/\n        ^^^^",
        ),
        (
            |router| {
                router
                    .path("<day:day>/", App(1))
                    .converter("day", "[0-9]{8}")
            },
            "unknown converter `day` (known: str, int, slug, uuid, path)\n  <day:day>/\n   ^^^",
        ),
        (
            |router| router.converter("day", "[0-9"),
            "unclosed character class\n  [0-9\n  ^",
        ),
        (
            |router| router.re_path("^in/$", inner()),
            "this leaves nothing of the path to the router behind it: take off the `$`\n  ^in/$\n      ^",
        ),
        (
            |router| router.path("<a>/", App(1)).path("<str:b>/", App(2)),
            "this is never reached: a route before has the same pattern\n  <str:b>/\n  ^^^^^^^^",
        ),
        (
            |router| router.re_path("^a", App(1)).re_path("^a", inner()),
            "this is never reached: a route before has the same pattern\n  ^a\n  ^^",
        ),
        (
            |router| {
                router
                    .route(Route::path("a/", App(1)).name("x"))
                    .route(Route::path("b/", App(1)).name("x"))
            },
            "two routes with the name `x` capture the same: `a/` and `b/`\n  b/\n  ^^",
        ),
        (
            |router| router.path("a/", inner()).path("b/", inner()),
            "two routes with the name `x` capture the same: `a/x/` and `b/x/`\n  b/\n  ^^",
        ),
        (
            |router| router.route(Route::path("a/", App(1)).name("a:b")),
            "`a:b` is no name of a route: it has a character, and no `:`\n  a/\n  ^^",
        ),
        (
            |router| router.re_path("^chat/(", App(1)),
            "unclosed group\n  ^chat/(\n        ^",
        ),
    ];
    for (build, message) in cases {
        let built = catch_unwind(AssertUnwindSafe(|| build(URLRouter::new())));
        let panic = built.expect_err(message);
        assert_eq!(panic.downcast_ref::<String>().expect("text"), message);
    }
}

#[test]
fn what_looks_alike_and_is_not_is_accepted() {
    let inner = URLRouter::new().path("x/", App(1));
    let router = URLRouter::new()
        .converter_with("even", "[0-9]+", |text| text.ends_with('2'))
        .path("a/", App(1))
        .path("a/", inner.clone())
        .path("a/", inner)
        .path("<even:n>/", App(2))
        .path("<int:n>/", App(3))
        .route(Route::path("n/", App(4)).name("n"))
        .route(Route::path("n/<int:n>/", App(4)).name("n"));
    assert!(router.has_route("/a/x/") && router.has_route("/7/"));
}
