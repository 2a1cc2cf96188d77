//! Listings: one folder, or all files below one.

use super::{Local, is_absent, type_of};
use crate::{
    ArtifactError, ArtifactPath, Entry, ListOptions, Listing, MAX_RECURSIVE_RESULTS, PageToken,
    path::is_hidden,
};
use cap_std::fs::{Dir, FileType};
use std::{cmp::Ordering, io};

impl Local {
    /// Lists a folder; `None` is the root. What is not there, and what is a file, is empty.
    pub(crate) fn list(
        &self,
        folder: Option<&ArtifactPath>,
        options: &ListOptions,
    ) -> Result<Listing, ArtifactError> {
        let root = &self.opened().root;
        let opened = match folder {
            None => root.try_clone().map_err(ArtifactError::Io),
            Some(folder) => {
                root.open_dir(folder.as_str()).map_err(|error| super::explain(error, folder))
            }
        };
        let prefix = folder.map(ArtifactPath::as_str);
        let dir = match opened {
            Err(ArtifactError::NotFound(_)) => return Ok(Listing::default()),
            opened => opened?,
        };
        let mut page = Page::new(options);
        if options.recursive {
            Walk { root, prefix }.files_below(&dir, "", &mut page)?;
        } else {
            Walk { root, prefix }.entries_of(&dir, &mut page)?;
        }
        Ok(page.finish())
    }
}

/// The entries of one answer.
struct Page<'a> {
    after: Option<&'a str>,
    max_results: usize,
    entries: Vec<Entry>,
    has_more: bool,
}

impl<'a> Page<'a> {
    fn new(options: &'a ListOptions) -> Self {
        let max_results = match options.max_results {
            Some(max_results) if options.recursive => max_results.min(MAX_RECURSIVE_RESULTS),
            Some(max_results) => max_results,
            None if options.recursive => MAX_RECURSIVE_RESULTS,
            None => usize::MAX,
        };
        let after = options.after.as_ref().map(|PageToken(path)| path.as_str());
        Self { after, max_results, entries: Vec::new(), has_more: false }
    }

    fn is_before(&self, path: &str) -> bool {
        self.after.is_some_and(|after| compare(path, after) != Ordering::Greater)
    }

    /// Whether all that lies below `folder` was on earlier pages.
    fn is_whole_before(&self, folder: &str) -> bool {
        self.after.is_some_and(|after| {
            let holds_after = after.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            !holds_after && compare(folder, after) == Ordering::Less
        })
    }

    /// Whether there is room; if not, there is another page.
    fn has_room(&mut self) -> bool {
        self.has_more = self.entries.len() >= self.max_results;
        !self.has_more
    }

    fn finish(self) -> Listing {
        let last = self.entries.last().filter(|_| self.has_more);
        let next = last.map(|last| PageToken(last.path.clone()));
        Listing { entries: self.entries, next }
    }
}

/// Compares paths name by name, as a walk meets them.
fn compare(left: &str, right: &str) -> Ordering {
    left.split('/').cmp(right.split('/'))
}

/// A name in a folder, as far as the folder itself tells.
struct Name {
    name: String,
    file_type: FileType,
}

struct Walk<'a> {
    root: &'a Dir,
    /// Path of the listed folder; `None` is the root.
    prefix: Option<&'a str>,
}

impl Walk<'_> {
    fn entries_of(&self, dir: &Dir, page: &mut Page<'_>) -> io::Result<()> {
        for Name { name, file_type } in names_of(dir)? {
            if page.is_before(&name) {
                continue;
            }
            if !page.has_room() {
                break;
            }
            let entry = if file_type.is_dir() {
                Some(Entry { path: name, size: None })
            } else {
                self.entry(dir, "", &name, file_type)?
            };
            page.entries.extend(entry);
        }
        Ok(())
    }

    fn files_below(&self, dir: &Dir, below: &str, page: &mut Page<'_>) -> io::Result<()> {
        for Name { name, file_type } in names_of(dir)? {
            let path = join(below, &name);
            if file_type.is_dir() {
                if page.is_whole_before(&path) {
                    continue;
                }
                match dir.open_dir(&name) {
                    Ok(folder) => self.files_below(&folder, &path, page)?,
                    Err(error) if is_absent(&error) => {}
                    Err(error) => return Err(error),
                }
            } else if !page.is_before(&path) {
                if !page.has_room() {
                    return Ok(());
                }
                let entry = self.entry(dir, below, &name, file_type)?;
                // Links to folders are not walked: they could lead in a circle.
                page.entries.extend(entry.filter(|entry| entry.size.is_some()));
            }
            if page.has_more {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A file or link as it is listed. Links are followed inside the root; what leads outside or
    /// nowhere is left out, as is what vanished since the folder was read.
    fn entry(
        &self,
        dir: &Dir,
        below: &str,
        name: &str,
        file_type: FileType,
    ) -> io::Result<Option<Entry>> {
        let path = join(below, name);
        let metadata = if file_type.is_symlink() {
            // From the root, since a link may lead to a sibling of the folder it is in.
            let full =
                self.prefix.map_or_else(|| path.clone(), |prefix| format!("{prefix}/{path}"));
            match self.root.metadata(full) {
                Err(_) => return Ok(None),
                metadata => metadata,
            }
        } else {
            dir.symlink_metadata(name)
        };
        match metadata {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Entry { path, size: None })),
            Ok(metadata) if metadata.is_file() => {
                Ok(Some(Entry { path, size: Some(metadata.len()) }))
            }
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}

/// The names in a folder that a client can address, sorted.
fn names_of(dir: &Dir) -> io::Result<Vec<Name>> {
    let entries = match dir.entries() {
        // The folder was deleted after it was opened.
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        // No URL reaches a name that is not UTF-8.
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_hidden(&name) {
            continue;
        }
        if let Some(file_type) = type_of(&entry)? {
            names.push(Name { name, file_type });
        }
    }
    names.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(names)
}
