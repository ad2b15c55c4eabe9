//! The wrapping of every stored value: which version it was written in, and a checksum.
//!
//! Owns the first five bytes of a value. It knows nothing of what is inside.
//!
//! Layout: version (1 byte), CRC-32C (4 bytes, little-endian), payload. The checksum covers key,
//! version and payload, so that a value that was moved to another key is noticed as well.

use super::key::Key;

const HEADER_BYTES: usize = 5;

/// A value whose checksum is right.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The version of the payload's layout.
    pub version: u8,
    /// The payload.
    pub payload: &'a [u8],
}

/// Wraps `payload` for storage under `key`.
pub fn seal(key: &Key, version: u8, payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEADER_BYTES + payload.len());
    value.push(version);
    value.extend_from_slice(&checksum(key, version, payload).to_le_bytes());
    value.extend_from_slice(payload);
    value
}

/// Checks and unwraps a value. The error says what is wrong with it, in words.
pub fn open<'a>(key: &Key, value: &'a [u8]) -> Result<Opened<'a>, String> {
    let Some((header, payload)) = value.split_at_checked(HEADER_BYTES) else {
        return Err(format!("has {} bytes, expected at least {HEADER_BYTES}", value.len()));
    };
    let stored = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    let actual = checksum(key, header[0], payload);
    if stored != actual {
        return Err(format!("has checksum {actual:08x}, expected {stored:08x}"));
    }
    Ok(Opened { version: header[0], payload })
}

fn checksum(key: &Key, version: u8, payload: &[u8]) -> u32 {
    let of_key = crc32c::crc32c(key.as_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(of_key, &[version]), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        let value = seal(&Key::event(1), 1, b"payload");
        assert_eq!(open(&Key::event(1), &value), Ok(Opened { version: 1, payload: b"payload" }));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let value = seal(&Key::event(1), 1, b"payload");
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&Key::event(1), &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_short_or_misplaced_value_is_noticed() {
        let value = seal(&Key::event(1), 1, b"payload");
        for end in 0..value.len() {
            assert!(open(&Key::event(1), &value[..end]).is_err(), "{end} bytes");
        }
        assert!(open(&Key::event(2), &value).is_err());
    }
}
