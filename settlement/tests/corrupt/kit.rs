//! How a corrupt operator rewrites his journal: any batch, with everything around it made to fit.

use std::collections::BTreeMap;

use auction::layout::Digest;
use auction::spec::Time;
use settlement::audit::{AuditReport, Held, inquire};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Options, Receipt, SignedHead, Storage as _};
use settlement::layout::{Label, Statement};
use settlement::ledger::{Action, Chain, Code, Ledger, Request, SignedRequest, VerifiedRequest};
use witness::tree::leaf_hash;

use crate::disk::Disk;
use crate::people::*;

/// Large enough for everything here to lie in one segment.
pub const OPTIONS: Options = Options { segment_bytes: 1 << 20 };
const NAME: &str = "segment-0000000001";
const SEGMENT_HEADER: usize = 128;
const HEADER: usize = 136;

/// A batch, or the beginning of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub epoch: bool,
    pub time: u64,
    pub expired: u32,
    pub entries: Vec<Vec<u8>>,
}

/// Serves a disk as the server does.
pub fn keeper(disk: &Disk) -> Bookkeeper<Disk> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS).unwrap().serve_confirmed()
}

/// Submits one request a batch, each a second after the other, and flushes.
pub fn submit(keeper: &mut Bookkeeper<Disk>, requests: &[VerifiedRequest], from: u64) -> Vec<Code> {
    let mut codes = Vec::new();
    for (second, request) in (0..).zip(requests) {
        let clock = Time(from + 1000 * second);
        let outcomes = keeper.submit(vec![Chain::from(request.clone())], clock).unwrap();
        keeper.flush().unwrap();
        let outcome = keeper.release(outcomes).unwrap().remove(0);
        codes.push(outcome.replies[0].code);
    }
    codes
}

pub fn head(keeper: &Bookkeeper<Disk>) -> SignedHead {
    keeper.release(keeper.head()).unwrap()
}

pub fn receipt(keeper: &mut Bookkeeper<Disk>, person: u8, number: u128) -> Receipt {
    let receipt = keeper.receipt(&account(person), id(number)).unwrap();
    keeper.release(receipt).unwrap().unwrap()
}

/// What an audit that goes on finds, with what others hold.
pub fn inquest(disk: &Disk, heads: &[SignedHead], receipts: &[Receipt]) -> (AuditReport, Ledger) {
    inquire(&mut disk.clone(), &charter(), &Held { heads, receipts }).unwrap()
}

/// All batches of a journal, read without any check.
pub fn read(disk: &Disk) -> Vec<Page> {
    let mut names = disk.names();
    names.retain(|name| name.starts_with("segment-"));
    names.sort();
    // What one segment was not known to have flushed stands again in the next.
    let mut pages = BTreeMap::new();
    names.iter().for_each(|name| read_segment(&disk.bytes(name), &mut pages));
    pages.into_values().collect()
}

fn read_segment(bytes: &[u8], pages: &mut BTreeMap<u64, Page>) {
    let mut rest = &bytes[SEGMENT_HEADER..];
    let u32_at =
        |record: &[u8], at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    let u64_at =
        |record: &[u8], at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    while rest.len() >= HEADER && rest.starts_with(b"gavelrec") {
        let (kind, body) = (u32_at(rest, 16), u64_at(rest, 64) as usize);
        if kind != 2 {
            let mut entries = Vec::new();
            let mut left = &rest[HEADER..HEADER + body];
            while let Some((length, more)) = left.split_first_chunk::<4>() {
                let (entry, more) = more.split_at(u32::from_le_bytes(*length) as usize);
                entries.push(entry.to_vec());
                left = more;
            }
            let (time, expired) = (u64_at(rest, 40), u32_at(rest, 60));
            let page = Page { epoch: kind == 3, time, expired, entries };
            pages.insert(u64_at(rest, 24), page);
        }
        rest = &rest[(HEADER + body).next_multiple_of(8)..];
    }
}

