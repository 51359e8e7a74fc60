use crate::arguments::{Arguments, Fault};
use crate::assembler::{Assembler, Refused, Whole};
use crate::payload::hex_sum;
use crate::round_trip::round_trip;
use async_nats::jetstream::{self, AckKind, consumer};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;

/// Prints a line for each upload that has ended, whole or refused.
pub async fn receive(client: &Client, args: &Arguments) -> Result<(), Fault> {
    if args.delivery == "jetstream" {
        receive_from_stream(client, args).await?;
    } else {
        receive_from_subject(client, args).await?;
    }
    round_trip(client).await
}

/// The uploads so far, and how many have ended.
#[derive(Default)]
struct Receiver {
    assembler: Assembler,
    ended: usize,
}

impl Receiver {
    /// Takes one message, and returns whether it was fine.
    fn take(&mut self, headers: Option<&HeaderMap>, body: Bytes) -> bool {
        let none = HeaderMap::new();
        match self.assembler.push(headers.unwrap_or(&none), body) {
            Ok(None) => true,
            Ok(Some(Whole { id, metadata, data })) => {
                println!(
                    "{}",
                    json!({
                        "uploadId": id,
                        "sha256": hex_sum(&data),
                        "size": data.len(),
                        "chunks": metadata.count,
                        "filename": metadata.filename,
                        "contentType": metadata.content_type,
                    })
                );
                self.ended += 1;
                true
            }
            Err(Refused { id, reason }) => {
                println!("{}", json!({ "uploadId": id, "refused": reason }));
                self.ended += 1;
                false
            }
        }
    }
}

fn say_ready() {
    println!("{}", json!({ "ready": true }));
}

async fn receive_from_subject(client: &Client, args: &Arguments) -> Result<(), Fault> {
    let mut messages = client.subscribe(args.subject.clone()).await?;
    round_trip(client).await?;
    say_ready();
    let mut receiver = Receiver::default();
    while receiver.ended < args.uploads {
        let message = messages.next().await.ok_or("the subscription ended")?;
        receiver.take(message.headers.as_ref(), message.payload);
    }
    Ok(())
}

async fn receive_from_stream(client: &Client, args: &Arguments) -> Result<(), Fault> {
    let config = consumer::pull::Config {
        filter_subject: args.subject.clone(),
        ack_policy: consumer::AckPolicy::Explicit,
        ..Default::default()
    };
    let consumer = jetstream::new(client.clone())
        .create_consumer_on_stream(config, args.stream.clone())
        .await?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(8)
        .messages()
        .await?;
    say_ready();
    let mut receiver = Receiver::default();
    while receiver.ended < args.uploads {
        let (message, acker) = messages.next().await.ok_or("the consumer ended")??.split();
        let fine = receiver.take(message.headers.as_ref(), message.payload);
        acker
            .ack_with(if fine { AckKind::Ack } else { AckKind::Term })
            .await?;
    }
    Ok(())
}
