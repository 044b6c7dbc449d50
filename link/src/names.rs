//! The addresses behind names, looked up by few threads at a time.
//!
//! Names come from whoever announces an auction, and a lookup may block a thread for as long as a
//! hostile name server likes.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

/// Lookups under way at a time, in the whole process.
const MAX_LOOKUPS: usize = 8;
/// Time that a lookup may wait for its turn, and the same that it may then take.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long an answer is used again.
const FRESH: Duration = Duration::from_secs(10);
/// Answers kept; when there are more, all are forgotten.
const MAX_KEPT: usize = 1024;

type Kept = HashMap<String, (Instant, Vec<SocketAddr>)>;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_LOOKUPS)));
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The addresses of a `host:port`. Those of a literal address need no lookup.
pub(crate) async fn lookup(name: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(literal) = name.parse() {
        return Ok(vec![literal]);
    }
    if let Some(found) = kept(name) {
        return Ok(found);
    }
    let slow = |what| io::Error::new(io::ErrorKind::TimedOut, what);
    let turn = timeout(PATIENCE, Arc::clone(&TURNS).acquire_owned())
        .await
        .map_err(|_| slow("too many names are being looked up"))?
        .map_err(io::Error::other)?;
    let host = name.to_owned();
    // A task of its own: the thread goes on when nobody waits any more, and keeps its turn.
    let found = tokio::spawn(async move {
        let found = tokio::net::lookup_host(host).await.map(Iterator::collect::<Vec<_>>);
        drop(turn);
        found
    });
    let found = timeout(PATIENCE, found)
        .await
        .map_err(|_| slow("the name servers do not answer"))?
        .map_err(io::Error::other)??;
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MAX_KEPT {
        all.clear();
    }
    all.insert(name.to_owned(), (Instant::now(), found.clone()));
    Ok(found)
}

fn kept(name: &str) -> Option<Vec<SocketAddr>> {
    let all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (since, found) = all.get(name)?;
    (since.elapsed() < FRESH).then(|| found.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literal_addresses_need_no_turn() {
        let _all = TURNS.acquire_many(MAX_LOOKUPS as u32).await.unwrap();
        for text in ["127.0.0.1:7", "[::1]:7"] {
            assert_eq!(lookup(text).await.unwrap(), [text.parse().unwrap()]);
        }
    }

    #[tokio::test]
    async fn what_was_found_is_kept() {
        let found = vec!["192.0.2.1:7".parse().unwrap()];
        let entry = (Instant::now(), found.clone());
        KEPT.lock().unwrap().insert("kept.invalid:7".to_owned(), entry);
        assert_eq!(lookup("kept.invalid:7").await.unwrap(), found);
    }
}
