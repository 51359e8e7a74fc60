use sha2::{Digest, Sha256};

const BLOCK: usize = 65_536;

/// The bytes that every peer makes of the same size and seed: a block of SHA-256 sums of "seed:0", "seed:1" and so on,
/// over and over, each copy with its number in its first eight bytes.
pub fn payload(size: usize, seed: u64) -> Vec<u8> {
    let sums = BLOCK / 32;
    let base: Vec<u8> = (0..sums)
        .flat_map(|i| Sha256::digest(format!("{seed}:{i}")))
        .collect();
    let mut data = Vec::with_capacity(size.div_ceil(BLOCK) * BLOCK);
    for number in 0..size.div_ceil(BLOCK) as u64 {
        data.extend_from_slice(&number.to_be_bytes());
        data.extend_from_slice(&base[8..]);
    }
    data.truncate(size);
    data
}

pub fn hex_sum(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
