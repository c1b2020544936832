//! What a stack lacks is reported before the first client.

use channels::prelude::*;
use channels::{
    AllowedHostsOriginValidator, AuthMiddleware, AuthMiddlewareStack, CsrfMiddleware, HttpApp,
    JwtVerifier, LoginView, LogoutView, Middleware, Next, OriginValidator, Response,
    SameOriginValidator, SessionMiddlewareStack, TokenAuthMiddleware,
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

/// The validators and tokens of the framework are known, and bring no session.
#[test]
fn validators_and_tokens_do_not_switch_the_check_off() {
    let users = Err("`LoginView` needs an `AuthMiddlewareStack` around it".to_owned());
    let hosts = AllowedHostsOriginValidator::new(["example.com"]).expect("hosts");
    let origins = OriginValidator::new(["https://example.com"]).expect("origins");
    let tokens = TokenAuthMiddleware::new(JwtVerifier::hs256("a key for tests"));
    let csrf = CsrfMiddleware::new;
    assert_eq!(checked(csrf().around(hosts.around(pages()))), users);
    assert_eq!(checked(csrf().around(origins.around(pages()))), users);
    assert_eq!(
        checked(csrf().around(SameOriginValidator.around(pages()))),
        users
    );
    assert_eq!(checked(csrf().around(tokens.around(pages()))), users);
}
