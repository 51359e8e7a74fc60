use async_nats::HeaderMap;

// The header names of PROTOCOL 1, spelled as on the wire.
pub const PAYLOAD_TYPE: &str = "X-Payload-Type";
pub const UPLOAD_ID: &str = "X-Chunked-Upload-Id";
pub const CHUNK_INDEX: &str = "X-Chunk-Index";
pub const CHUNK_COUNT: &str = "X-Chunk-Count";
pub const TOTAL_SIZE: &str = "X-Total-Size";
pub const FILENAME: &str = "X-Filename";
pub const CONTENT_TYPE: &str = "X-Content-Type";

const MAX_SAFE_INTEGER: usize = (1 << 53) - 1;
const MAX_FILENAME_BYTES: usize = 1_024;

/// What every chunk of an upload repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    pub count: usize,
    pub size: usize,
    pub filename: String,
    pub content_type: String,
}

/// The last value of a header whose name is matched exactly.
pub fn last<'a>(headers: &'a HeaderMap, name: &'static str) -> &'a str {
    headers
        .get_all(name)
        .last()
        .map_or("", |value| value.as_str())
}

pub fn number(headers: &HeaderMap, name: &'static str) -> Result<usize, String> {
    let text = last(headers, name);
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(value) if all_digits && value <= MAX_SAFE_INTEGER => Ok(value),
        _ => Err(format!("{name} is {text:?}")),
    }
}

/// The lower-case hyphenated form of an id in any spelling of a UUID.
pub fn parse_id(text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    let bare = lower
        .strip_prefix("urn:uuid:")
        .or_else(|| {
            lower
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
        })
        .unwrap_or(&lower);
    let hex: String = if bare.len() == 36 && bare.is_ascii() {
        let hyphens = [8, 13, 18, 23];
        let placed = hyphens.iter().all(|&at| bare.as_bytes()[at] == b'-');
        if placed {
            bare.replace('-', "")
        } else {
            String::new()
        }
    } else {
        bare.to_string()
    };
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{UPLOAD_ID} is {text:?}"));
    }
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(parts.join("-"))
}

pub fn read_metadata(headers: &HeaderMap) -> Result<Metadata, String> {
    let count = number(headers, CHUNK_COUNT)?;
    let size = number(headers, TOTAL_SIZE)?;
    if size == 0 {
        return Err("total size 0".to_string());
    }
    if count < 1 || count > size {
        return Err(format!("{CHUNK_COUNT} is {count} for {size} bytes"));
    }
    let filename = last(headers, FILENAME);
    if filename.chars().any(char::is_control) || filename.len() > MAX_FILENAME_BYTES {
        return Err(format!("{FILENAME} is {filename:?}"));
    }
    Ok(Metadata {
        count,
        size,
        filename: filename.to_string(),
        content_type: last(headers, CONTENT_TYPE).to_string(),
    })
}
