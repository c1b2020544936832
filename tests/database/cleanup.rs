//! Expired sessions, and who deletes them.

use std::time::{Duration, SystemTime};

use channels::{Database, SecretKeys, SessionStore as _, Site};

use super::databases::rows;
use super::process::Folder;
use super::support::within;

/// A site in a new file with two sessions that have expired and one that has not.
async fn site(folder: &Folder) -> (Site, Database, String) {
    let file = folder.path().join("site.sqlite3");
    let url = format!("sqlite://{}", file.display());
    let database = Database::open(&url).expect("a URL");
    let second = Duration::from_secs(1);
    for end in [
        SystemTime::now() - second * 60,
        SystemTime::UNIX_EPOCH,
        SystemTime::now() + second * 3600,
    ] {
        within(database.create("text", end)).await.expect("a key");
    }
    let keys = SecretKeys::new("a key for tests");
    let site = Site::new(keys, database.clone(), database.clone());
    (site, database, url)
}

async fn count(url: &str) -> usize {
    rows(url, "SELECT session_key FROM django_session")
        .await
        .len()
}

async fn save_one(site: &Site) {
    let session = site.session(None);
    session.insert("a", &1).await.expect("inserted");
    session.save().await.expect("saved");
}

#[tokio::test]
async fn the_table_of_a_django_site_is_left_to_it() {
    let folder = Folder::new();
    let (site, _, url) = site(&folder).await;
    within(save_one(&site)).await;
    assert_eq!(count(&url).await, 4);
    let cleared = within(site.clear_expired_sessions()).await;
    assert_eq!(cleared.expect("an answer"), 2);
    assert_eq!(count(&url).await, 2);
}

#[tokio::test]
async fn a_program_may_have_them_deleted() {
    let folder = Folder::new();
    let (site, database, url) = site(&folder).await;
    let site = site.clear_expired_every(Duration::from_millis(1));
    assert_eq!(count(&url).await, 3, "not before a session is saved");
    within(save_one(&site)).await;
    let cleared = async |left| {
        within(async {
            while count(&url).await > left {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    cleared(2).await;
    // And again, without another session.
    within(database.create("text", SystemTime::UNIX_EPOCH))
        .await
        .expect("a key");
    cleared(2).await;
}
