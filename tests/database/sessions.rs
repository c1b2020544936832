//! What every store of sessions does.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use channels::SessionStore;

use super::support::within;

pub(crate) async fn all(store: &(impl SessionStore + Clone)) {
    is_read_until_it_ends(store).await;
    is_overwritten(store).await;
    stays_ended(store).await;
    has_any_text(store).await;
    has_a_million_bytes(store).await;
    is_found_by_its_key_alone(store).await;
    are_found_together(store).await;
    are_made_at_the_same_time(store).await;
    are_cleared(store).await;
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn earlier() -> SystemTime {
    SystemTime::now() - Duration::from_secs(60)
}

async fn create(store: &impl SessionStore, text: &str, expires: SystemTime) -> String {
    let key = within(store.create(text, expires)).await.expect("a key");
    let is_djangos = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    assert!(key.len() == 32 && key.bytes().all(is_djangos), "{key}");
    key
}

async fn load(store: &impl SessionStore, key: &str) -> Option<String> {
    within(store.load(key)).await.expect("an answer")
}

async fn save(store: &impl SessionStore, key: &str, text: &str, expires: SystemTime) -> bool {
    let saved = within(store.save(key, text, expires)).await;
    let saved = saved.expect("an answer");
    assert!(saved.as_deref().is_none_or(|saved| saved == key));
    saved.is_some()
}

async fn delete(store: &impl SessionStore, key: &str) {
    within(store.delete(key)).await.expect("an answer");
}

async fn is_read_until_it_ends(store: &impl SessionStore) {
    let lives = create(store, "lives", later()).await;
    let over = create(store, "over", earlier()).await;
    let ends = create(
        store,
        "ends",
        SystemTime::now() + Duration::from_millis(300),
    )
    .await;
    let never = create(store, "never", later() + Duration::from_secs(1 << 40)).await;
    assert_eq!(load(store, &lives).await.as_deref(), Some("lives"));
    assert_eq!(load(store, &never).await.as_deref(), Some("never"));
    assert_eq!(load(store, &over).await, None);
    within(async {
        while load(store, &ends).await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn is_overwritten(store: &impl SessionStore) {
    let key = create(store, "one", later()).await;
    let other = create(store, "other", later()).await;
    assert!(save(store, &key, "two", later()).await);
    // The same once more: a database may say that nothing has changed.
    let end = later();
    assert!(save(store, &key, "three", end).await);
    assert!(save(store, &key, "three", end).await);
    assert_eq!(load(store, &key).await.as_deref(), Some("three"));
    assert_eq!(load(store, &other).await.as_deref(), Some("other"));
    assert!(save(store, &key, "over", earlier()).await);
    assert_eq!(load(store, &key).await, None);
    assert!(save(store, &key, "back", later()).await);
    assert_eq!(load(store, &key).await.as_deref(), Some("back"));
}

async fn stays_ended(store: &impl SessionStore) {
    let key = create(store, "text", later()).await;
    let other = create(store, "other", later()).await;
    delete(store, &key).await;
    delete(store, &key).await;
    assert!(!save(store, &key, "again", later()).await);
    assert_eq!(load(store, &key).await, None);
    assert_eq!(load(store, &other).await.as_deref(), Some("other"));
}

async fn has_any_text(store: &impl SessionStore) {
    for text in [
        "",
        "'; DROP TABLE django_session; --",
        "?$1\\%\n\r\t",
        "Größe 用户 😀",
    ] {
        let key = create(store, text, later()).await;
        assert_eq!(load(store, &key).await.as_deref(), Some(text));
        assert!(save(store, &key, &format!("{text}{text}"), later()).await);
        assert_eq!(load(store, &key).await, Some(format!("{text}{text}")));
    }
}

async fn has_a_million_bytes(store: &impl SessionStore) {
    let text: String = ('a'..='z').cycle().take(1_000_000).collect();
    let key = create(store, &text, later()).await;
    assert!(load(store, &key).await.is_some_and(|found| found == text));
    let text = text.to_uppercase();
    assert!(save(store, &key, &text, later()).await);
    assert!(load(store, &key).await.is_some_and(|found| found == text));
}

async fn is_found_by_its_key_alone(store: &impl SessionStore) {
    let key = create(store, "text", later()).await;
    let strange = [
        String::new(),
        key.to_uppercase(),
        format!("{key} "),
        format!("{key}\0"),
        key[..31].to_owned(),
        "%".to_owned(),
        "' OR '1' = '1".to_owned(),
        "Größe用户😀".to_owned(),
        "a".repeat(41),
        "a".repeat(1_000_000),
    ];
    for strange in &strange {
        // Where letters count alike, as in MySQL, nothing is deleted that was not found.
        assert_eq!(load(store, strange).await, None, "{strange:.50}");
    }
    let found = within(store.load_many(&strange)).await;
    assert_eq!(found.expect("an answer"), []);
    for strange in strange
        .iter()
        .filter(|strange| !strange.eq_ignore_ascii_case(&key))
    {
        assert!(!save(store, strange, "strange", later()).await);
        delete(store, strange).await;
    }
    assert_eq!(load(store, &key).await.as_deref(), Some("text"));
}

async fn are_found_together(store: &impl SessionStore) {
    let first = create(store, "first", later()).await;
    let second = create(store, "second", later()).await;
    let over = create(store, "over", earlier()).await;
    // More than one statement asks for.
    let mut keys: Vec<_> = (0..1200).map(|number| format!("{number:032}")).collect();
    keys.insert(0, first.clone());
    keys.insert(700, over);
    keys.push(second.clone());
    let found = within(store.load_many(&keys)).await.expect("an answer");
    let expected = [(first, "first".to_owned()), (second, "second".to_owned())];
    assert_eq!(found, expected);
    let none = within(store.load_many(&[])).await;
    assert_eq!(none.expect("an answer"), []);
}

async fn are_made_at_the_same_time(store: &(impl SessionStore + Clone)) {
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let text = number.to_string();
                let key = create(&store, &text, later()).await;
                assert_eq!(load(&store, &key).await, Some(text));
                key
            })
        })
        .collect();
    let mut keys = HashSet::new();
    for task in tasks {
        assert!(keys.insert(task.await.expect("no task panics")));
    }
}

/// The last one: it clears what the others have left.
async fn are_cleared(store: &impl SessionStore) {
    within(store.clear_expired()).await.expect("an answer");
    let lives = create(store, "lives", later()).await;
    // One more than one statement deletes.
    for _ in 0..513 {
        create(store, "over", earlier()).await;
    }
    let cleared = within(store.clear_expired()).await;
    assert_eq!(cleared.expect("an answer"), 513);
    let cleared = within(store.clear_expired()).await;
    assert_eq!(cleared.expect("an answer"), 0);
    assert_eq!(load(store, &lives).await.as_deref(), Some("lives"));
}
