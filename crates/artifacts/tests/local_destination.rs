//! The artifact service on a folder of this machine.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Destination, ExpectedDigest, ListOptions, PageToken, PutCondition,
    PutOptions, Service, StoreSettings, Wanted,
};
use std::{fs, io, os::unix::fs::symlink, path::Path};
use tempfile::TempDir;

struct Fixture {
    folder: TempDir,
    service: Service,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let destination = Destination::Local(root);
        let service = Service::open(&destination, &StoreSettings::default()).await.unwrap();
        Self { folder, service }
    }

    fn on_disk(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join("root").join(path)
    }

    async fn put(&self, path: &str, content: &[u8]) -> Result<(), ArtifactError> {
        self.put_with(path, content, PutOptions::default()).await
    }

    async fn put_with(
        &self,
        path: &str,
        content: &[u8],
        options: PutOptions,
    ) -> Result<(), ArtifactError> {
        let chunks: Vec<io::Result<Bytes>> =
            content.chunks(100_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let path = ArtifactPath::parse_file(path).unwrap();
        self.service.put(path, stream::iter(chunks), options).await.map(|_| ())
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, ArtifactError> {
        let artifact = self.service.get(ArtifactPath::parse(path).unwrap(), Wanted::Whole).await?;
        let size = artifact.metadata().size;
        let pieces: Vec<Bytes> = artifact.read(0..size).try_collect().await?;
        Ok(pieces.concat())
    }

    async fn list(&self, folder: &str, options: ListOptions) -> (Vec<String>, Option<PageToken>) {
        let folder = ArtifactPath::parse_folder(folder).unwrap();
        let listing = self.service.list(folder, options).await.unwrap();
        (listing.entries.into_iter().map(|entry| entry.path).collect(), listing.next)
    }

    /// Files in the staging folder, besides those that are there to be locked.
    fn staged(&self) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let entries = entries.filter(|entry| entry.file_name() != "lock");
            entries.map(|e| if e.path().is_dir() { count(&e.path()) } else { 1 }).sum()
        }
        count(&self.on_disk(".mlferry-staging"))
    }

    /// What breaks off is removed by a thread of its own.
    async fn until_nothing_is_staged(&self) {
        for _ in 0..500 {
            if self.staged() == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("a staged file stays");
    }
}

#[tokio::test]
async fn what_is_stored_is_read_and_lies_under_its_plain_name() {
    let fixture = Fixture::new().await;
    let large: Vec<u8> = (0..3_000_001_u32).map(|i| (i % 251) as u8).collect();
    for (path, content) in
        [("0/r/artifacts/a.txt", &b"hi"[..]), ("empty", b""), ("x/large", &large)]
    {
        fixture.put(path, content).await.unwrap();
        assert_eq!(fixture.read(path).await.unwrap(), content);
        assert_eq!(fs::read(fixture.on_disk(path)).unwrap(), content);
    }
    assert_eq!(fixture.staged(), 0);
    fixture.service.clone().close().await;
    assert!(!fs::exists(fixture.on_disk(".mlferry-staging")).unwrap());
}

#[tokio::test]
async fn a_range_is_read_and_nothing_else() {
    let fixture = Fixture::new().await;
    let content: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 253) as u8).collect();
    fixture.put("f", &content).await.unwrap();
    let artifact =
        fixture.service.get(ArtifactPath::parse("f").unwrap(), Wanted::Some).await.unwrap();
    for range in [0..0, 0..1, 5..700_000, 1_999_999..2_000_000] {
        let pieces: Vec<Bytes> = artifact.read(range.clone()).try_collect().await.unwrap();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert!(pieces.concat() == content[range.clone()], "{range:?}");
    }
    assert!(artifact.read(1_999_999..2_000_001).try_collect::<Vec<_>>().await.is_err());
}

