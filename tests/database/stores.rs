//! One suite for all stores: what they keep, and what they do not.

use std::time::{Duration, SystemTime};

use channels::{
    Database, ErrorKind, InMemorySessionStore, InMemoryUserStore, SessionStore, UserRecord,
    UserStore,
};

use crate::databases::{MariaDb, Postgres};
use crate::within;

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

/// What Django expects of sessions.
async fn sessions(store: &dyn SessionStore) {
    let key = store.create("one", in_an_hour()).await.expect("a key");
    assert_eq!(key.len(), 32);
    let load = async |key: &str| store.load(key).await.expect("an answer");
    assert_eq!(load(&key).await.as_deref(), Some("one"));

    // Saved, but nothing that is gone comes back.
    let saved = store.save(&key, "two", in_an_hour()).await;
    assert_eq!(saved.expect("an answer").as_deref(), Some(&*key));
    assert_eq!(load(&key).await.as_deref(), Some("two"));
    let again = store.save(&key, "two", in_an_hour()).await;
    assert_eq!(
        again.expect("an answer").as_deref(),
        Some(&*key),
        "the same once more"
    );
    store.delete(&key).await.expect("deleted");
    store
        .delete(&key)
        .await
        .expect("there is nothing to delete");
    assert_eq!(load(&key).await, None);
    let gone = store.save(&key, "three", in_an_hour()).await;
    assert_eq!(gone.expect("an answer"), None);
    assert_eq!(load(&key).await, None);

    // Keys that cannot be.
    let upper = store.create("x", in_an_hour()).await.expect("a key");
    let too_long = "k".repeat(41);
    for wrong in [
        "",
        "a\0b",
        "%",
        "' OR '1'='1",
        "schl\u{fc}ssel",
        &too_long,
        &upper.to_uppercase(),
        &format!("{upper} "),
    ] {
        assert_eq!(load(wrong).await, None, "{wrong:?}");
        let saved = store.save(wrong, "text", in_an_hour()).await;
        assert_eq!(saved.expect("an answer"), None, "{wrong:?}");
        store.delete(wrong).await.expect("nothing happens");
    }
    assert_eq!(load(&upper).await.as_deref(), Some("x"));

    // Much, and whatever it is.
    let text = "\u{e4}\u{1f600}'\"\\;--\n".repeat(60_000);
    assert!(text.len() > 700_000);
    let large = store.create(&text, in_an_hour()).await.expect("a key");
    assert!(load(&large).await == Some(text), "as it was");

    // The end.
    let ended = store.create("x", SystemTime::now()).await.expect("a key");
    assert_eq!(load(&ended).await, None);
    let past = SystemTime::now() - Duration::from_secs(60);
    store.save(&upper, "x", past).await.expect("an answer");
    assert_eq!(load(&upper).await, None);
    assert_eq!(store.clear_expired().await.expect("an answer"), 2);
    assert_eq!(store.clear_expired().await.expect("an answer"), 0);
    assert!(load(&large).await.is_some());

    // Many at once.
    let mut keys = vec![large.clone(), ended, "nosuchkey".to_owned(), large.clone()];
    for number in 0..300 {
        let text = number.to_string();
        keys.push(store.create(&text, in_an_hour()).await.expect("a key"));
    }
    let mut found = store.load_many(&keys).await.expect("an answer");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 301);
    assert!(found.iter().all(|(key, _)| keys.contains(key)));
    assert!(store.load_many(&[]).await.expect("an answer").is_empty());
}

fn user(name: &str) -> UserRecord {
    UserRecord {
        username: name.to_owned(),
        password: "pbkdf2_sha256$1$salt$hash".to_owned(),
        is_active: true,
        first_name: "\u{c5}sa".to_owned(),
        last_name: "O'Neil \u{1f600}".to_owned(),
        email: "a@example.com".to_owned(),
        ..UserRecord::default()
    }
}

