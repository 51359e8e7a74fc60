use crate::arguments::Fault;
use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt;

/// Waits until the server has dealt with everything that was sent so far; the client's own flush only writes it.
pub async fn round_trip(client: &Client) -> Result<(), Fault> {
    let inbox = client.new_inbox();
    let mut own = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, Bytes::new()).await?;
    own.next().await.ok_or("the connection is closed")?;
    Ok(())
}