#[tokio::test]
async fn replacing_a_file_changes_its_entity_tag_even_at_once_and_at_the_same_size() {
    let fixture = Fixture::new().await;
    let mut etags = std::collections::HashSet::new();
    for _ in 0..200 {
        fixture.put("f", b"same").await.unwrap();
        let artifact =
            fixture.service.get(ArtifactPath::parse("f").unwrap(), Wanted::Some).await.unwrap();
        etags.insert(artifact.metadata().etag().map(str::to_owned));
    }
    assert_eq!(etags.len(), 200);
}

#[tokio::test]
async fn a_broken_or_refused_upload_leaves_nothing() {
    let fixture = Fixture::new().await;
    let broken = stream::iter([Ok(Bytes::from(vec![1; 700_000])), Err(io::Error::other("cut"))]);
    let path = ArtifactPath::parse("new/f").unwrap();
    let result = fixture.service.put(path, broken, PutOptions::default()).await;
    assert!(matches!(result, Err(ArtifactError::BodyIncomplete(_))));

    let wrong = ExpectedDigest::md5("AAAAAAAAAAAAAAAAAAAAAA==").unwrap();
    let options = PutOptions { digests: vec![wrong], ..PutOptions::default() };
    let result = fixture.put_with("new/f", b"x", options).await;
    assert!(matches!(result, Err(ArtifactError::DigestMismatch { .. })));

    let options = PutOptions { max_bytes: Some(3), ..PutOptions::default() };
    let result = fixture.put_with("new/f", b"four", options).await;
    assert!(matches!(result, Err(ArtifactError::TooLarge { limit: 3 })));

    fixture.until_nothing_is_staged().await;
    assert!(!fs::exists(fixture.on_disk("new")).unwrap());
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing() {
    let fixture = Fixture::new().await;
    let endless =
        stream::iter([Ok::<_, io::Error>(Bytes::from(vec![1; 700_000]))]).chain(stream::pending());
    let put =
        fixture.service.put(ArtifactPath::parse("f").unwrap(), endless, PutOptions::default());
    let timeout = tokio::time::timeout(std::time::Duration::from_millis(200), put).await;
    assert!(timeout.is_err());
    fixture.until_nothing_is_staged().await;
}

#[tokio::test]
async fn conflicts_are_told_apart() {
    let fixture = Fixture::new().await;
    fixture.put("folder/file", b"x").await.unwrap();
    assert!(matches!(fixture.put("folder", b"y").await, Err(ArtifactError::FolderInTheWay(_))));
    assert!(matches!(
        fixture.put("folder/file/z", b"y").await,
        Err(ArtifactError::FileInTheWay(_))
    ));
    assert!(matches!(fixture.read("folder").await, Err(ArtifactError::IsFolder(_))));
    assert!(matches!(fixture.read("none").await, Err(ArtifactError::NotFound(_))));
    assert!(matches!(fixture.read("folder/file/z").await, Err(ArtifactError::NotFound(_))));
    let long = vec!["a".repeat(200); 25].join("/");
    assert!(matches!(fixture.put(&long, b"y").await, Err(ArtifactError::PathTooLong(_))));
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let fixture = Fixture::new().await;
    let creators = (0..32_u8).map(|i| {
        let options = PutOptions { condition: PutCondition::Absent, ..PutOptions::default() };
        let fixture = &fixture;
        async move { fixture.put_with("f", &[i], options).await }
    });
    let results = futures_util::future::join_all(creators).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| matches!(error, ArtifactError::PreconditionFailed(_)))
    );
}

