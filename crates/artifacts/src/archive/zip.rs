//! A folder as zip: compressed member by member, with what is known only at its end behind it.

use super::{
    MAX_MEMBERS,
    deflate::{Encoder, Method, ZIP64_BYTES},
    outlet::Outlet,
    walk::{Member, Walk},
};
use bytes::Bytes;
use rawzip::{
    CompressionMethod, Header, ZipArchiveWriter, ZipEntryWriter, extra_fields::ExtraFieldId,
    path::EntryPath, time::UtcDateTime,
};
use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes that are compressed before others have their turn: less than a millisecond's work.
const SLICE_BYTES: usize = 32 * 1024;
/// A file that whoever unpacks it may write, and everybody may read.
const MODE: u32 = 0o100_644;
/// Where a local header has the version of the format that a reader must know, and the one for sizes of
/// 64 bits.
const LOCAL_VERSION: usize = 4;
const ZIP64_VERSION: u8 = 45;
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
        add(&mut archive, member, &written, &mut outlet).await?;
    }
    finish(archive, &written, outlet).await
}

async fn add(
    archive: &mut ZipArchiveWriter<Written>,
    member: Member,
    written: &Written,
    outlet: &mut Outlet,
) -> io::Result<()> {
    let method = Method::of(member.size);
    let entry = begin(archive, &member, method)?;
    written.with(|header| {
        if !member.name.is_ascii() {
            header[LOCAL_FLAGS] |= IS_UTF8;
        }
        if method.is_zip64() {
            header[LOCAL_VERSION] = ZIP64_VERSION;
        }
    });
    compress(entry, member, method, written, outlet).await
}

/// A name that leads nowhere else where a backslash divides names, as on Windows: what would is written in
/// percent sequences.
fn inside(name: &str) -> Cow<'_, str> {
    let has_drive =
        matches!(name.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    let leads_out = name.starts_with('\\') || name.contains("\\..") || name.contains("..\\");
    match (has_drive, leads_out) {
        (false, false) => Cow::Borrowed(name),
        (false, true) => name.replace('\\', "%5C").into(),
        (true, _) => name.replace('\\', "%5C").replacen(':', "%3A", 1).into(),
    }
}

async fn finish(
    archive: ZipArchiveWriter<Written>,
    written: &Written,
    mut outlet: Outlet,
) -> io::Result<()> {
    archive.finish().map_err(io::Error::other)?;
    written.with(|list| mark_names(list));
    outlet.pass(written.take()).await?;
    outlet.flush().await
}