/// What Django expects of users.
async fn users(store: &dyn UserStore) {
    let id = store.create_user(&user("alice")).await.expect("a user");
    let expected = UserRecord {
        id: id.clone(),
        ..user("alice")
    };
    let by_id = async |id: &str| store.by_id(id).await.expect("an answer");
    let by_name = async |name: &str| store.by_username(name).await.expect("an answer");
    assert_eq!(by_id(&id).await, Some(expected.clone()));
    assert_eq!(by_name("alice").await, Some(expected));
    for wrong in [
        "",
        "0",
        "-1",
        "abc",
        "1.5",
        "99999999999999999999999",
        "1; DROP TABLE",
    ] {
        assert_eq!(by_id(wrong).await, None, "{wrong:?}");
    }
    for wrong in [
        "",
        "Alice",
        "alice ",
        "al\0ice",
        "' OR '1'='1",
        "\u{e4}lice",
    ] {
        assert_eq!(by_name(wrong).await, None, "{wrong:?}");
    }

    let taken = store.create_user(&user("alice")).await.expect_err("taken");
    assert_eq!(taken.kind(), ErrorKind::Conflict, "{taken}");
    let other = store
        .create_user(&user("j\u{fc}rgen"))
        .await
        .expect("a user");
    assert_eq!(by_name("j\u{fc}rgen").await.expect("a user").id, other);
    assert_eq!(by_name("jurgen").await, None);

    let old = user("alice").password;
    let set =
        async |old: &str, new: &str| store.set_password(&id, old, new).await.expect("an answer");
    assert!(set(&old, "new").await);
    assert!(!set(&old, "newer").await, "another was quicker");
    assert!(!set("NEW", "newer").await, "letter for letter");
    assert_eq!(by_id(&id).await.expect("a user").password, "new");
    assert_eq!(by_id(&other).await.expect("a user").password, old);

    let when = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_250_001);
    store.set_last_login(&id, when).await.expect("set");
    assert_eq!(by_id(&id).await.expect("a user").last_login, Some(when));
    assert_eq!(by_id(&other).await.expect("a user").last_login, None);

    let ids = [id.clone(), other, "12345".to_owned(), id, "x".to_owned()];
    let found = store.by_ids(&ids).await.expect("an answer");
    let mut names: Vec<_> = found.into_iter().map(|user| user.username).collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["alice", "j\u{fc}rgen"]);
}

/// Two at the same time want the same name.
async fn race(store: &Database) {
    let (user, mut tasks) = (user("racer"), Vec::new());
    for _ in 0..8 {
        let (store, user) = (store.clone(), user.clone());
        tasks.push(tokio::spawn(async move {
            store.create_user(&user).await.map_err(|error| error.kind())
        }));
    }
    let mut made = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => made += 1,
            Err(kind) => assert_eq!(kind, ErrorKind::Conflict),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn in_memory() {
    within("the stores in memory", async {
        sessions(&InMemorySessionStore::new()).await;
        users(&InMemoryUserStore::default()).await;
    })
    .await;
}

#[tokio::test]
async fn in_sqlite() {
    within("the store in SQLite", async {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("made on first use.sqlite3");
        let store = Database::open(&format!("sqlite://{}", file.display())).expect("a database");
        sessions(&store).await;
        users(&store).await;
        race(&store).await;
    })
    .await;
}

#[tokio::test]
async fn in_postgresql() {
    let server = Postgres::start().await;
    within("the store in PostgreSQL", async {
        let store = Database::open(&server.url()).expect("a database");
        store.create_tables().await.expect("tables");
        sessions(&store).await;
        users(&store).await;
        race(&store).await;
    })
    .await;
}

#[tokio::test]
async fn in_mariadb() {
    let server = MariaDb::start().await;
    within("the store in MariaDB", async {
        let store = Database::open(&server.url()).expect("a database");
        store.create_tables().await.expect("tables");
        sessions(&store).await;
        users(&store).await;
        race(&store).await;
    })
    .await;
}
