//! A server that answers nobody for a while, on purpose.

use std::time::Duration;

use fred::interfaces::ClientLike;
use fred::types::CustomCommand;

use super::RedisCache;
use crate::cache::SharedError;

impl RedisCache {
    /// Has the server answer no client for `limit`: `CLIENT PAUSE ALL`. It counts the time itself and goes on by itself, and
    /// nobody can end it earlier. Replicas and the members of a cluster hear from it all the time, so nothing fails over.
    ///
    /// # Errors
    /// When it did not say that it will.
    pub async fn pause(&self, limit: Duration) -> Result<(), SharedError> {
        let client = self.client.with_options(&self.options());
        let command = CustomCommand::new_static("CLIENT", None, false);
        let words = ["PAUSE", &limit.as_millis().to_string(), "ALL"].map(str::to_owned);
        let answer: String = self
            .within(Box::pin(client.custom(command, words.to_vec())))
            .await?;
        match answer.as_str() {
            "OK" => Ok(()),
            other => Err(SharedError::Unavailable(other.to_owned())),
        }
    }
}
