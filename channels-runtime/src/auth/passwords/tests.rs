use serde_json::Value;

use super::recipe::ITERATIONS;
use super::*;

fn vectors() -> Vec<Value> {
    let vectors = include_str!("../../../../tests/interop/django_passwords.json");
    let vectors: Value = serde_json::from_str(vectors).expect("JSON");
    assert_eq!(vectors["defaults"]["pbkdf2 iterations"], ITERATIONS.get());
    vectors["vectors"].as_array().expect("a list").clone()
}

/// No deadline: a hash waits for nothing but the processor.
#[tokio::test]
async fn passwords_are_right_where_django_says_so() {
    let (mut right, mut wrong, mut outdated, mut other) = (2, 52, 18, 7);
    for vector in vectors() {
        // So many, for wrong passwords take as long as these; those of the vectors are fewer, or
        // Django's million.
        let some = NonZeroU32::new(10_000).expect("more than none");
        let hashers = PasswordHashers::default().pbkdf2_iterations(some);
        let hashers = match vector["hashers"].as_str().expect("a text") {
            "argon2 first" => hashers.prefer(PasswordHasher::Argon2),
            _ => hashers,
        };
        let encoded = vector["encoded"].as_str().expect("a text");
        let name = vector["name"].as_str().expect("a text");
        for check in vector["checks"].as_array().expect("a list") {
            let Some(password) = check["password"].as_str() else {
                // Nothing to check: in Rust, a password is a text.
                other += 1;
                continue;
            };
            let checked = hashers.check(password, encoded).await.expect("an answer");
            let expected = &check["correct_and_must_update"];
            if (name == "md5" || name == "bcrypt plain") && expected["result"][0] == true {
                // Not read here: Django has not written them since 1.x unless it was told to.
                assert_eq!(checked, Checked::Wrong, "{name}");
                other += 1;
                continue;
            }
            let expected = match (&expected["result"][0], &expected["result"][1]) {
                (Value::Bool(true), Value::Bool(false)) => Checked::Right,
                (Value::Bool(true), Value::Bool(true)) => Checked::Outdated,
                // Where Django raises, nobody is let in either.
                _ => Checked::Wrong,
            };
            assert_eq!(checked, expected, "{name} {encoded} {password}");
            match checked {
                Checked::Right => right += 1,
                Checked::Wrong => wrong += 1,
                Checked::Outdated => outdated += 1,
            }
        }
    }
    assert_eq!(vectors().len(), 52);
    assert_eq!((right, wrong, outdated, other), (4, 104, 36, 14));
}

#[tokio::test]
async fn what_is_made_is_right() {
    use PasswordHasher::{Argon2, BcryptSha256, Pbkdf2Sha1, Pbkdf2Sha256, Scrypt};
    let few = NonZeroU32::new(1000).expect("more than none");
    for hasher in [Argon2, BcryptSha256, Pbkdf2Sha1, Pbkdf2Sha256, Scrypt] {
        let hashers = PasswordHashers::default()
            .prefer(hasher)
            .pbkdf2_iterations(few);
        let encoded = hashers.make("pässword").await.expect("a hash");
        let again = hashers.make("pässword").await.expect("a hash");
        assert_ne!(encoded, again, "the salt is new");
        let check =
            async |password: &str| hashers.check(password, &encoded).await.expect("an answer");
        assert_eq!(check("pässword").await, Checked::Right, "{encoded}");
        assert_eq!(check("password").await, Checked::Wrong);
        assert_eq!(check("").await, Checked::Wrong);
        let newer = PasswordHashers::default().prefer(hasher);
        let is_weaker = matches!(hasher, Pbkdf2Sha1 | Pbkdf2Sha256);
        let checked = newer.check("pässword", &encoded).await.expect("an answer");
        assert_eq!(checked == Checked::Outdated, is_weaker);
    }
}

#[test]
fn costs_beyond_reason_are_refused() {
    let hostile = [
        "pbkdf2_sha256$4000000000$abcdefghijklmnopqrstuv$q+SlAk8PS4ZnJxYnZfUX7zLjmUl2wdtUOf7V/ADD/a0=",
        "pbkdf2_sha256$0$abcdefghijklmnopqrstuv$q+SlAk8PS4ZnJxYnZfUX7zLjmUl2wdtUOf7V/ADD/a0=",
        "argon2$argon2id$v=19$m=4294967295,t=2,p=8$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dg$7QokUUpUVnAcJLYj/o5YJyG/FTwk3N3fThmdgVaIrVU",
        "argon2$argon2id$v=19$m=64,t=4294967295,p=1$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dg$pLkJ7uFdnMIvTaK43xDLpJvEvxnPWEmOr9l24hzcjWg",
        "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuub0dZgX3y.vwJWbMYsyRUTIUeJImUs/e",
        "scrypt$1073741824$abcdefghijklmnopqrstuv$8$5$P8HE",
        "scrypt$1048576$abcdefghijklmnopqrstuv$64$5$P8HE",
        "scrypt$17$abcdefghijklmnopqrstuv$8$5$P8HE",
        "scrypt$-1$abcdefghijklmnopqrstuv$8$5$P8HE",
    ];
    for encoded in hostile {
        assert!(Recipe::read(encoded).is_none(), "{encoded}");
    }
}

#[test]
fn scrypt_as_an_older_django_has_it_stays() {
    for (costs, is_weak) in [
        ("16384$abcdefghijklmnopqrstuv$8$1", false),
        ("16384$abcdefghijklmnopqrstuv$8$5", false),
        ("8192$abcdefghijklmnopqrstuv$8$5", true),
        ("16384$abcdefghijklmnopqrstuv$4$5", true),
    ] {
        let recipe = Recipe::read(&format!("scrypt${costs}$P8HE")).expect("a recipe");
        assert_eq!(recipe.is_weak(ITERATIONS), is_weak, "{costs}");
    }
}

proptest::proptest! {
    #[test]
    fn no_column_panics(text in "(argon2|bcrypt_sha256|pbkdf2_sha256|scrypt)?[$]?[ -~é]{0,60}") {
        if let Some(recipe) = Recipe::read(&text) {
            // It may be a good one; then it is cheap enough to be run.
            proptest::prop_assert!(recipe.missing_iterations(ITERATIONS).is_none_or(|rest| rest.hasher() == recipe.hasher()));
        }
    }
}
