use crate::headers::{self, Metadata, last, number, parse_id, read_metadata};
use async_nats::HeaderMap;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};

const MAX_CHUNK_SIZE: usize = 8_000_000;

/// A payload that has arrived.
pub struct Whole {
    pub id: String,
    pub metadata: Metadata,
    pub data: Vec<u8>,
}

struct Upload {
    metadata: Metadata,
    chunk_size: usize,
    chunks: BTreeMap<usize, Bytes>,
}

/// Puts version-1 uploads together (PROTOCOL 2).
#[derive(Default)]
pub struct Assembler {
    uploads: HashMap<String, Upload>,
    ended: HashSet<String>,
}

/// Why a message is refused, and the upload that it names.
pub struct Refused {
    pub id: String,
    pub reason: String,
}

impl Assembler {
    /// Takes one message, and returns the payload that it made whole.
    pub fn push(&mut self, headers: &HeaderMap, body: Bytes) -> Result<Option<Whole>, Refused> {
        if last(headers, headers::PAYLOAD_TYPE) != "chunked-upload" {
            return Ok(None);
        }
        let id = parse_id(last(headers, headers::UPLOAD_ID)).map_err(|reason| Refused {
            id: String::new(),
            reason,
        })?;
        if self.ended.contains(&id) {
            return Ok(None);
        }
        self.take(&id, headers, body)
            .map_err(|reason| Refused { id, reason })
    }

    fn take(
        &mut self,
        id: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Option<Whole>, String> {
        let metadata = read_metadata(headers)?;
        let index = number(headers, headers::CHUNK_INDEX)?;
        if let Some(found) = self.uploads.get(id)
            && found.metadata != metadata
        {
            let first = &found.metadata;
            return Err(format!(
                "chunk {index} says {metadata:?}, the first one said {first:?}"
            ));
        }
        let known = self.uploads.get(id).map(|found| found.chunk_size);
        let chunk_size = chunk_size_of(&metadata, index, body.len(), known)?;
        let count = metadata.count;
        let upload = self.uploads.entry(id.to_string()).or_insert(Upload {
            metadata,
            chunk_size,
            chunks: BTreeMap::new(),
        });
        upload.chunks.entry(index).or_insert(body);
        if upload.chunks.len() < count {
            return Ok(None);
        }
        self.finish(id)
    }

    fn finish(&mut self, id: &str) -> Result<Option<Whole>, String> {
        let Some(Upload {
            metadata, chunks, ..
        }) = self.uploads.remove(id)
        else {
            return Ok(None);
        };
        let mut data = Vec::with_capacity(metadata.size);
        for chunk in chunks.values() {
            data.extend_from_slice(chunk);
        }
        if data.len() != metadata.size {
            return Err(format!(
                "{} bytes came, wanted are {}",
                data.len(),
                metadata.size
            ));
        }
        self.ended.insert(id.to_string());
        Ok(Some(Whole {
            id: id.to_string(),
            metadata,
            data,
        }))
    }
}

/// The length of all chunks but the last, told by the first one that came.
fn chunk_size_of(
    metadata: &Metadata,
    index: usize,
    length: usize,
    known: Option<usize>,
) -> Result<usize, String> {
    let &Metadata { count, size, .. } = metadata;
    if index >= count {
        return Err(format!("chunk {index} of {count}"));
    }
    let chunk_size = match known {
        Some(chunk_size) => chunk_size,
        None if count > 1 && index == count - 1 => size.saturating_sub(length) / (count - 1),
        None => length,
    };
    let fits = (1..=MAX_CHUNK_SIZE).contains(&chunk_size)
        && size.div_ceil(chunk_size) == count
        && length == chunk_size.min(size - index * chunk_size);
    if fits {
        Ok(chunk_size)
    } else {
        Err(format!(
            "chunk {index} of {count} has {length} bytes of {size}"
        ))
    }
}
