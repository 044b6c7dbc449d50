//! Reading ahead at a start: while a batch is replayed, those after it are compared with their
//! checksums and the chain and decoded, on a thread of its own.

use std::sync::mpsc::{SyncSender, sync_channel};

use super::record::{HEADER_BYTES, Header, Kind};
use super::storage::JournalError;
use super::tree::Leaf;
use super::walk::{Batch, Cursor, End, fault};
use crate::index::Place;
use crate::ledger::{Charter, Entry};
use crate::parallel;

/// So many batches wait to be replayed.
const AHEAD: usize = 2;

/// A batch that fits what came before it, ready to be replayed.
pub(super) struct Decoded {
    pub(super) header: Header,
    /// Where its entries lie.
    pub(super) places: Vec<Place>,
    pub(super) leaves: Vec<Leaf>,
    /// None of a batch that need not be replayed; nothing where one is malformed.
    pub(super) entries: Option<Vec<Entry>>,
    /// Where it lies in its segment.
    offset: u64,
}

/// Why a batch is not replayed.
pub(super) enum Refused {
    /// The journal contradicts itself there.
    Fault(&'static str),
    /// Something else than the batch is wrong.
    Error(JournalError),
}

impl From<&'static str> for Refused {
    fn from(what: &'static str) -> Self {
        Self::Fault(what)
    }
}

impl From<JournalError> for Refused {
    fn from(error: JournalError) -> Self {
        Self::Error(error)
    }
}

/// A segment to be read.
pub(super) struct Segment<'a> {
    pub(super) name: &'a str,
    pub(super) sequence: u64,
    pub(super) bytes: &'a [u8],
    /// The first batch that is not to be read in it.
    pub(super) stop: Option<u64>,
    /// The last batch that need not be replayed.
    pub(super) known: u64,
}

