//! Asks Sentinel for the address of a master (Redis' guidelines for Sentinel clients, step 1).

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult};

use super::hosts::Address;

/// How long one Sentinel may take to connect, and then to answer: one that does not answer must not
/// use up the time in which the next one could.
const PATIENCE: Duration = Duration::from_millis(500);

/// The address that the first Sentinel with an answer gives. `first` chooses where to begin.
///
/// # Errors
///
/// The error of the last Sentinel that was asked; a Sentinel that refuses the login comes first, for
/// that does not end by itself.
pub(super) async fn ask(sentinels: &[Client], first: usize, master: &str) -> RedisResult<Address> {
    let mut last = unknown(master);
    let from = first % sentinels.len().max(1);
    let (before, after) = sentinels.split_at(from);
    for sentinel in after.iter().chain(before) {
        match ask_one(sentinel, master).await {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => {}
            Err(error) if is_refusal(&last) && !is_refusal(&error) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn ask_one(sentinel: &Client, master: &str) -> RedisResult<Option<Address>> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connect = sentinel.get_multiplexed_async_connection_with_config(&config);
    // The client limits single steps, and a login is one more.
    let connected = tokio::time::timeout(PATIENCE, connect).await;
    let mut sentinel = connected.map_err(|_| silent())??;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let answer: Option<(String, u16)> = question.query_async(&mut sentinel).await?;
    Ok(answer.map(|(host, port)| Address { host, port }))
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

fn unknown(master: &str) -> RedisError {
    let what = "no Sentinel knows a master of this name";
    RedisError::from((
        ErrorKind::MasterNameNotFoundBySentinel,
        what,
        master.to_owned(),
    ))
}

fn silent() -> RedisError {
    let what = "a Sentinel does not answer";
    std::io::Error::new(std::io::ErrorKind::TimedOut, what).into()
}
