//! The embedded database's file.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use channels::{Database, ErrorKind, SessionStore as _, UserStore as _};

use crate::within;

#[tokio::test]
async fn it_is_made_for_its_owner_alone() {
    within("a new file", async {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("db.sqlite3");
        let database = Database::open(&format!("sqlite://{}", file.display())).expect("a database");
        assert!(!file.exists(), "nothing before the first use");
        assert_eq!(
            database.by_username("alice").await.expect("an answer"),
            None
        );
        let mode = std::fs::metadata(&file)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    within("wrong files", async {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "not a database at all, but long enough for a header")
            .expect("a file");
        let missing = folder.path().join("no/such/folder/db.sqlite3");
        let read_only = format!("{}?mode=rw", folder.path().join("absent.sqlite3").display());
        for path in [
            file.display().to_string(),
            missing.display().to_string(),
            read_only,
            folder.path().display().to_string(),
        ] {
            let database = Database::open(&format!("sqlite://{path}")).expect("an URL");
            let error = database.load("x").await.expect_err(&path);
            assert_eq!(error.kind(), ErrorKind::Config, "{path}: {error}");
        }
        assert_eq!(
            std::fs::read_to_string(&file).expect("a file").len(),
            51,
            "nothing was written"
        );
    })
    .await;
}

/// Two processes of one site have two pools.
#[tokio::test]
async fn several_write_at_the_same_time() {
    within("many writers", async {
        let folder = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
        let later = SystemTime::now() + Duration::from_secs(60);
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let database = Database::open(&url).expect("a database");
            for _ in 0..4 {
                let database = database.clone();
                tasks.push(tokio::spawn(async move {
                    for _ in 0..25 {
                        let key = database.create("text", later).await.expect("a key");
                        let saved = database.save(&key, "other", later).await.expect("saved");
                        assert_eq!(saved, Some(key));
                    }
                }));
            }
        }
        for task in tasks {
            task.await.expect("no panic");
        }
    })
    .await;
}
