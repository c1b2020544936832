//! Chromium without a screen, driven by its `WebDriver` server.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::{Folder, Processes, find};
use crate::{DEADLINE, within};

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The driver, and all browsers that it starts: they end with this value.
pub(crate) struct Browsers {
    url: String,
    chromium: PathBuf,
    // Dropped in this order: first the processes, then what they have on disk.
    _driver: Processes,
    home: Folder,
}

impl Browsers {
    pub(crate) async fn start() -> Self {
        let found = find("chromedriver", "chromium-driver");
        let driver = found.unwrap_or_else(|missing| panic!("{missing}"));
        let found = find("chromium", "chromium");
        let chromium = found.unwrap_or_else(|missing| panic!("{missing}"));

        let home = Folder::new();
        let mut driver = Processes::start(
            Command::new(driver)
                .arg("--port=0")
                // Whatever a browser leaves behind, it leaves in there.
                .env("HOME", home.within("home"))
                .env("TMPDIR", home.within("tmp"))
                .env_remove("XDG_CONFIG_HOME")
                .env_remove("XDG_CACHE_HOME")
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let port = driver.stdout().find("successfully on port ", ".").await;
        Self {
            url: format!("http://127.0.0.1:{port}"),
            chromium,
            _driver: driver,
            home,
        }
    }

    /// The window of somebody who has a browser of their own, which has never been here.
    pub(crate) async fn window(&self, who: &str) -> Window {
        let profile = self.home.within(&format!("{who}.profile"));
        let downloads = self.home.within(&format!("{who}.downloads"));
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": self.chromium,
                "args": arguments,
                "prefs": {
                    "download.default_directory": downloads,
                    "download.prompt_for_download": false,
                },
            },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object");
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder.capabilities(capabilities).connect(&self.url);
        let client = within("the start of Chromium", connecting)
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        Window {
            who: who.to_owned(),
            client,
            downloads,
        }
    }

    /// A file on the disk of the browsers' machine.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

/// Somebody's window. Scripts in it see what a person sees.
pub(crate) struct Window {
    who: String,
    client: Client,
    /// Where their browser puts the files that they save.
    pub(crate) downloads: PathBuf,
}

impl Window {
    pub(crate) async fn open(&self, url: &str) {
        within("a page", self.client.goto(url))
            .await
            .unwrap_or_else(|error| panic!("{url} does not open: {error}"));
    }

    /// Opens a page in a tab beside this one, and goes there. Gives this one, to come back.
    pub(crate) async fn opens_beside(&self, url: &str) -> WindowHandle {
        let opening = async {
            let here = self.client.window().await?;
            let beside = self.client.new_window(true).await?;
            self.client.switch_to_window(beside.handle).await?;
            Ok::<_, CmdError>(here)
        };
        let here = within("a new tab", opening)
            .await
            .unwrap_or_else(|error| panic!("{}: no new tab: {error}", self.who));
        self.open(url).await;
        here
    }

    pub(crate) async fn goes_to(&self, tab: WindowHandle) {
        within("another tab", self.client.switch_to_window(tab))
            .await
            .unwrap_or_else(|error| panic!("{}: no such tab: {error}", self.who));
    }

    /// Presses the browser's own button.
    pub(crate) async fn goes_back(&self) {
        within("the page before", self.client.back())
            .await
            .unwrap_or_else(|error| panic!("{}: no way back: {error}", self.who));
    }

    /// Types into a field, or gives a file's path to a field for files.
    pub(crate) async fn types(&self, field: &str, text: &str) {
        let typing = async {
            let field = self.client.find(Locator::Css(field)).await?;
            field.send_keys(text).await
        };
        within("a field", typing)
            .await
            .unwrap_or_else(|error| panic!("{}: no typing into {field}: {error}", self.who));
    }

    pub(crate) async fn clicks(&self, what: &str) {
        let clicking = async { self.client.find(Locator::Css(what)).await?.click().await };
        within("a click", clicking)
            .await
            .unwrap_or_else(|error| panic!("{}: no click on {what}: {error}", self.who));
    }

    /// Runs a script: the body of a function, which may `return` something.
    pub(crate) async fn run(&self, script: &str) -> Value {
        within("a script", self.client.execute(script, Vec::new()))
            .await
            .unwrap_or_else(|error| panic!("{}: {error} in {script}", self.who))
    }

    /// Waits until an expression is true, or like true, and returns its value. A page that is just
    /// being left may fail to answer.
    pub(crate) async fn until(&self, what: &str, expression: &str) -> Value {
        let script = format!("return ({expression}) || null");
        let holds = async {
            loop {
                match self.client.execute(&script, Vec::new()).await {
                    Ok(Value::Null) | Err(_) => tokio::time::sleep(POLL).await,
                    Ok(value) => return value,
                }
            }
        };
        if let Ok(value) = tokio::time::timeout(DEADLINE, holds).await {
            return value;
        }
        panic!("{}: never so: {what}\n{}", self.who, self.looks().await);
    }

    /// What the page shows, for the message of a test that fails.
    async fn looks(&self) -> String {
        let script = "return `${location.href}\n${document.body.innerText}`";
        let looking = self.client.execute(script, Vec::new());
        match tokio::time::timeout(Duration::from_secs(10), looking).await {
            Ok(Ok(page)) => page.as_str().unwrap_or_default().to_owned(),
            other => format!("and it does not answer: {other:?}"),
        }
    }
}

const POLL: Duration = Duration::from_millis(20);
