//! A folder as zip: compressed member by member, with what is known only at its end behind it.

use super::{
    MAX_MEMBERS,
    outlet::Outlet,
    walk::{Member, Walk},
};
use bytes::Bytes;
use flate2::{Compression, write::DeflateEncoder};
use rawzip::{
    CompressionMethod, Header, ZipArchiveWriter, ZipEntryWriter,
    extra_fields::ExtraFieldId,
    path::{EntryPath, ZipFilePath},
    time::UtcDateTime,
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
/// Info-ZIP's field for a name in Unicode.
const UNICODE_PATH: ExtraFieldId = ExtraFieldId::new(0x7075);

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
        compress(entry, member, &written, &mut outlet).await?;
    }
    archive.finish().map_err(io::Error::other)?;
    outlet.pass(written.take()).await?;
    outlet.flush().await
}

fn begin<'a>(archive: &'a mut ZipArchiveWriter<Written>, member: &Member) -> io::Result<Entry<'a>> {
    let modified = i64::try_from(member.modified_seconds()).unwrap_or(0);
    let (path, unicode) = path_of(&member.name);
    let mut file = archive
        .new_file(path)
        .compression_method(CompressionMethod::DEFLATE)
        .unix_permissions(MODE)
        .last_modified(UtcDateTime::from_unix(modified));
    if let Some(unicode) = unicode {
        file = file
            .extra_field(UNICODE_PATH, &unicode, Header::default())
            .map_err(io::Error::other)?;
    }
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

/// A name as the library takes it. Where it would rewrite it, as it does with `:`, it is given as
/// bytes, which are said to be UTF-8 in a field of their own.
fn path_of(name: &str) -> (EntryPath<'_>, Option<Vec<u8>>) {
    if ZipFilePath::from_str(name).as_str() == name {
        return (EntryPath::conformant(name), None);
    }
    let unicode = (!name.is_ascii()).then(|| {
        let mut field = vec![1];
        field.extend_from_slice(&rawzip::crc32(name.as_bytes()).to_le_bytes());
        field.extend_from_slice(name.as_bytes());
        field
    });
    (EntryPath::verbatim(name.as_bytes()), unicode)
}

/// What the library has written and nobody has sent yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
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
    fn names_are_written_as_they_are() {
        for name in
            ["top/a", "top/日本.txt", "top/step:3/x", "top/a\\b", "top/日本:1", "C:x/y", "t/a "]
        {
            let written = Written::default();
            let mut archive = ZipArchiveWriter::new(written.clone());
            let (path, _) = path_of(name);
            let (mut entry, config) = archive.new_file(path).start().unwrap();
            let (_, descriptor) = config.wrap(&mut entry).finish().unwrap();
            entry.finish(descriptor).unwrap();
            archive.finish().unwrap();
            let bytes = written.take();
            let archive = rawzip::ZipArchive::from_slice(&bytes).unwrap();
            let entry = archive.entries().next_entry().unwrap().unwrap();
            assert_eq!(entry.file_path().as_ref(), name.as_bytes());
        }
    }
}