fn begin<'a>(
    archive: &'a mut ZipArchiveWriter<Written>,
    member: &Member,
    method: Method,
) -> io::Result<Entry<'a>> {
    let modified = i64::try_from(member.modified_seconds()).unwrap_or(0);
    let name = inside(&member.name);
    let mut file = archive
        // As it is: the library would rewrite names with `:` and others.
        .new_file(EntryPath::verbatim(name.as_bytes()))
        .compression_method(CompressionMethod::DEFLATE)
        .unix_permissions(MODE)
        .last_modified(UtcDateTime::from_unix(modified));
    if method.is_zip64() {
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
    method: Method,
    written: &Written,
    outlet: &mut Outlet,
) -> io::Result<()> {
    let mut data = config.wrap(Encoder::new(method, &mut entry));
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
    let (mut encoder, descriptor) = data.finish().map_err(io::Error::other)?;
    while !encoder.fill(SLICE_BYTES as u64)? {
        outlet.pass(written.take()).await?;
    }
    encoder.finish()?;
    // What follows has as many bits as the header has said.
    let sizes = [descriptor.uncompressed_size(), entry.compressed_bytes()];
    if sizes.iter().any(|size| *size >= ZIP64_BYTES) != method.is_zip64() {
        return Err(io::Error::other(format!("'{}': its size has changed", member.name)));
    }
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
    use super::{super::outlet::stream_of, *};
    use futures_util::{StreamExt, TryStreamExt, stream};
    use std::time::SystemTime;

    /// A file of zeros that are nowhere.
    fn zeros(name: &str, size: u64) -> Member {
        let piece = Bytes::from(vec![0; 1 << 20]);
        let pieces = stream::unfold(size, move |left| {
            let length = left.min(piece.len() as u64);
            let piece = piece.slice(..usize::try_from(length).unwrap());
            async move { (length > 0).then(|| (Ok(piece), left - length)) }
        });
        Member::new(name.to_owned(), size, SystemTime::UNIX_EPOCH, pieces.boxed())
    }

    /// The beginning and the end of an archive of two files, and its length.
    async fn ends_of(members: [Member; 2]) -> (Vec<u8>, Vec<u8>, u64) {
        let mut stream = Box::pin(stream_of(|mut outlet| async move {
            let written = Written::default();
            let mut archive = ZipArchiveWriter::new(written.clone());
            for member in members {
                add(&mut archive, member, &written, &mut outlet).await?;
            }
            finish(archive, &written, outlet).await
        }));
        let (mut head, mut tail, mut length) = (Vec::new(), Vec::new(), 0);
        while let Some(piece) = stream.try_next().await.unwrap() {
            length += piece.len() as u64;
            head.extend_from_slice(&piece[..piece.len().min(1000 - head.len().min(1000))]);
            tail.extend_from_slice(&piece);
            tail.drain(..tail.len().saturating_sub(1000));
        }
        (head, tail, length)
    }

    fn number(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// What stands where sizes are written must be the same for readers that seek and for those that don't.
    #[tokio::test]
    async fn a_file_of_a_little_less_than_four_gibibytes_has_sizes_of_64_bits_everywhere() {
        let size = ZIP64_BYTES - 1;
        let (head, tail, length) = ends_of([zeros("a", size), zeros("b", 3)]).await;
        assert_eq!(number(&head[4..6]), 45);
        // Its other fields: one of 16 bytes for sizes that are not known yet.
        assert_eq!(head[31..35], [1, 0, 16, 0]);
        let find = |needle: &[u8]| tail.windows(needle.len()).position(|found| found == needle);
        // Behind its bytes, just before the next header.
        let next = find(b"PK\x03\x04").unwrap();
        let sizes = &tail[next - 24..next];
        assert_eq!(&sizes[..4], b"PK\x07\x08");
        let compressed = number(&sizes[8..16]);
        assert!((ZIP64_BYTES..ZIP64_BYTES + 1_000_000).contains(&compressed), "{compressed}");
        assert_eq!(number(&sizes[16..]), size);
        let list = &tail[find(LISTED).unwrap()..];
        assert_eq!(number(&list[20..24]), 0xffff_ffff);
        assert_eq!(number(&list[24..28]), size);
        // The second one begins where it is said to.
        let second = &list[4..][list[4..].windows(4).position(|found| found == LISTED).unwrap()..];
        let offset = second.windows(4).position(|found| found == [1, 0, 8, 0]).unwrap() + 4;
        let begin = number(&second[offset..offset + 8]);
        assert_eq!(begin, length - (tail.len() - next) as u64);
    }

    #[test]
    fn no_name_leads_out_where_backslashes_divide_names() {
        for (name, written) in [
            ("top/a\\..\\..\\b", "top/a%5C..%5C..%5Cb"),
            ("top/..\\..\\b\\c", "top/..%5C..%5Cb%5Cc"),
            ("top\\../b", "top%5C../b"),
            ("top/b\\.. \\c", "top/b%5C.. %5Cc"),
            ("\\\\host\\share/b", "%5C%5Chost%5Cshare/b"),
            ("\\top/b", "%5Ctop/b"),
            ("C:/b", "C%3A/b"),
            ("c:\\b/d:e", "c%3A%5Cb/d:e"),
        ] {
            assert_eq!(inside(name), written);
        }
        for name in
            ["top/a\\b", "top/..a/b..c", "top/...", "top/C:/b", "step:3/x", "C:x/y", "top/a%5Cb"]
        {
            assert_eq!(inside(name), name);
        }
    }

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
