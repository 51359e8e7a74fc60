use crate::arguments::{Arguments, Fault};
use crate::headers::{self, parse_id};
use crate::payload::{hex_sum, payload};
use crate::round_trip::round_trip;
use async_nats::jetstream;
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Instant;

struct Chunk {
    index: usize,
    headers: HeaderMap,
    body: Bytes,
}

/// Cuts a payload into the messages of PROTOCOL 1.
fn cut(args: &Arguments, data: &Bytes) -> Vec<Chunk> {
    let count = data.len().div_ceil(args.chunk_size).max(1);
    let mut chunks: Vec<Chunk> = (0..count)
        .map(|index| {
            let from = index * args.chunk_size;
            Chunk {
                index,
                headers: write_headers(args, index, count, data.len()),
                body: data.slice(from..(from + args.chunk_size).min(data.len())),
            }
        })
        .collect();
    if args.backwards {
        chunks.reverse();
    }
    chunks
}

fn write_headers(args: &Arguments, index: usize, count: usize, size: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if args.repeat_headers {
            headers.append(name, "not this one");
        }
        headers.append(name, value);
    };
    set(headers::PAYLOAD_TYPE, "chunked-upload");
    set(headers::UPLOAD_ID, &args.upload_id);
    set(headers::CHUNK_INDEX, &index.to_string());
    set(headers::CHUNK_COUNT, &count.to_string());
    set(headers::TOTAL_SIZE, &size.to_string());
    if !args.filename.is_empty() {
        set(headers::FILENAME, &args.filename);
    }
    if !args.content_type.is_empty() {
        set(headers::CONTENT_TYPE, &args.content_type);
    }
    headers
}

/// Publishes the chunks one at a time; over JetStream each one waits for its acknowledgement.
async fn publish(client: &Client, args: &Arguments, chunks: Vec<Chunk>) -> Result<(), Fault> {
    let times = if args.twice { 2 } else { 1 };
    let stream = jetstream::new(client.clone());
    let id = parse_id(&args.upload_id)?;
    for Chunk {
        index,
        mut headers,
        body,
    } in chunks
    {
        if args.delivery == "jetstream" {
            headers.insert("Nats-Msg-Id", format!("{id}:{index}"));
        }
        for _ in 0..times {
            let (subject, headers, body) = (args.subject.clone(), headers.clone(), body.clone());
            if args.delivery == "jetstream" {
                stream
                    .publish_with_headers(subject, headers, body)
                    .await?
                    .await?;
            } else {
                client.publish_with_headers(subject, headers, body).await?;
            }
        }
    }
    round_trip(client).await
}

pub async fn send(client: &Client, args: &Arguments) -> Result<Value, Fault> {
    let data = Bytes::from(payload(args.size, args.seed));
    let chunks = cut(args, &data);
    let count = chunks.len();
    publish(client, args, chunks).await?;
    Ok(json!({
        "uploadId": args.upload_id,
        "sha256": hex_sum(&data),
        "size": data.len(),
        "chunks": count,
    }))
}

/// Publishes to a stream one at a time, and says how fast that was after a warm-up.
pub async fn bench_send(client: &Client, args: &Arguments) -> Result<Value, Fault> {
    let mut seconds = 0.0;
    for size in [args.warm_up, args.size] {
        let chunks = cut(args, &Bytes::from(payload(size, args.seed)));
        let start = Instant::now();
        if size > 0 {
            publish(client, args, chunks).await?;
        }
        seconds = start.elapsed().as_secs_f64();
    }
    Ok(json!({
        "bytes": args.size,
        "ms": seconds * 1_000.0,
        "bytesPerSecond": args.size as f64 / seconds,
    }))
}
