//! Bodies that are read as a whole: what they take together is bounded, and large ones keep nobody else waiting.
//!
//! One body is bounded by its own limit. A few hundred of that size would fill any machine all the same, so each takes its
//! share of one room as it comes in, and gives it back when its request is answered.

use crate::error::ApiError;
use axum::{
    body::Body,
    extract::{Request, State},
    http::Extensions,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use mlferry_protocol::limits;
use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};
use tokio::sync::Semaphore;

/// Bytes of a body that take no room: what a connection holds anyway while it reads.
const FREE_BYTES: usize = 32 * 1024;
/// Memory that a value of a body takes: less than the two hundred bytes of `limits::BODY_VALUES`, since not all are alive
/// at once.
const VALUE_BYTES: usize = 128;
/// Bytes of a body that is read where it came in, which takes a millisecond. A `log-batch` is
/// rarely larger.
const SHORT_BYTES: usize = 128 * 1024;

/// Bytes that are taken from one connection before others have their turn: tokio counts reads, of which each may bring
/// hundreds of kilobytes where the client is near.
const TURN_BYTES: usize = 256 * 1024;

/// What was taken from one connection since others had their turn.
#[derive(Debug, Default)]
pub(crate) struct Turn(usize);

impl Turn {
    /// Lets others on when many bytes were taken.
    pub(crate) async fn after(&mut self, bytes: usize) {
        if self.is_over_after(bytes) {
            tokio::task::yield_now().await;
        }
    }

    /// Whether so many were taken that others have their turn now.
    pub(crate) fn is_over_after(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        let is_over = self.0 >= TURN_BYTES;
        if is_over {
            self.0 = 0;
        }
        is_over
    }
}

/// Memory for the bodies of one server.
#[derive(Debug, Clone)]
pub(crate) struct BodyRoom(Arc<Room>);

#[derive(Debug)]
struct Room {
    bytes: usize,
    taken: AtomicUsize,
    /// Who may read a large body now: so few that the processors are left to others.
    turns: Semaphore,
}

impl BodyRoom {
    /// Room for so many bytes, which must hold the largest single body and what is made of it.
    pub(crate) fn new(bytes: usize) -> Self {
        let turns = available_parallelism().map_or(1, usize::from).div_ceil(2);
        Self(Arc::new(Room::new(bytes, turns)))
    }

    fn share(&self) -> Arc<Share> {
        Arc::new(Share { room: Arc::clone(&self.0), used: AtomicUsize::new(0) })
    }
}

impl Room {
    fn new(bytes: usize, turns: usize) -> Self {
        Self { bytes, taken: AtomicUsize::new(0), turns: Semaphore::new(turns) }
    }
}

/// Gives a request with a body its share of the room, until it is answered.
pub(crate) async fn share_room(
    State(room): State<BodyRoom>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let share = room.share();
    request.extensions_mut().insert(Arc::clone(&share));
    let response = next.run(request).await;
    drop(share);
    response
}

/// What one request takes of the room.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    used: AtomicUsize,
}

impl Share {
    /// The share of a request. One without a body has none, and gets room that nobody else has.
    pub(crate) fn of(extensions: &Extensions) -> Arc<Self> {
        let given = extensions.get::<Arc<Self>>().cloned();
        given.unwrap_or_else(|| BodyRoom(Arc::new(Room::new(usize::MAX, 1))).share())
    }

    /// Takes room for so many bytes more, or refuses the request for now.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), ApiError> {
        let used = self.used.load(Ordering::Relaxed);
        let more = charged(used + bytes) - charged(used);
        let grow = |taken: usize| {
            let grown = taken.saturating_add(more);
            (grown <= self.room.bytes).then_some(grown)
        };
        let grown = self.room.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow);
        if grown.is_err() {
            return Err(ApiError::too_many_requests(
                "The server reads as many large request bodies as it has memory for. Try again in a moment.",
            ));
        }
        self.used.store(used + bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Does what takes its time on a thread of its own. What is `large` waits for its turn.
    pub(crate) async fn aside<T: Send + 'static>(
        self: Arc<Self>,
        large: bool,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let room = Arc::clone(&self.room);
        // Nobody closes it.
        let turn = if large { room.turns.acquire().await.ok() } else { None };
        let done = tokio::task::spawn_blocking(move || work(&self)).await;
        drop(turn);
        match done.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(result) => result,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => Err(ApiError::new(
                mlferry_protocol::ErrorCode::TemporarilyUnavailable,
                "The server is about to stop.",
            )),
        }
    }

    /// Reads a body with `read`, which takes long where the body is.
    pub(crate) async fn read<T: Send + 'static>(
        self: Arc<Self>,
        body: Bytes,
        read: impl FnOnce(&Self, &[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        if is_short(&body) {
            return read(&self, &body);
        }
        self.aside(true, move |share| read(share, &body)).await
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(charged(*self.used.get_mut()), Ordering::Relaxed);
    }
}