impl Segment<'_> {
    /// Reads its batches ahead of `replay`, which gets them in order on this thread. What `replay`
    /// says of a batch goes before what is wrong with a later one.
    pub(super) fn replay(
        &self,
        cursor: &mut Cursor,
        charter: &Charter,
        mut replay: impl FnMut(Decoded) -> Result<(), Refused>,
    ) -> Result<End, JournalError> {
        let (decoded, batches) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || self.read(cursor, charter, &decoded));
            let mut replayed = Ok(());
            for batch in batches {
                let offset = batch.offset;
                replayed = replay(batch).map_err(|refused| match refused {
                    Refused::Fault(what) => fault(self.name, offset as usize, what),
                    Refused::Error(error) => error,
                });
                if replayed.is_err() {
                    // Nobody takes what the reader has, so it ends.
                    break;
                }
            }
            let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            replayed.and(read)
        })
    }

    fn read(
        &self,
        cursor: &mut Cursor,
        charter: &Charter,
        decoded: &SyncSender<Decoded>,
    ) -> Result<End, JournalError> {
        cursor.walk(self.name, self.bytes, self.stop, |batch| {
            decoded.send(self.decode(batch, charter)).map_err(|_| "nobody replays it")
        })
    }

    fn decode(&self, batch: Batch<'_>, charter: &Charter) -> Decoded {
        let places = self.places(&batch);
        let Batch { header, entries, leaves, offset } = batch;
        let entries = if header.kind == Kind::Batch && header.number > self.known {
            let entries = parallel::map(&entries, |bytes| Entry::decode(bytes, charter));
            entries.into_iter().collect()
        } else {
            Some(Vec::new())
        };
        Decoded { header, places, leaves, entries, offset }
    }

    /// Where the entries of a batch lie.
    fn places(&self, batch: &Batch<'_>) -> Vec<Place> {
        let mut entry = batch.offset + HEADER_BYTES as u64;
        let places = batch.entries.iter().map(|bytes| {
            // A segment is no longer than 32 bits can count.
            let (sequence, start) = (self.sequence, batch.offset as u32);
            let place = Place { sequence, batch: start, entry: entry as u32 };
            entry += 4 + bytes.len() as u64;
            place
        });
        places.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bookkeeper::Bookkeeper;
    use crate::index::memory::Memory;
    use crate::journal::Options;
    use crate::journal::segment::{SegmentHeader, segment_name};
    use crate::layout::Signer;
    use crate::ledger::{Action, Currency, Request, RequestId, Sum, VerifiedRequest, Window};
    use auction::keys::SecretKey;
    use auction::layout::Digest;
    use auction::spec::Time;

    const BATCHES: u64 = 9;

    /// A journal of some deposits, each a batch of its own.
    fn journal() -> (Charter, Vec<u8>) {
        let [server, operator, postings] =
            [1, 2, 3].map(|seed| Signer::new(&SecretKey::from_seed(&[seed; 32])));
        let keys = (server.public(), operator.public(), postings.public());
        let charter = Charter::new(keys.0, keys.1, keys.2, 8).unwrap();
        let (disk, index) = (Memory::default(), Box::new(Memory::default()));
        let options = Options { segment_bytes: 1 << 16 };
        let opened =
            Bookkeeper::open_with(disk.clone(), index, charter, server, options, Window::default());
        let mut keeper = opened.unwrap().serve_confirmed();
        for number in 1..=BATCHES {
            let action = Action::Deposit {
                owner: Signer::new(&SecretKey::from_seed(&[4; 32])).public(),
                currency: Currency::from_bytes(*b"EUR\x02").unwrap(),
                amount: Sum::new(number).unwrap(),
                reference: Digest([5; 32]),
            };
            let id = RequestId::new(number.into()).unwrap();
            let mut bytes = Vec::new();
            Request { id, until: Time(100), action }.encode(&mut bytes);
            bytes.extend_from_slice(&operator.public().0);
            bytes.extend_from_slice(&[0; 65]);
            let request = VerifiedRequest::from_journal(&bytes, &charter).unwrap();
            let _ = keeper.submit(vec![request.into()], Time(number)).unwrap();
            keeper.flush().unwrap();
        }
        let bytes = disk.files()[&segment_name(1)].clone();
        (charter, bytes)
    }

    #[test]
    fn batches_come_in_order_and_what_replay_says_goes_before_what_comes_later() {
        let (charter, mut bytes) = journal();
        let name = segment_name(1);
        let read = |bytes: &[u8], known: u64, refused: u64| {
            let mut cursor = Cursor::start(charter.id());
            cursor.enter(&SegmentHeader::decode(bytes).unwrap()).unwrap();
            let segment = Segment { name: &name, sequence: 1, bytes, stop: None, known };
            let mut seen = Vec::new();
            let end = segment.replay(&mut cursor, &charter, |batch| {
                if batch.header.number == refused {
                    return Err(Refused::Fault("it is refused"));
                }
                seen.push((batch.header.number, batch.entries.unwrap().len(), batch.offset));
                Ok(())
            });
            (seen, end)
        };
        let (all, end) = read(&bytes, 3, 0);
        let expected: Vec<_> = (1..=BATCHES).map(|batch| (batch, usize::from(batch > 3))).collect();
        let found: Vec<_> = all.iter().map(|(batch, entries, _)| (*batch, *entries)).collect();
        assert_eq!(found, expected);
        let end = end.unwrap();
        assert_eq!(end.bad, Some("a batch's header does not match its CRC"));
        assert!(end.offset as u64 > all.last().unwrap().2);

        // Whoever reads ahead is stopped by it, and finds the damage of a later batch or does not.
        for damaged in [false, true] {
            if damaged {
                bytes[all[4].2 as usize + 200] ^= 1;
            }
            for refused in 1..=3 {
                let (seen, end) = read(&bytes, 0, refused);
                assert_eq!(seen.len() as u64, refused - 1);
                let offset = all[refused as usize - 1].2;
                let Err(JournalError::Fault { offset: at, what, .. }) = end else {
                    panic!("batch {refused} was not refused")
                };
                assert_eq!((at, what), (offset, "it is refused"));
            }
        }
        let (seen, end) = read(&bytes, 0, 0);
        assert_eq!((seen.len(), end.unwrap().bad), (4, Some("a batch does not match its CRC")));
    }
}
