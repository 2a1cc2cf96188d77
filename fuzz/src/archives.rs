//! Archives that are unpacked: nothing is stored but below their folder, and all that is said to be stored is.

use bytes::Bytes;
use futures_util::stream;
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Destination, ExtractFormat, ExtractOptions, Extracted,
    ListOptions, Service, StoreSettings,
};
use std::{collections::BTreeSet, convert::Infallible, fs, path::Path};

/// Bytes of a member that are stored; larger ones would only take time.
const MAX_BYTES: u64 = 64 * 1024;
/// The folder that archives are unpacked into.
const FOLDER: &str = "in";

/// Unpacks the bytes as the kind of archive that they look like, at a destination of their own.
pub fn check(data: &[u8]) {
    let format = match data {
        [0x1f, 0x8b, ..] => ExtractFormat::TarGz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ExtractFormat::TarZst,
        _ => ExtractFormat::Tar,
    };
    let around = tempfile::tempdir().expect("there should be room for a folder");
    let root = around.path().join("root");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there should be a runtime").block_on(unpack(data, format, &root));
    assert_eq!(names_in(around.path()), ["root"].map(str::to_owned).into());
    assert!(names_in(&root).is_subset(&[FOLDER, ".mlferry-staging"].map(str::to_owned).into()));
}

async fn unpack(data: &[u8], format: ExtractFormat, root: &Path) {
    let destination = Destination::Local(root.to_owned());
    let service = Service::open(&destination, &StoreSettings::default()).await;
    let service = service.expect("the folder should be good");
    let folder = ArtifactPath::parse(FOLDER).expect("the folder should be one");
    // In pieces, so that whatever is cut in the middle is put together again.
    let pieces: Vec<_> = data.chunks(700).map(Bytes::copy_from_slice).collect();
    let body = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    let options = ExtractOptions { format, max_bytes: Some(MAX_BYTES) };
    let stored = match service.extract(&folder, body, options).await {
        Ok(stored) => stored,
        Err(error) => {
            assert!(!matches!(error.reason, ArtifactError::Io(_)), "{error}");
            error.stored
        }
    };
    let all = ListOptions { recursive: true, ..ListOptions::default() };
    let entries = service.list(Some(folder), all).await.map(|listing| listing.entries);
    let sizes: Vec<u64> =
        entries.unwrap_or_default().iter().filter_map(|entry| entry.size).collect();
    let listed = Extracted { files: sizes.len() as u64, bytes: sizes.iter().sum() };
    assert_eq!(listed, stored);
    service.close().await;
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