/// Writes a journal of these batches, every number, CRC, leaf and link of the chain recomputed.
pub fn write(pages: &[Page]) -> Disk {
    // Only the ledger's id stands in a first segment's header.
    let fresh = Disk::new();
    drop(keeper(&fresh));
    let mut bytes = fresh.bytes(NAME)[..SEGMENT_HEADER].to_vec();
    let (mut before, mut epoch, mut first_entry) = (Digest::default(), 0u32, 0u64);
    for (number, page) in (1u64..).zip(pages) {
        epoch += u32::from(page.epoch);
        let time = Time(page.time);
        let leaves = page.entries.iter().map(|entry| leaf_hash(number, time, entry));
        let (kind, flushed) = (if page.epoch { 3u32 } else { 1 }, number - 1);
        let counts = [page.entries.len() as u32, page.expired];
        let mut chain = Statement::new(Label::Chain, &before);
        chain.u64(u64::from(kind)).u64(u64::from(epoch));
        chain.u64(number).u64(flushed).u64(page.time).u64(first_entry);
        chain.u64(u64::from(counts[0])).u64(u64::from(counts[1]));
        for leaf in leaves {
            chain.fixed(&leaf);
        }
        let after = chain.hash();
        let mut body = Vec::new();
        for entry in &page.entries {
            body.extend_from_slice(&(entry.len() as u32).to_le_bytes());
            body.extend_from_slice(entry);
        }
        let mut tail = crc32fast::hash(&body).to_le_bytes().to_vec();
        tail.extend(kind.to_le_bytes().into_iter().chain(epoch.to_le_bytes()));
        for value in [number, flushed, page.time, first_entry] {
            tail.extend_from_slice(&value.to_le_bytes());
        }
        counts.iter().for_each(|count| tail.extend_from_slice(&count.to_le_bytes()));
        tail.extend_from_slice(&(body.len() as u64).to_le_bytes());
        tail.extend_from_slice(&before.0);
        tail.extend_from_slice(&after.0);
        bytes.extend_from_slice(b"gavelrec");
        bytes.extend_from_slice(&crc32fast::hash(&tail).to_le_bytes());
        bytes.extend_from_slice(&tail);
        bytes.extend_from_slice(&body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        (before, first_entry) = (after, first_entry + page.entries.len() as u64);
    }
    bytes.resize(OPTIONS.segment_bytes as usize, 0);
    let mut disk = fresh.flushed_alone();
    disk.write_at(NAME, 0, &bytes).unwrap();
    disk.flush(NAME).unwrap();
    disk
}

/// An entry of one request, as the journal keeps it.
pub fn entry(request: &[u8], code: Code) -> Vec<u8> {
    let mut entry = vec![1];
    entry.extend_from_slice(&(request.len() as u16).to_le_bytes());
    entry.extend_from_slice(request);
    entry.push(code.number());
    entry
}

/// A batch of one entry of one request.
pub fn page(time: u64, request: &[u8]) -> Page {
    Page { epoch: false, time, expired: 0, entries: vec![entry(request, Code::Done)] }
}

/// A request in somebody's name that he did not sign.
pub fn unsigned(number: u128, person: u8, action: Action) -> Vec<u8> {
    let request = Request { id: id(number), until: UNTIL, action };
    let mut bytes = SignedRequest::sign(&request, &signer(99), &charter()).as_bytes().to_vec();
    // Key, signature and a byte end it.
    let key = bytes.len() - 1 - 64 - 32;
    bytes[key..key + 32].copy_from_slice(&signer(person).public().0);
    bytes
}

/// A debit that its owner did not sign.
pub fn theft(number: u128, from: u8, to: u8, amount: u64) -> Vec<u8> {
    unsigned(number, from, Action::Post(movement(account(from), account(to), amount)))
}

#[test]
fn what_the_kit_writes_is_what_the_server_wrote() {
    let disk = Disk::new();
    let mut honest = keeper(&disk);
    submit(&mut honest, &[deposit(1, 1, 100), deposit(2, 2, 50), post(3, 1, 2, 30)], 1000);
    let written = head(&honest);
    drop(honest);
    let again = write(&read(&disk));
    assert_eq!(head(&keeper(&again)), written);
    assert_eq!(inquest(&again, &[written], &[]).0.strictly().unwrap().root, written.head.root);
}
