//! The framework's server, with the settings that a program gets by default.
//!
//! ```text
//! cargo run --release -p channels-bench --bin server -- --addr 127.0.0.1:8000 [--threads N] [--layer URL]
//! ```

use channels_bench::serve::Arguments;
use channels_bench::site;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse()?;
    let runtime = arguments.runtime()?;
    let mut app = site::app();
    if let Some(url) = &arguments.layer {
        app = app.channel_layers(channels::ChannelLayers::from_urls(url)?);
    }
    runtime.block_on(channels::serve(arguments.address, app))?;
    Ok(())
}
