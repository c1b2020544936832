//! What people do in the chat's pages, and what they see there.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::server::Chat;
use crate::window::Window;

/// The newest entry of the log with this text, as `{who, text, at}`, or null. What an own entry
/// does not have before the server sent it back is null, too.
const ENTRY: &str = r##"
    [...document.querySelectorAll("#log > .message")].reverse()
        .map((entry) => ({
            who: entry.querySelector(".who")?.textContent ?? null,
            text: entry.querySelector(".text")?.textContent ?? null,
            at: Date.parse(entry.querySelector("time")?.dateTime) || null,
        }))
        .find(({ text, at }) => text === TEXT && at !== null)
"##;

/// The last file in the log, as `{state, name, status, href}`, if it is in this state.
const FILE: &str = r##"
    [...document.querySelectorAll("#log .file")].slice(-1)
        .map((file) => ({
            state: file.dataset.state,
            name: file.querySelector(".file-name").textContent,
            status: file.querySelector(".file-status").textContent,
        }))
        .find(({ state }) => state === STATE)
"##;

/// Text as JavaScript writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Milliseconds since 1970, as the pages count.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.expect("it is later than 1970").as_millis();
    u64::try_from(millis).expect("it is not much later")
}

impl Window {
    /// Opens the page of the `lobby` program.
    pub(crate) async fn enters_the_lobby(&self, lobby: &Chat) {
        self.open(&lobby.url("/")).await;
        self.state_is("connected").await;
    }

    /// Opens a room's address and answers the question for a name.
    pub(crate) async fn enters(&self, chat: &Chat, room: &str, name: &str) {
        self.open(&chat.url(&format!("/room/{room}/"))).await;
        self.until("asked for a name", "document.querySelector('dialog[open]')")
            .await;
        self.types("#name", &format!("{name}\n")).await;
        self.reads_notice(&format!("You joined as {name}.")).await;
    }

    pub(crate) async fn is_connected(&self) {
        self.state_is("connected").await;
        self.until("no bar", "document.getElementById('closed').hidden")
            .await;
    }

    /// The state of the connection has this name.
    pub(crate) async fn state_is(&self, name: &str) {
        let shown = "document.getElementById('state').textContent";
        let so = format!("{shown} === {}", quoted(name));
        self.until(&format!("the state is shown as {name}"), &so)
            .await;
    }

    /// The bar says how the connection ended, and that there will be another.
    pub(crate) async fn reads_how_it_closed(&self, words: &str) {
        let shown = "document.getElementById('closed')";
        let so = format!(
            "!{shown}.hidden && {shown}.children[0].textContent === {} \
             && {shown}.children[1].textContent.startsWith('reconnecting')",
            quoted(words)
        );
        self.until(&format!("the bar says {words:?}"), &so).await;
    }

    pub(crate) async fn says(&self, text: &str) {
        self.types("#text", &format!("{text}\n")).await;
    }

    /// Waits for an entry with this text and a time, and returns all of it.
    pub(crate) async fn reads(&self, text: &str) -> Value {
        let entry = ENTRY.replace("TEXT", &quoted(text));
        self.until(&format!("an entry {text:?}"), &entry).await
    }

    /// Waits until somebody is seen to have said it, at some time since then.
    pub(crate) async fn reads_from(&self, who: &str, text: &str, since: u64) {
        let entry = self.reads(text).await;
        assert_eq!(entry["who"], who, "{entry}");
        let at = entry["at"].as_u64().expect("a time");
        assert!((since..=now()).contains(&at), "{at} is not since {since}");
    }

    /// Waits for a remark that nobody said.
    pub(crate) async fn reads_notice(&self, text: &str) {
        let so = format!(
            "[...document.querySelectorAll('#log > .notice')]\
             .some((notice) => notice.textContent.startsWith({}))",
            quoted(text)
        );
        self.until(&format!("a notice {text:?}"), &so).await;
    }

    /// From now on, notes what the line below the log says: it does so for some seconds only.
    pub(crate) async fn notes_typing(&self) {
        self.run(
            "window.notices = [];
            const line = document.getElementById('typing');
            const note = () => notices.push(line.textContent);
            new MutationObserver(note).observe(line, { childList: true });",
        )
        .await;
    }

    /// The line below the log says this, or has said it.
    pub(crate) async fn read_below(&self, text: &str) {
        let so = format!("notices.includes({})", quoted(text));
        self.until(&format!("the notice {text:?}"), &so).await;
    }

    /// The line below the log is empty.
    pub(crate) async fn reads_nothing_below(&self) {
        let so = "document.getElementById('typing').textContent === ''";
        self.until("nobody is typing", so).await;
    }

    /// Waits until exactly these people are in the room: oneself first.
    pub(crate) async fn sees(&self, people: &[&str]) {
        let so = format!(
            "[...document.querySelectorAll('#people .name')]\
             .map((name) => name.textContent).join() === {}",
            quoted(&people.join(","))
        );
        self.until(&format!("{people:?} are here"), &so).await;
    }

    /// Waits until the last file of the log is in this state, and returns what is seen of it.
    pub(crate) async fn sees_file(&self, state: &str) -> Value {
        let file = FILE.replace("STATE", &quoted(state));
        self.until(&format!("the last file is {state}"), &file)
            .await
    }
}
