//! The store as its callers see it, on a disk that fails too.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auction::bid::SealedBid;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::receipts::Receipt;
use auction::wire::{decode, encode};
use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;

fn batch(number: u8) -> Batch {
    let (id, bid) = (Digest([1; 32]), Digest([number; 32]));
    let key = SecretKey::from_seed(&[1; 32]);
    let mut batch = Batch::default();
    batch.receipts(&id, &bid, &[Receipt::sign(&id, bid, 0, &key)]);
    batch
}

/// A disk that can be told to fail.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    broken: Arc<AtomicBool>,
}

impl Disk {
    fn check(&self) -> Result<(), io::Error> {
        let full = || io::Error::new(io::ErrorKind::StorageFull, "disk full");
        if self.broken.load(Ordering::SeqCst) { Err(full()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.check()?;
        self.file.write(offset, data)
    }
}

#[tokio::test]
async fn many_batches_at_once_are_all_stored() {
    let dir = tempfile::tempdir().unwrap();
    let alarm = Alarm::new();
    let (store, stored) = Store::open(dir.path(), &alarm).unwrap();
    assert!(stored.auctions.is_empty() && stored.tombs.is_empty());
    assert!(matches!(Store::open(dir.path(), &alarm), Err(NodeError::InUse(_))));
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = store.clone();
        writes.spawn(async move { store.write(batch(number)).await });
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_fails_writes_until_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(STORE_FILE);
    let broken = Arc::new(AtomicBool::new(false));
    let open = {
        let broken = Arc::clone(&broken);
        move || {
            let file = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            let disk = Disk { file: FileBackend::new(file)?, broken: Arc::clone(&broken) };
            Database::builder().create_with_backend(disk)
        }
    };
    let store = Store::start(open().unwrap(), Box::new(open), &Alarm::new());
    store.write(batch(1)).await.unwrap();
    broken.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = store.write(batch(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Database(_)), "{error}");
    }
    broken.store(false, Ordering::SeqCst);
    store.write(batch(3)).await.unwrap();
}

/// A bid of a key: no commitments; a proof of zeros; no ticket; a signature of zeros.
fn bid_of(number: u8) -> SealedBid {
    let mut bytes = [0; 32 + 32 + 8 + 64 + 8 + 8 + 64 + 1 + 64];
    bytes[32..64].fill(number);
    decode(&bytes, bytes.len()).unwrap()
}

#[tokio::test]
async fn bids_are_found_by_their_keys_in_the_order_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), &Alarm::new()).unwrap();
    let [here, elsewhere] = [Digest([1; 32]), Digest([2; 32])];
    let mut batch = Batch::default();
    for (id, number) in [(here, 1), (here, 2), (here, 3), (elsewhere, 4)] {
        let bid = bid_of(number);
        let row = BidRow { bid: encode(&bid).unwrap(), share: vec![number] };
        batch.bid(&id, &bid, &row);
    }
    store.write(batch).await.unwrap();
    let other = store.clone();
    let find = move |id, keys: [u8; 3]| {
        let bidders = keys.map(|number| PublicKey([number; 32])).to_vec();
        let found = store.find_bids(id, bidders).unwrap();
        found.iter().map(|row| row.sealed().unwrap().bidder.0[0]).collect::<Vec<_>>()
    };
    let next = move |id, after: Option<u8>| {
        let rows = other.next_bids(id, after.map(|number| PublicKey([number; 32]))).unwrap();
        rows.iter().map(|(bidder, _)| bidder.0[0]).collect::<Vec<_>>()
    };
    // As computations do: on a thread of their own.
    std::thread::spawn(move || {
        assert_eq!(find(here, [3, 1, 2]), [3, 1, 2]);
        assert_eq!(find(here, [2, 4, 1]), [2]);
        assert_eq!(find(elsewhere, [1, 2, 4]), [0; 0]);
        assert_eq!(next(here, None), [1, 2, 3]);
        assert_eq!(next(here, Some(1)), [2, 3]);
        assert_eq!(next(here, Some(3)), [0; 0]);
        assert_eq!(next(elsewhere, None), [4]);
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn what_waits_to_be_written_goes_before_questions() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), &Alarm::new()).unwrap();
    // A question that lasts until its gate is opened.
    let ask = |begun: std::sync::mpsc::Sender<()>, gate: std::sync::mpsc::Receiver<()>| {
        Request::Read(Box::new(move |_| {
            begun.send(()).unwrap();
            // An error says that the gate is open.
            let _ = gate.recv();
        }))
    };
    let (begun, begins) = std::sync::mpsc::channel();
    let (first, second) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    assert!(store.requests.send(ask(begun.clone(), first.1)).await.is_ok());
    begins.recv().unwrap();
    let written = tokio::spawn({
        let store = store.clone();
        async move { store.write(batch(1)).await }
    });
    while store.requests.capacity() == STORE_QUEUE {
        tokio::task::yield_now().await;
    }
    assert!(store.requests.send(ask(begun, second.1)).await.is_ok());
    drop(first.0);
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, written).await.unwrap().unwrap().unwrap();
    drop(second.0);
}
