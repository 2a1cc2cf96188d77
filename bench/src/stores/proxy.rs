//! The turn of a server that stands between its clients and the store.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::measures::{
    FIRST_BYTE, LARGE_DOWNLOAD, LARGE_UPLOAD, PEAK_MEMORY, TEMPORARY, WAYS, WRITTEN, Way,
};
use super::sources::Files;
use super::watch::Watch;
use super::{Turn, garage};
use crate::load::{Action, Batch, Check, Connection, open_many, run_batch};
use crate::pattern::{Content, Contents};
use crate::report::Results;
use crate::servers::{Destination, Peer, Server};
use crate::units::{megabytes, milliseconds, per_second, rate};
use crate::{disk, process};

/// A pass over the small files is repeated until this much time has been measured.
const SMALL_TIME: Duration = Duration::from_secs(1);

/// Starts the server, measures it and stops it.
pub(super) async fn take(peer: &Peer, turn: Turn<'_>, results: &mut Results) -> Result<()> {
    let home = turn.home.join("server");
    let temporary = home.join("tmp");
    fs::create_dir_all(&temporary)?;
    let mut variables = turn.garage.variables();
    variables.set("TMPDIR", &temporary);
    let destination = Destination { location: garage::uri("served").into(), variables };
    let server = peer.start(&home, &destination).await?;
    process::wait_until_quiet(server.running.id()).await?;
    let proxy = Proxy { turn, server, temporary };
    proxy.warm_up().await?;
    proxy.move_large(results).await?;
    for way in &WAYS {
        proxy.move_small(way, results).await?;
    }
    proxy.server.running.stop().await
}

/// The server with its surroundings.
#[derive(Debug)]
struct Proxy<'a> {
    turn: Turn<'a>,
    server: Server,
    /// Its TMPDIR.
    temporary: PathBuf,
}

impl Proxy<'_> {
    async fn warm_up(&self) -> Result<()> {
        let connections = self.connect(WAYS[0].at_once).await?;
        let batch = self.batch(&Files::warm_up(), Action::Upload);
        let connections = run_batch(connections, &batch).await?;
        run_batch(connections, &Batch { action: Action::Download(Check::Content), ..batch })
            .await?;
        disk::sync();
        Ok(())
    }

    async fn move_large(&self, results: &mut Results) -> Result<()> {
        let name = self.server.kind.name();
        let content = Content::of_size(self.turn.sizes.large_bytes);
        let target = self.server.kind.target("large.bin");
        let id = self.server.running.id();
        process::reset_peaks(id)?;
        let written = process::written_to_disk(id)?;
        let watch = Watch::start(self.temporary.clone());

        let mut connection = self.open().await?;
        let begin = Instant::now();
        connection.upload(&target, content).await?;
        results.add(&LARGE_UPLOAD, name, rate(content.size, begin.elapsed()));
        disk::sync();

        // Anew, since a server may close a connection that idled while the disk was busy.
        let mut connection = self.open().await?;
        let begin = Instant::now();
        let first_byte = connection.download(&target, content, Check::Length).await?;
        results.add(&LARGE_DOWNLOAD, name, rate(content.size, begin.elapsed()));
        results.add(&FIRST_BYTE, name, milliseconds(first_byte));

        results.add(&TEMPORARY, name, megabytes(watch.peak()?));
        let written = process::written_to_disk(id)?.saturating_sub(written);
        results.add(&WRITTEN, name, megabytes(written));
        results.add(&PEAK_MEMORY, name, megabytes(process::peak_memory(id)?));
        if self.turn.first {
            connection.download(&target, content, Check::Content).await?;
        }
        disk::sync();
        Ok(())
    }

    async fn move_small(&self, way: &'static Way, results: &mut Results) -> Result<()> {
        let name = self.server.kind.name();
        let files = Files::small(way, self.turn.sizes);
        let mut batch = self.batch(&files, Action::Upload);
        let mut connections = self.connect(way.at_once).await?;
        let begin = Instant::now();
        let mut count = 0;
        while begin.elapsed() < SMALL_TIME {
            connections = run_batch(connections, &batch).await?;
            count += batch.numbers.len();
            // The next pass brings new files, so that none is replaced.
            batch.numbers = batch.numbers.end..batch.numbers.end + files.numbers.len();
        }
        results.add(&way.upload, name, per_second(count, begin.elapsed()));
        disk::sync();

        let mut connections = self.connect(way.at_once).await?;
        batch.numbers = files.numbers;
        batch.action = Action::Download(Check::Length);
        let begin = Instant::now();
        let mut count = 0;
        while begin.elapsed() < SMALL_TIME {
            connections = run_batch(connections, &batch).await?;
            count += batch.numbers.len();
        }
        results.add(&way.download, name, per_second(count, begin.elapsed()));
        if self.turn.first {
            batch.action = Action::Download(Check::Content);
            run_batch(connections, &batch).await?;
        }
        Ok(())
    }

    async fn open(&self) -> Result<Connection> {
        Connection::open(self.server.running.address, self.turn.pattern.clone()).await
    }

    async fn connect(&self, count: usize) -> Result<Vec<Connection>> {
        open_many(self.server.running.address, self.turn.pattern, count).await
    }

    fn batch(&self, files: &Files, action: Action) -> Batch {
        Batch {
            folder: self.server.kind.target(files.folder),
            numbers: files.numbers.clone(),
            contents: Contents::Distinct,
            size: files.size,
            action,
        }
    }
}