fn charged(bytes: usize) -> usize {
    bytes.saturating_sub(FREE_BYTES)
}

/// Whether a body is read in no time.
pub(crate) fn is_short(body: &[u8]) -> bool {
    body.len() <= SHORT_BYTES
}

/// A body of at most `limit` bytes.
pub(crate) async fn collect(
    share: &Share,
    mut body: Body,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large(limit));
    }
    let (mut whole, mut turn) = (Whole { announced, ..Whole::default() }, Turn::default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::broken_body(&error))?;
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        share.take(piece.len())?;
        let taken = piece.len();
        whole.add(piece);
        turn.after(taken).await;
    }
    Ok(whole.into_bytes())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::payload_too_large(format!(
        "The request body is larger than the {limit} bytes that are accepted here."
    ))
}

/// A body as it comes in. Pieces are copied, since each would take more than a hundred bytes, be it of one byte.
#[derive(Debug, Default)]
struct Whole {
    /// Bytes that the client announced.
    announced: usize,
    /// The first piece, which is often all there is.
    first: Bytes,
    /// All pieces, once there are several.
    buffer: Vec<u8>,
}

impl Whole {
    fn len(&self) -> usize {
        self.first.len() + self.buffer.len()
    }

    fn add(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        let first = mem::take(&mut self.first);
        self.append(&first);
        self.append(&piece);
    }

    fn append(&mut self, piece: &[u8]) {
        let held = self.buffer.len();
        if self.buffer.capacity() - held < piece.len() {
            // Twice as much as there is, but no more than is to come.
            let to_come = self.announced.saturating_sub(held);
            self.buffer.reserve_exact(piece.len().max(held.min(to_come)));
        }
        self.buffer.extend_from_slice(piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.buffer.is_empty() { self.first } else { self.buffer.into() }
    }
}

/// Refuses a body of so many values that it would take many times its size in memory, and takes room for those that
/// it has. They are counted by what divides them, within texts as well: of some of these, the JSON that they hold is read,
/// too.
pub(crate) fn check_values(share: &Share, body: &[u8]) -> Result<(), ApiError> {
    let is_divider = |byte: &&u8| matches!(byte, b',' | b':' | b'[');
    if is_short(body) {
        return Ok(());
    }
    let values = body.iter().filter(is_divider).count();
    if values > limits::BODY_VALUES {
        return Err(too_many_values());
    }
    share.take(values * VALUE_BYTES)
}

/// The refusal of a body that holds too much.
pub(crate) fn too_many_values() -> ApiError {
    ApiError::payload_too_large(format!(
        "The request body holds more than the {} values that are accepted at once; send it in several requests.",
        limits::BODY_VALUES
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_the_room_and_give_it_back() {
        let room = BodyRoom::new(1000);
        let (one, other) = (room.share(), room.share());
        one.take(FREE_BYTES + 700).unwrap();
        other.take(FREE_BYTES).unwrap();
        assert!(other.take(301).is_err());
        // What was refused was not taken.
        other.take(300).unwrap();
        assert!(other.take(1).is_err());
        drop(one);
        other.take(700).unwrap();
        drop(other);
        assert_eq!(room.0.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_largest_body_fits_the_room() {
        let share = BodyRoom::new(crate::serve::Limits::default().body_memory).share();
        share.take(limits::JSON_BODY_BYTES).unwrap();
        share.take(limits::BODY_VALUES * VALUE_BYTES).unwrap();
    }

    #[test]
    fn pieces_are_joined_in_no_more_memory_than_announced() {
        let mut whole = Whole { announced: 1000, ..Whole::default() };
        whole.add(Bytes::from_static(b"a"));
        assert!(whole.buffer.is_empty());
        for _ in 1..1000 {
            whole.add(Bytes::from_static(b"b"));
        }
        assert_eq!((whole.len(), whole.buffer.capacity()), (1000, 1000));
        assert_eq!(whole.into_bytes()[..3], *b"abb");
    }

    #[tokio::test]
    async fn a_body_of_any_number_of_pieces_is_read_up_to_the_limit() {
        let share = BodyRoom::new(usize::MAX).share();
        assert_eq!(collect(&share, Body::empty(), 3).await.unwrap(), "");
        assert_eq!(collect(&share, Body::from("abc"), 3).await.unwrap(), "abc");
        assert!(collect(&share, Body::from("abcd"), 3).await.is_err());
        let pieces = |pieces: &'static [&'static str]| {
            let each = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece));
            Body::from_stream(futures_util::stream::iter(each))
        };
        assert_eq!(collect(&share, pieces(&["a", "", "bc"]), 3).await.unwrap(), "abc");
        assert!(collect(&share, pieces(&["a", "bc", "d"]), 3).await.is_err());
    }
}
