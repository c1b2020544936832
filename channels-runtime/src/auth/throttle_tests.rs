use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[expect(clippy::unnecessary_wraps, reason = "it is an argument as it is")]
fn v4(last: u32) -> Option<IpAddr> {
    Some(Ipv4Addr::from(0x0a00_0000 + last).into())
}

fn fail(throttle: &LoginThrottle, username: &str, client: Option<IpAddr>) -> bool {
    let attempt = throttle.attempt(username, client);
    attempt.map(LoginAttempt::failed).is_ok()
}

fn failures(throttle: &LoginThrottle, username: &str, client: Option<IpAddr>) -> usize {
    (0..1000)
        .take_while(|_| fail(throttle, username, client))
        .count()
}

#[tokio::test(start_paused = true)]
async fn five_logins_fail_then_one_each_minute() {
    let throttle = LoginThrottle::new();
    assert_eq!(failures(&throttle, "ana", v4(1)), 5);
    let wait = throttle.attempt("ana", v4(1)).expect_err("throttled");
    assert_eq!(wait, MINUTE);
    tokio::time::advance(MINUTE).await;
    assert_eq!(failures(&throttle, "ana", v4(1)), 1);
    tokio::time::advance(MINUTE * 100).await;
    assert_eq!(failures(&throttle, "ana", v4(1)), 5);
}

#[tokio::test(start_paused = true)]
async fn other_users_and_other_addresses_are_counted_apart() {
    let throttle = LoginThrottle::new();
    assert_eq!(failures(&throttle, "ana", v4(1)), 5);
    assert_eq!(failures(&throttle, " ANA ", v4(1)), 0, "the same user");
    assert_eq!(failures(&throttle, "bob", v4(1)), 5);
    assert_eq!(failures(&throttle, "ana", v4(2)), 5);
    assert_eq!(failures(&throttle, "ana", None), 5);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_tries_many_users_is_throttled() {
    let throttle = LoginThrottle::new();
    let tried = (0..1000).filter(|user| fail(&throttle, &user.to_string(), v4(1)));
    assert_eq!(tried.count(), 50);
    assert!(fail(&throttle, "ana", v4(2)));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(fail(&throttle, "ana", v4(1)));
    assert!(!fail(&throttle, "bob", v4(1)));
}

/// Ten thousand addresses guess one user's password: each has one guess, and so has the user.
#[tokio::test(start_paused = true)]
async fn nobody_is_locked_out_from_everywhere() {
    let throttle = LoginThrottle::new();
    let guesses = (0..10_000).map(|bot| failures(&throttle, "ana", v4(bot)));
    let guesses: usize = guesses.sum();
    assert!((10_000..10_100).contains(&guesses), "{guesses}");
    let own = throttle.attempt("ana", v4(20_000)).expect("one attempt");
    own.succeeded();
    let again = throttle.attempt("ana", v4(20_000));
    again
        .expect("a correct password is not counted")
        .succeeded();
}

#[tokio::test(start_paused = true)]
async fn a_customer_with_a_block_of_ipv6_is_one_address() {
    let throttle = LoginThrottle::new();
    let v6 = |network: u16, host: u16| {
        Some(IpAddr::V6(Ipv6Addr::new(
            0x2001, 0xdb8, 0, network, 0, 0, 0, host,
        )))
    };
    let tried = (0..100).filter(|host| fail(&throttle, "ana", v6(1, *host)));
    assert_eq!(tried.count(), 5);
    assert!(fail(&throttle, "ana", v6(2, 0)));
    let mapped = Some(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().into());
    assert_eq!(failures(&throttle, "ana", mapped), 5);
    assert_eq!(failures(&throttle, "ana", v4(1)), 0, "the same client");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_run_together_are_counted_from_the_start() {
    let throttle = LoginThrottle::new();
    let running: Vec<_> = (0..60)
        .filter_map(|_| throttle.attempt("ana", v4(1)).ok())
        .collect();
    assert_eq!(running.len(), 5);
    drop(running);
    assert!(!fail(&throttle, "ana", v4(1)), "they are not forgotten");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_checked_is_not_counted() {
    let throttle = LoginThrottle::new();
    for _ in 0..200 {
        let attempt = throttle.attempt("ana", v4(1));
        attempt.expect("not throttled").cancelled();
    }
    assert_eq!(failures(&throttle, "ana", v4(1)), 5);
}

#[tokio::test(start_paused = true)]
async fn a_correct_password_clears_its_own_count_alone() {
    let throttle = LoginThrottle::new();
    // Somebody guesses the passwords of others, and logs in as themselves in between.
    let mut guesses = 0;
    for user in 0..1000 {
        if fail(&throttle, &user.to_string(), v4(1)) {
            guesses += 1;
        }
        if let Ok(attempt) = throttle.attempt("mallory", v4(1)) {
            attempt.succeeded();
        }
    }
    assert_eq!(guesses, 50);

    for _ in 0..4 {
        assert!(fail(&throttle, "ana", v4(2)));
    }
    throttle
        .attempt("ana", v4(2))
        .expect("the fifth")
        .succeeded();
    assert_eq!(failures(&throttle, "ana", v4(2)), 5);
}

#[tokio::test(start_paused = true)]
async fn the_counts_take_bounded_memory() {
    let throttle = LoginThrottle::new();
    for bot in 0..100_000 {
        fail(&throttle, &bot.to_string(), v4(bot));
        assert!(throttle.counts.state().len() <= MOST_COUNTS);
    }
    assert_eq!(failures(&throttle, "ana", v4(200_000)), 5);
}

#[tokio::test(start_paused = true)]
async fn settings_are_kept() {
    let throttle = LoginThrottle::new()
        .per_user_and_address(0, MINUTE)
        .per_address(2, MINUTE);
    assert_eq!(failures(&throttle, "ana", v4(1)), 1);
    assert_eq!(failures(&throttle, "bob", v4(1)), 1);
    assert_eq!(failures(&throttle, "eve", v4(1)), 0);
    let forever = LoginThrottle::new().per_user_and_address(1, Duration::MAX);
    assert!(fail(&forever, "ana", v4(1)));
}
