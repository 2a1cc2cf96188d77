//! A folder as zip: compressed member by member, with what is known only at its end behind it.

use super::{
    MAX_MEMBERS,
    outlet::Outlet,
    walk::{Member, Walk},
};
use bytes::Bytes;
use flate2::{Compression, write::DeflateEncoder};
use rawzip::{
    CompressionMethod, Header, ZipArchiveWriter, ZipEntryWriter, extra_fields::ExtraFieldId,
    path::EntryPath, time::UtcDateTime,
};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes that are compressed before others have their turn: less than a millisecond's work.
const SLICE_BYTES: usize = 32 * 1024;
/// A file that whoever unpacks it may write, and everybody may read.
const MODE: u32 = 0o100_644;
/// Files of this size and more have sizes of 64 bits, which a reader that does not seek must know.
const ZIP64_BYTES: u64 = 0xffff_ffff;
/// Where a local header and an entry of the list at the end have the upper half of their flags.
const LOCAL_FLAGS: usize = 7;
const LISTED_FLAGS: usize = 9;
/// Says, in that half, that the name is UTF-8.
const IS_UTF8: u8 = 1 << 3;
/// How an entry of the list begins, and how long it is without its name and other fields.
const LISTED: &[u8] = b"PK\x01\x02";
const LISTED_BYTES: usize = 46;

/// Writes all files of a walk.
pub(super) async fn write(mut walk: Walk, mut outlet: Outlet) -> io::Result<()> {
    let written = Written::default();
    let mut archive = ZipArchiveWriter::new(written.clone());
    let mut members = 0;
    while let Some(member) = walk.next().await? {
        members += 1;
        if members > MAX_MEMBERS {
            return Err(io::Error::other(format!("it has more than {MAX_MEMBERS} files")));
        }
        let entry = begin(&mut archive, &member)?;
        if !member.name.is_ascii() {
            written.with(|header| header[LOCAL_FLAGS] |= IS_UTF8);
        }
        compress(entry, member, &written, &mut outlet).await?;
    }
    archive.finish().map_err(io::Error::other)?;
    written.with(|list| mark_names(list));
    outlet.pass(written.take()).await?;
    outlet.flush().await
}

fn begin<'a>(archive: &'a mut ZipArchiveWriter<Written>, member: &Member) -> io::Result<Entry<'a>> {
    let modified = i64::try_from(member.modified_seconds()).unwrap_or(0);
    let mut file = archive
        // As it is: the library would rewrite names with `:` and others.
        .new_file(EntryPath::verbatim(member.name.as_bytes()))
        .compression_method(CompressionMethod::DEFLATE)
        .unix_permissions(MODE)
        .last_modified(UtcDateTime::from_unix(modified));
    if member.size >= ZIP64_BYTES {
        let sizes = [0; 16];
        file = file
            .extra_field(ExtraFieldId::ZIP64, &sizes, Header::LOCAL)
            .map_err(io::Error::other)?;
    }
    file.start().map_err(io::Error::other)
}

type Entry<'a> = (ZipEntryWriter<'a, Written>, rawzip::ZipDataWriterConfig);

async fn compress(
    (mut entry, config): Entry<'_>,
    mut member: Member,
    written: &Written,
    outlet: &mut Outlet,
) -> io::Result<()> {
    let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    while let Some(mut piece) = member.next_piece().await? {
        while !piece.is_empty() {
            let slice = piece.split_to(piece.len().min(SLICE_BYTES));
            data.write_all(&slice)?;
            outlet.pass(written.take()).await?;
            if slice.len() == SLICE_BYTES {
                tokio::task::yield_now().await;
            }
        }
    }
    let (encoder, descriptor) = data.finish().map_err(io::Error::other)?;
    encoder.finish()?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    outlet.pass(written.take()).await
}

/// Says in the list of all members which names are UTF-8; the library does not say so of names that it
/// does not rewrite.
fn mark_names(mut list: &mut [u8]) {
    while list.starts_with(LISTED) && list.len() >= LISTED_BYTES {
        let length = |at: usize| usize::from(u16::from_le_bytes([list[at], list[at + 1]]));
        let (name, others) = (length(28), length(30) + length(32));
        let end = (LISTED_BYTES + name + others).min(list.len());
        let (entry, rest) = list.split_at_mut(end);
        if !entry[LISTED_BYTES..].iter().take(name).all(u8::is_ascii) {
            entry[LISTED_FLAGS] |= IS_UTF8;
        }
        list = rest;
    }
}

/// What the library has written and nobody has sent yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Bytes {
        self.with(std::mem::take).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_are_and_said_to_be_utf8() {
        let names =
            ["top/a", "top/日本.txt", "top/step:3/x", "top/a\\b", "top/日本:1", "C:x/y", "t/a "];
        let written = Written::default();
        let mut archive = ZipArchiveWriter::new(written.clone());
        for name in names {
            let path = EntryPath::verbatim(name.as_bytes());
            let (mut entry, config) = archive.new_file(path).start().unwrap();
            let (_, descriptor) = config.wrap(&mut entry).finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        let members = written.take();
        archive.finish().unwrap();
        written.with(|list| mark_names(list));
        let bytes = [members, written.take()].concat();
        let archive = rawzip::ZipArchive::from_slice(&bytes).unwrap();
        let mut entries = archive.entries();
        for name in names {
            let entry = entries.next_entry().unwrap().unwrap();
            assert_eq!(entry.file_path().as_ref(), name.as_bytes());
            assert_eq!(entry.flags().is_utf8(), !name.is_ascii(), "{name}");
        }
    }
}
