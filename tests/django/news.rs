//! `examples/django-site`, started by its one command: a view, a consumer that has stayed and one that
//! has moved all reach each other's pages.

use std::process::Stdio;

use tokio::process::Command;

use crate::databases::free_port;
use crate::example::example;
use crate::process::Processes;
use crate::servers::python;
use crate::window::{Browsers, Window};
use crate::within;

#[tokio::test]
async fn a_site_and_the_consumer_that_has_moved_share_their_news() {
    let (mut site, url) = start().await;
    let browsers = Browsers::start().await;
    let (ana, guest) = (browsers.window("ana").await, browsers.window("guest").await);
    ana.open(&format!("{url}admin/login/?next=/")).await;
    ana.types("input[name=username]", "ana").await;
    ana.types("input[name=password]", "ana").await;
    ana.clicks("input[type=submit]").await;
    guest.open(&url).await;
    for window in [&ana, &guest] {
        for section in ["#rust", "#django"] {
            let connected =
                format!("document.querySelector('{section} .state')?.textContent == 'connected'");
            window.until("both sockets are open", &connected).await;
        }
    }

    says(&ana, "#announce", "one").await;
    hear(&[&ana, &guest], "a view", "one").await;
    says(&ana, "#rust form", "two").await;
    hear(&[&ana, &guest], "ana on Rust", "two").await;
    says(&guest, "#django form", "three").await;
    hear(&[&ana, &guest], "somebody on Django", "three").await;
    says(&ana, "#django form", "four").await;
    hear(&[&ana, &guest], "ana on Django", "four").await;

    site.signal("INT");
    site.ended().await;
}

/// Runs the example, and tells where its pages are.
async fn start() -> (Processes, String) {
    let mut command = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/django-site/run"
    ));
    command.env("PYTHON", python());
    command.env("SERVER", example("django-site").await);
    for port in ["SITE_PORT", "SOCKETS_PORT", "REDIS_PORT"] {
        command.env(port, free_port().to_string());
    }
    let mut site = Processes::start(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
    let address = site.stdout().find("The site is at http://", "/").await;
    (site, format!("http://{address}/"))
}

async fn says(window: &Window, form: &str, text: &str) {
    window.types(&format!("{form} input"), text).await;
    window.clicks(&format!("{form} button")).await;
}

/// Waits until the next line in both lists of each page is this one.
async fn hear(windows: &[&Window], by: &str, text: &str) {
    for window in windows {
        for section in ["#rust", "#django"] {
            let line = format!(
                "document.querySelector('{section} li:last-child')?.textContent == '{by}{text}'"
            );
            let what = format!("{section} shows `{text}`");
            within(&what, window.until(&what, &line)).await;
        }
    }
}
