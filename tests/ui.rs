//! What must not compile, and what the compiler says of it.
//!
//! Bless with `TRYBUILD=overwrite cargo test --test ui`, then read the diff: each `.stderr` holds
//! the intended errors alone, each at the token that has to change.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn mistakes_are_reported_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*/*.rs");
}

#[test]
fn every_message_says_what_to_do_and_nothing_else() {
    let snapshots = snapshots(Path::new("tests/ui/fail"));
    assert!(snapshots.len() > 100, "found {}", snapshots.len());
    for path in snapshots {
        let text = fs::read_to_string(&path).expect("a snapshot is text");
        let shown = path.display();
        assert!(!text.contains("warning:"), "{shown} has a warning in it");
        assert!(
            !text.contains("$RUST"),
            "{shown} shows the standard library, whose source not every machine has"
        );
        // Half-typed code is rustc's to report.
        let is_ours = !path.starts_with("tests/ui/fail/recovery");
        let helps = text.contains("help: ") || text.contains("note: ");
        assert!(helps || !is_ours, "{shown} has no help in it");
    }
}

/// All `.stderr` files below a folder.
fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of cases");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(snapshots(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "stderr")
        {
            found.push(path);
        }
    }
    found
}
