use crate::arguments::Fault;
use crate::assembler::{Assembler, Whole};
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// What version 1 knows nothing of, or this receiver has no bounds for.
const EXTENSIONS: [&str; 7] = [
    r#""limits""#,
    r#""raw""#,
    r#""answer""#,
    r#""then""#,
    r#""X-Payload-Digest""#,
    r#""chunked-ask""#,
    r#"["X-Total-Size","0"]"#,
];

fn body_of(spec: &Value) -> Bytes {
    let field = |name: &str| spec[name].as_u64().unwrap_or(0);
    let (length, from, seed) = (field("length"), field("from"), field("seed"));
    (from..from + length)
        .map(|position| (position * 7 + seed * 13 + position / 256) as u8)
        .collect()
}

fn headers_of(lines: &Value) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for line in lines.as_array().into_iter().flatten() {
        let text = |at: usize| line[at].as_str().unwrap_or("");
        let name = HeaderName::from_str(text(0))?;
        headers.append(name, HeaderValue::from_str(text(1))?);
    }
    Ok(headers)
}

fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let whole = group.iter().chain([&0, &0]).take(3);
        let bits = whole.fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        for place in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= group.len() {
                digit.into()
            } else {
                '='
            });
        }
    }
    text
}

/// What becomes of a message; this receiver does not tell a repeat from a new chunk.
fn outcome(uploads: &mut Assembler, headers: &HeaderMap, body: Bytes) -> Value {
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_string());
    match uploads.push(headers, body) {
        Err(_) => json!({ "result": "refused" }),
        Ok(None) => json!({ "result": "taken" }),
        Ok(Some(Whole { id, metadata, data })) => json!({
            "result": "complete",
            "uploadId": id,
            "size": data.len(),
            "digest": format!("SHA-256={}", base64_url(&Sha256::digest(&data))),
            "filename": optional(&metadata.filename),
            "contentType": optional(&metadata.content_type),
        }),
    }
}

fn wanted(expect: &Value) -> Value {
    match expect["result"].as_str() {
        Some("ignored" | "accepted" | "duplicate") => json!({ "result": "taken" }),
        Some("refused") => json!({ "result": "refused" }),
        _ => {
            let mut whole = expect.clone();
            whole.as_object_mut().map(|fields| fields.remove("headers"));
            whole
        }
    }
}

/// Runs the test vectors that a receiver of version 1 alone can run.
pub fn run_vectors(path: &str) -> Result<Value, Fault> {
    let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let (mut vectors, mut messages, mut differences) = (0, 0, Vec::new());
    for vector in file["vectors"].as_array().into_iter().flatten() {
        let text = vector.to_string();
        if EXTENSIONS.iter().any(|word| text.contains(word)) {
            continue;
        }
        vectors += 1;
        let mut uploads = Assembler::default();
        for message in vector["messages"].as_array().into_iter().flatten() {
            messages += 1;
            let headers = headers_of(&message["headers"])?;
            let found = outcome(&mut uploads, &headers, body_of(&message["body"]));
            let expected = wanted(&message["expect"]);
            if found != expected {
                let name = &vector["name"];
                differences.push(json!({ "vector": name, "found": found, "wanted": expected }));
            }
        }
    }
    Ok(json!({ "vectors": vectors, "messages": messages, "differences": differences }))
}