#[tokio::test]
async fn listings_are_sorted_paged_and_recursive() {
    let fixture = Fixture::new().await;
    for path in ["b/z", "b/a/deep", "a.txt", "a/x", "a-b", "c"] {
        fixture.put(path, b"1").await.unwrap();
    }
    let all = ["a", "a-b", "a.txt", "b", "c"];
    assert_eq!(
        fixture.list("", ListOptions::default()).await,
        (all.map(String::from).into(), None)
    );
    assert_eq!(fixture.list("none", ListOptions::default()).await.0.len(), 0);
    assert_eq!(fixture.list("c", ListOptions::default()).await.0.len(), 0);

    for recursive in [false, true] {
        let whole = fixture.list("", ListOptions { recursive, ..Default::default() }).await.0;
        for max_results in 1..=7 {
            let mut paged = Vec::new();
            let mut after = None;
            loop {
                let options = ListOptions {
                    recursive,
                    max_results: Some(max_results),
                    after,
                    ..Default::default()
                };
                let (page, next) = fixture.list("", options).await;
                assert!(page.len() <= max_results);
                paged.extend(page);
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(paged, whole, "pages of {max_results}");
        }
    }
    let tree = fixture.list("", ListOptions { recursive: true, ..Default::default() }).await.0;
    assert_eq!(tree, ["a/x", "a-b", "a.txt", "b/a/deep", "b/z", "c"]);
}

#[tokio::test]
async fn no_link_leads_outside() {
    let fixture = Fixture::new().await;
    let outside = fixture.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "s").unwrap();
    fixture.put("in/f", b"x").await.unwrap();
    symlink(&outside, fixture.on_disk("out")).unwrap();
    symlink(outside.join("secret"), fixture.on_disk("secret")).unwrap();
    symlink("nowhere", fixture.on_disk("dangling")).unwrap();
    symlink("in/f", fixture.on_disk("inner")).unwrap();
    symlink("../in", fixture.on_disk("in/loop")).unwrap();

    for path in ["out/secret", "secret"] {
        assert!(matches!(fixture.read(path).await, Err(ArtifactError::OutsideRoot)), "{path}");
    }
    assert!(matches!(fixture.put("out/new", b"x").await, Err(ArtifactError::OutsideRoot)));
    assert!(matches!(fixture.put("secret", b"x").await, Err(ArtifactError::OutsideRoot)));
    let folder = ArtifactPath::parse_folder("out").unwrap();
    let listed = fixture.service.list(folder, ListOptions::default()).await;
    assert!(matches!(listed, Err(ArtifactError::OutsideRoot)));
    let inside = fixture.service.delete(ArtifactPath::parse("out/secret").unwrap()).await;
    assert!(matches!(inside, Err(ArtifactError::OutsideRoot)));

    assert_eq!(fixture.read("inner").await.unwrap(), b"x");
    assert_eq!(fixture.list("", ListOptions::default()).await.0, ["in", "inner"]);
    let tree = fixture.list("", ListOptions { recursive: true, ..Default::default() }).await.0;
    assert_eq!(tree, ["in/f", "inner"]);

    fixture.service.delete(ArtifactPath::parse("out").unwrap()).await.unwrap();
    assert!(!fixture.on_disk("out").is_symlink());
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "s");
}

#[tokio::test]
async fn deleting_is_recursive_and_repeatable() {
    let fixture = Fixture::new().await;
    fixture.put("a/b/c", b"x").await.unwrap();
    fixture.put("a/d", b"x").await.unwrap();
    for path in ["a/b", "a/b", "none", "a/d/below-a-file", "a"] {
        fixture.service.delete(ArtifactPath::parse(path).unwrap()).await.unwrap();
    }
    assert!(!fs::exists(fixture.on_disk("a")).unwrap());
}

#[tokio::test]
async fn uploads_go_on_after_the_folder_was_removed() {
    let fixture = Fixture::new().await;
    fixture.put("a", b"1").await.unwrap();
    fs::remove_dir_all(fixture.on_disk("")).unwrap();
    assert_eq!(fixture.list("", ListOptions::default()).await.0.len(), 0);
    fixture.put("b", b"2").await.unwrap();
    assert_eq!(fixture.read("b").await.unwrap(), b"2");
}

#[tokio::test]
async fn a_destination_below_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let destination = Destination::Local(folder.path().join("file/x"));
    let error = Service::open(&destination, &StoreSettings::default()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot write to the artifact destination"));
}
