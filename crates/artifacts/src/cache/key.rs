//! What blocks are kept under.

use foyer::{Code, Error, Result};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

/// One version of one object: a hash of its store, key, entity tag and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ObjectId([u8; 32]);

impl ObjectId {
    pub(super) fn new(place: &str, key: &str, etag: &str, size: u64) -> Self {
        let mut hash = Sha256::new();
        for text in [place, key, etag] {
            // With the length in front, no two lists of texts look the same.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update(size.to_le_bytes());
        Self(hash.finalize().into())
    }
}

/// A block of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BlockKey {
    pub(super) object: ObjectId,
    /// Its number, from 0.
    pub(super) block: u64,
}

impl Code for BlockKey {
    fn encode(&self, writer: &mut impl Write) -> Result<()> {
        writer.write_all(&self.object.0).map_err(Error::io_error)?;
        self.block.encode(writer)
    }

    fn decode(reader: &mut impl Read) -> Result<Self> {
        let mut hash = [0; 32];
        reader.read_exact(&mut hash).map_err(Error::io_error)?;
        Ok(Self { object: ObjectId(hash), block: u64::decode(reader)? })
    }

    fn estimated_size(&self) -> usize {
        self.object.0.len() + size_of_val(&self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_name_counts() {
        let one = ObjectId::new("place", "key", "etag", 1);
        assert_eq!(one, ObjectId::new("place", "key", "etag", 1));
        for other in [
            ObjectId::new("placek", "ey", "etag", 1),
            ObjectId::new("place", "keyetag", "", 1),
            ObjectId::new("place", "key", "etag2", 1),
            ObjectId::new("place", "key", "etag", 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = BlockKey { object: ObjectId::new("p", "k", "e", 7), block: 3 };
        let mut written = Vec::new();
        key.encode(&mut written).unwrap();
        assert_eq!(written.len(), key.estimated_size());
        assert_eq!(BlockKey::decode(&mut written.as_slice()).unwrap(), key);
        assert!(BlockKey::decode(&mut &written[1..]).is_err());
    }
}
