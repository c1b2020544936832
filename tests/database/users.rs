//! What every store of users does.

use std::time::{Duration, SystemTime};

use channels::{ErrorKind, UserRecord, UserStore};

use super::support::within;

pub(crate) async fn all(store: &(impl UserStore + Clone)) {
    within(store.check()).await.expect("a good table");
    are_kept(store).await;
    have_any_name(store).await;
    have_a_name_of_their_own(store).await;
    are_found_together(store).await;
    get_a_new_password(store).await;
    have_logged_in(store).await;
}

fn named(username: &str) -> UserRecord {
    UserRecord {
        username: username.to_owned(),
        password: "pbkdf2_sha256$1$salt$hash".to_owned(),
        is_active: true,
        ..UserRecord::default()
    }
}

async fn create(store: &impl UserStore, user: &UserRecord) -> UserRecord {
    let id = within(store.create_user(user)).await.expect("a new user");
    UserRecord { id, ..user.clone() }
}

async fn by_id(store: &impl UserStore, id: &str) -> Option<UserRecord> {
    within(store.by_id(id)).await.expect("an answer")
}

async fn by_name(store: &impl UserStore, name: &str) -> Option<UserRecord> {
    within(store.by_username(name)).await.expect("an answer")
}

async fn are_kept(store: &impl UserStore) {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    // One flag at a time, so that none is taken for another.
    let mut alice = UserRecord {
        last_login: Some(at),
        is_active: false,
        is_superuser: true,
        first_name: "Alice".into(),
        last_name: "Liddell".into(),
        email: "alice@example.com".into(),
        ..named("alice")
    };
    alice.id = "99".into();
    let alice = create(store, &alice).await;
    let bob = UserRecord {
        is_active: false,
        is_staff: true,
        ..named("bob")
    };
    let bob = create(store, &bob).await;
    let carol = create(store, &named("carol")).await;
    for user in [alice, bob, carol] {
        assert_ne!(user.id, "99");
        assert_same(by_id(store, &user.id).await, &user);
        assert_same(by_name(store, &user.username).await, &user);
    }
    for id in [
        "",
        "0",
        "-1",
        "999999",
        "abc",
        "1.5",
        "1; --",
        "9223372036854775808",
        "1\0",
    ] {
        assert!(by_id(store, id).await.is_none(), "{id}");
    }
}

/// All of it: `Debug` shows less.
fn assert_same(found: Option<UserRecord>, expected: &UserRecord) {
    let found = found.expect("the user");
    assert!(&found == expected, "{found:?} {expected:?}");
    assert_eq!(found.last_login, expected.last_login);
}

async fn have_any_name(store: &impl UserStore) {
    let longest = "ü".repeat(150);
    for name in [
        "Zoë",
        "用户",
        "Пользователь",
        "😀",
        "a' OR '1' = '1",
        "?$1\\%",
        &longest,
    ] {
        let user = create(store, &named(name)).await;
        assert_same(by_name(store, name).await, &user);
    }
    for name in ["zoë", "Zoe", "Zoë ", "", "%", "Zoë\0", &"x".repeat(100_000)] {
        assert!(by_name(store, name).await.is_none(), "{name:.50}");
    }
}

async fn have_a_name_of_their_own(store: &(impl UserStore + Clone)) {
    create(store, &named("dave")).await;
    let again = within(store.create_user(&named("dave"))).await;
    assert_eq!(again.expect_err("taken").kind(), ErrorKind::Conflict);
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { within(store.create_user(&named("erin"))).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.expect("no task panics") {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
        }
    }
    assert_eq!(made, 1);
}

async fn are_found_together(store: &impl UserStore) {
    let first = create(store, &named("first")).await;
    let second = create(store, &named("second")).await;
    // More than one statement asks for.
    let mut ids: Vec<_> = (1_000_000..1_001_200)
        .map(|id: u32| id.to_string())
        .collect();
    ids.insert(0, first.id.clone());
    ids.insert(700, "no number".into());
    ids.push(second.id.clone());
    let mut found = within(store.by_ids(&ids)).await.expect("an answer");
    found.sort_by_key(|user| user.username.clone());
    assert!(found == [first, second], "{found:?}");
    assert!(
        within(store.by_ids(&[]))
            .await
            .expect("an answer")
            .is_empty()
    );
}

async fn get_a_new_password(store: &impl UserStore) {
    let user = create(store, &named("frank")).await;
    let other = create(store, &named("grace")).await;
    let change = async |id: &str, old: &str, new: &str| {
        let changed = within(store.set_password(id, old, new)).await;
        changed.expect("an answer")
    };
    assert!(change(&user.id, &user.password, "argon2$new").await);
    // Whoever was second has not seen the first one's change.
    assert!(!change(&user.id, &user.password, "argon2$newer").await);
    assert!(!change(&user.id, "", "argon2$newer").await);
    assert!(!change("999999", "argon2$new", "argon2$newer").await);
    assert!(!change("no number", "argon2$new", "argon2$newer").await);
    let changed = by_id(store, &user.id).await.expect("the user");
    assert_eq!(changed.password, "argon2$new");
    assert_same(by_id(store, &other.id).await, &other);
}

async fn have_logged_in(store: &impl UserStore) {
    let user = create(store, &named("heidi")).await;
    let other = create(store, &named("ivan")).await;
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_732_000_000_000_001);
    for id in [user.id.as_str(), "999999", "no number"] {
        within(store.set_last_login(id, at))
            .await
            .expect("an answer");
    }
    let logged_in = by_id(store, &user.id).await.expect("the user");
    assert_eq!(logged_in.last_login, Some(at));
    assert_same(by_id(store, &other.id).await, &other);
}
