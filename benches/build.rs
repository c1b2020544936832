//! Writes consumers of 1, 10, 100 and 500 handlers, for what dispatch costs in each.

use std::fmt::Write as _;
use std::path::Path;

/// Each is a type of its own, so that each handler decodes its own event.
const EVENTS: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for event in 0..EVENTS {
        writeln!(
            text,
            "#[derive(Event, Serialize, Deserialize)] #[event(\"number.n{event}\")] \
             pub(super) struct Number{event} {{ pub(super) value: u64 }}"
        )?;
    }
    for handlers in [1, 10, 100, 500] {
        let name = format!("Table{handlers}");
        writeln!(
            text,
            "#[consumer] #[derive(Debug, Default)] pub struct {name} {{ sum: u64 }}"
        )?;
        writeln!(text, "#[consumer] impl {name} {{")?;
        for event in 0..handlers {
            writeln!(
                text,
                "#[handler(\"number.n{event}\")] \
                 async fn n{event}(&mut self, event: &Number{event}) {{ self.sum += event.value; }}"
            )?;
        }
        writeln!(text, "}}")?;
        let events: Vec<_> = (0..handlers)
            .map(|event| format!("Number{event} {{ value: {event} }}.into()"))
            .collect();
        writeln!(
            text,
            "impl Numbered for {name} {{ fn events() -> Vec<Event> {{ vec![{}] }} }}",
            events.join(",")
        )?;
    }
    let folder = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&folder).join("handlers.rs"), text)?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
