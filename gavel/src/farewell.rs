//! A client that takes its leave however its work ends, so that no accumulator waits for it.

use bidder::{Client, Patience};

use crate::exit::Failure;

/// Works with a client and closes its connections afterwards, also after a failure.
pub(crate) async fn with_client<T>(
    patience: Patience,
    work: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let client = Client::with_patience(patience)?;
    let result = work(&client).await;
    client.close_connections().await;
    result
}
