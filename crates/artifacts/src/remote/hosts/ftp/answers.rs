//! What FTP hosts answer about files and folders.

use super::super::{Found, Kind};
use jiff::{civil::DateTime, tz::TimeZone};
use std::time::SystemTime;
use suppaftp::{FtpError, FtpResult, Status, list::ListParser, tokio::AsyncFtpStream};
use tokio::io::BufReader;

/// What a host answers to a command that it does not know.
const UNKNOWN: [Status; 4] = [
    Status::BadCommand,
    Status::BadArguments,
    Status::NotImplemented,
    Status::NotImplementedParameter,
];

/// A path as the host knows it.
pub(super) fn at(path: &str) -> String {
    format!("/{path}")
}

pub(super) fn is_unknown(error: &FtpError) -> bool {
    matches!(error, FtpError::UnexpectedResponse(response) if UNKNOWN.contains(&response.status))
}

/// Reads a line of `MLSD`: `type=file;size=5;modify=20260131120000; name`, but none of the folder itself
/// or the one above.
fn read_facts(line: &str) -> Option<(&str, Found)> {
    let (name, found, is_of_dots) = read(line)?;
    (!is_of_dots).then_some((name, found))
}

/// Reads the line of `MLST` about a single path, of which a folder may say that it is the current one.
fn read_facts_of_path(line: &str) -> Option<Found> {
    read(line.trim_start()).map(|(_, found, _)| found)
}

/// The name, what is said of it, and whether that is said of a current folder or the one above.
fn read(line: &str) -> Option<(&str, Found, bool)> {
    let (facts, name) = line.split_once(' ')?;
    let mut found = Found { kind: Kind::File, size: 0, modified: SystemTime::UNIX_EPOCH };
    let mut is_of_dots = false;
    for (fact, value) in facts.split(';').filter_map(|fact| fact.split_once('=')) {
        match fact.to_ascii_lowercase().as_str() {
            "type" => match value.to_ascii_lowercase().as_str() {
                "dir" => found.kind = Kind::Folder,
                "cdir" | "pdir" => (found.kind, is_of_dots) = (Kind::Folder, true),
                // `OS.unix=slink:target`, or `symlink`.
                kind if kind.starts_with("os.unix=s") => found.kind = Kind::Link,
                _ => {}
            },
            // What can't be read hides no name.
            "size" => found.size = value.parse().unwrap_or_default(),
            "modify" => found.modified = read_time(value).unwrap_or(SystemTime::UNIX_EPOCH),
            _ => {}
        }
    }
    Some((name, found, is_of_dots))
}

/// Reads `20260131120000.123`.
fn read_time(text: &str) -> Option<SystemTime> {
    let seconds = text.split('.').next()?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}

/// One folder, in the words of `MLSD` or, where the host does not know it, of `LIST`.
///
/// The folder is entered first: in an argument, hosts may take characters of names for patterns or options.
pub(super) async fn list(
    connection: &mut AsyncFtpStream,
    folder: &str,
) -> FtpResult<Vec<(String, Found)>> {
    connection.cwd(at(folder)).await?;
    let opened = [Status::AboutToSend, Status::AlreadyOpen];
    let (command, lines) = match connection.custom_data_command("MLSD", &opened).await {
        Ok((_, data)) => ("MLSD", data),
        Err(error) if is_unknown(&error) => {
            ("LIST", connection.custom_data_command("LIST -a", &opened).await?.1)
        }
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(lines);
    let listed = AsyncFtpStream::get_lines_from_stream(&mut lines).await?;
    lines.into_inner().finish().await?;
    let entries = listed.iter().filter_map(|line| {
        if command == "MLSD" {
            return read_facts(line).map(|(name, found)| (name.to_owned(), found));
        }
        let file = ListParser::parse_posix(line).or_else(|_| ListParser::parse_dos(line)).ok()?;
        let kind = match &file {
            file if file.is_symlink() => Kind::Link,
            file if file.is_directory() => Kind::Folder,
            _ => Kind::File,
        };
        let found = Found { kind, size: file.size() as u64, modified: file.modified() };
        Some((file.name().to_owned(), found))
    });
    Ok(entries.filter(|(name, _)| name != "." && name != "..").collect())
}

pub(super) async fn look(connection: &mut AsyncFtpStream, path: &str) -> FtpResult<Found> {
    let command = format!("MLST {}", at(path));
    match connection.custom_command(command, &[Status::RequestedFileActionOk]).await {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            // The first and the last line only quote the path.
            let facts = text.lines().skip(1).find(|line| line.contains('='));
            let found = facts.and_then(read_facts_of_path).ok_or(FtpError::BadResponse)?;
            // What a link leads to is found out by asking for it.
            if found.kind != Kind::Link {
                return Ok(found);
            }
        }
        Err(error) if is_unknown(&error) => {}
        Err(error) => return Err(error),
    }
    match connection.size(at(path)).await {
        Ok(size) => {
            let modified = connection.mdtm(at(path)).await;
            let modified = modified.map_or(SystemTime::UNIX_EPOCH, |time| time.and_utc().into());
            Ok(Found { kind: Kind::File, size: size as u64, modified })
        }
        Err(FtpError::UnexpectedResponse(_)) => {
            connection.cwd(at(path)).await?;
            Ok(Found { kind: Kind::Folder, size: 0, modified: SystemTime::UNIX_EPOCH })
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_listing_are_read_with_their_names_as_they_are() {
        let (name, found) =
            read_facts("type=file;size=5;modify=20260131120000;perm=r;  a; b ").unwrap();
        assert_eq!((name, found.kind, found.size), (" a; b ", Kind::File, 5));
        let seconds = found.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds, 1_769_860_800);
        assert_eq!(
            read_facts("Type=dir;Modify=20260131120000.123; d").unwrap().1.kind,
            Kind::Folder
        );
        let (_, found) = read_facts("type=OS.unix=slink:/x;size=many;modify=lately; l").unwrap();
        assert_eq!(
            found,
            Found { kind: Kind::Link, size: 0, modified: SystemTime::UNIX_EPOCH },
            "no fact hides a name"
        );
        for line in ["type=cdir; .", "type=pdir; ..", "nothing", ""] {
            assert_eq!(read_facts(line), None, "{line}");
        }
    }

    #[test]
    fn a_folder_that_was_asked_for_is_one_in_any_spelling() {
        for line in [" type=cdir;modify=20260131120000; /d", "Type=CDir; type=cdir", "TYPE=dir; /d"]
        {
            assert_eq!(read_facts_of_path(line).unwrap().kind, Kind::Folder, "{line}");
        }
        assert_eq!(read_facts_of_path("Type=file; type=cdir").unwrap().kind, Kind::File);
    }
}
