//! What a stack lacks is reported before the first client.

use channels::prelude::*;
use channels::{
    AuthMiddleware, AuthMiddlewareStack, CsrfMiddleware, HttpApp, LoginView, LogoutView,
    Middleware, Next, Response, SessionMiddlewareStack,
};

use super::TestSite;

/// Another program's middleware, which may bring sessions by itself.
struct Own;

impl Middleware for Own {
    async fn call(&self, next: Next<'_>) -> Response {
        next.run().await
    }
}

fn checked(app: impl HttpApp) -> Result<(), String> {
    let app = TestSite::new().app().http(app);
    app.check().map_err(|error| error.to_string())
}

fn pages() -> URLRouter<dyn HttpApp> {
    URLRouter::new()
        .path("login/", LoginView::new())
        .path("logout/", LogoutView::new())
}

#[test]
fn what_a_view_needs_around_it_is_known_at_start_up() {
    let stack = |what: &str| Err(what.to_owned());
    assert_eq!(
        checked(CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages()))),
        Ok(())
    );
    assert_eq!(
        checked(AuthMiddlewareStack::new(
            CsrfMiddleware::new().around(pages())
        )),
        Ok(())
    );
    assert_eq!(
        checked(Own.around(pages())),
        Ok(()),
        "nobody knows what it does"
    );
    assert_eq!(
        checked(AuthMiddlewareStack::new(pages())),
        stack("`LoginView` needs a `CsrfMiddleware` around it")
    );
    assert_eq!(
        checked(CsrfMiddleware::new().around(pages())),
        stack("`LoginView` needs an `AuthMiddlewareStack` around it")
    );
    assert_eq!(
        checked(SessionMiddlewareStack::new(
            CsrfMiddleware::new().around(LogoutView::new())
        )),
        stack("`LogoutView` needs an `AuthMiddlewareStack` around it")
    );
    assert_eq!(
        checked(AuthMiddleware.around(pages())),
        stack("`AuthMiddleware` needs a `SessionMiddleware` around it")
    );
}
