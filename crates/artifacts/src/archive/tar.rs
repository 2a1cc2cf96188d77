//! A folder as tar, in GNU's format: every reader knows it, those of small systems, too.

use super::{outlet::Outlet, walk::Walk};
use std::io;
use tokio_tar::{EntryType, Header};

const BLOCK: usize = 512;
/// Bytes of a name that a header has room for.
const NAME_BYTES: usize = 100;
/// The name of what holds the name of the next member.
const LONG_NAME: &str = "././@LongLink";
/// Whoever unpacks it may write, everybody may read.
const MODE: u32 = 0o644;

/// Writes all files of a walk.
pub(super) async fn write(mut walk: Walk, mut outlet: Outlet) -> io::Result<()> {
    while let Some(mut member) = walk.next().await? {
        outlet.write(&head(&member.name, member.size, member.modified_seconds())).await?;
        while let Some(piece) = member.next_piece().await? {
            outlet.pass(piece).await?;
        }
        outlet.write(padding(member.size)).await?;
    }
    outlet.write(&[0; 2 * BLOCK]).await?;
    outlet.flush().await
}

/// What stands before the bytes of a member.
fn head(name: &str, size: u64, modified: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(BLOCK);
    if name.len() > NAME_BYTES {
        let length = name.len() as u64 + 1;
        head.extend_from_slice(&header(LONG_NAME, EntryType::GNULongName, length, 0));
        head.extend_from_slice(name.as_bytes());
        head.push(0);
        head.extend_from_slice(padding(length));
    }
    head.extend_from_slice(&header(name, EntryType::Regular, size, modified));
    head
}

fn header(name: &str, kind: EntryType, size: u64, modified: u64) -> [u8; BLOCK] {
    let mut header = Header::new_gnu();
    let fitting = &name.as_bytes()[..name.len().min(NAME_BYTES)];
    // Not through a path: names would be changed.
    header.as_old_mut().name[..fitting.len()].copy_from_slice(fitting);
    header.set_entry_type(kind);
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(modified);
    header.set_cksum();
    *header.as_bytes()
}

/// What fills the last block of a member.
fn padding(size: u64) -> &'static [u8] {
    let used = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    &[0; BLOCK][..(BLOCK - used) % BLOCK]
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    async fn read_back(name: &str, size: u64) -> (String, u64, u64) {
        let bytes = head(name, size, 1_700_000_000);
        let mut archive = tokio_tar::Archive::new(&bytes[..]);
        let entry = archive.entries().unwrap().next().await.unwrap().unwrap();
        let name = String::from_utf8(entry.path_bytes().unwrap().into_owned()).unwrap();
        (name, entry.effective_size(), entry.header().mtime().unwrap())
    }

    #[tokio::test]
    async fn names_and_sizes_of_any_length_are_read_back() {
        let names = ["a", "日本/ü.txt", "a\\b:c", &"x".repeat(100), &"ü/".repeat(400)];
        for name in names {
            for size in [0, 1, 8 << 30, 5 << 40] {
                let expected = (name.to_owned(), size, 1_700_000_000);
                assert_eq!(read_back(name, size).await, expected);
            }
        }
    }

    #[test]
    fn members_fill_whole_blocks() {
        for (size, expected) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size).len(), expected, "{size}");
        }
    }
}
