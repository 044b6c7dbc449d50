//! Heads, receipts and what convicts a server.

use auction::layout::Digest;
use auction::spec::Time;
use auction::wire::{decode, encode};
use settlement::audit::{AuditError, audit};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{JournalError, Options, Receipt, SignedHead, Unproven};
use settlement::ledger::{Action, Chain, Charter, Code};
use witness::evidence::{Case, Word};
use witness::{Contradiction, ServerEvidence};

use crate::disk::Disk;
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 4096 };

fn bookkeeper(disk: &Disk) -> Bookkeeper<Disk> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS).unwrap().serve_confirmed()
}

fn head(bookkeeper: &Bookkeeper<Disk>) -> SignedHead {
    bookkeeper.release(bookkeeper.head()).unwrap()
}

#[test]
fn receipts_prove_what_was_paid_and_carry_the_attachment() {
    let disk = Disk::new();
    let mut keeper = bookkeeper(&disk);
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let _ = keeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
    let paid = Chain::new(vec![post(10, 1, 2, 30)], Some(b"the goods key".to_vec())).unwrap();
    let refused = Chain::new(vec![post(11, 1, 2, 999)], Some(b"never shown".to_vec())).unwrap();
    let _ = keeper.submit(vec![paid, refused], Time(1001)).unwrap();
    for number in 20..50 {
        let _ = keeper.submit(vec![post(number, 1, 2, 1).into()], Time(1002)).unwrap();
    }
    keeper.flush().unwrap();
    // A key that did not pay for anything is nowhere on the disk.
    for name in disk.names() {
        let bytes = disk.bytes(&name);
        assert!(!bytes.windows(11).any(|part| part == b"never shown"), "{name}");
    }
    // Before and after a start, with and without a snapshot.
    for round in 0..3 {
        if round == 2 {
            keeper.snapshot().unwrap();
        }
        if round > 0 {
            drop(keeper);
            keeper = bookkeeper(&disk);
        }
        for (number, expected) in
            [(10, Code::Done), (11, Code::InsufficientFunds), (49, Code::Done)]
        {
            let receipt = keeper.receipt(&account(1), id(number)).unwrap();
            let receipt = keeper.release(receipt).unwrap().unwrap();
            let proven = receipt.verify(&charter()).unwrap();
            assert_eq!(proven.codes, [expected]);
            assert_eq!(proven.requests[0].request().id, id(number));
            assert!(matches!(proven.requests[0].request().action, Action::Post(_)));
            let attached = (number == 10).then(|| b"the goods key".to_vec());
            assert_eq!(proven.attachment, attached);
            proven.requests[0].clone().verify(&charter()).unwrap();

            let mut altered = receipt.clone();
            altered.entry[40] ^= 1;
            assert_eq!(
                altered.verify(&charter()).err(),
                Some(Unproven::NotIncluded(receipt.number))
            );
            let mut altered = receipt.clone();
            altered.time = Time(1);
            assert!(altered.verify(&charter()).is_err());
            let mut altered = receipt.clone();
            altered.head.head.root = Digest([1; 32]);
            assert!(matches!(altered.verify(&charter()), Err(Unproven::Signature(_))));
        }
        let unknown = keeper.receipt(&account(1), id(77)).unwrap();
        assert_eq!(keeper.release(unknown).unwrap(), None);
    }
}

#[test]
fn every_altered_bit_of_a_receipt_is_refused_and_another_servers_is_nothing() {
    let disk = Disk::new();
    let mut keeper = bookkeeper(&disk);
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let paid = Chain::new(vec![post(10, 1, 2, 30)], Some(b"the goods key".to_vec())).unwrap();
    let _ = keeper.submit(vec![deposit(2, 2, 100).into(), paid], Time(1001)).unwrap();
    keeper.flush().unwrap();
    let receipt = keeper.receipt(&account(1), id(10)).unwrap();
    let receipt = keeper.release(receipt).unwrap().unwrap();
    receipt.verify(&charter()).unwrap();
    let bytes = encode(&receipt).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let believed =
            decode::<Receipt>(&altered, 4096).is_ok_and(|one| one.verify(&charter()).is_ok());
        assert!(!believed, "bit {bit}");
    }
    let there = charter();
    let key = auction::keys::SecretKey::from_seed(&[99; 32]).public();
    for (server, operator) in [(key, there.operator()), (there.server(), key)] {
        let elsewhere = Charter::new(server, operator, there.postings(), 8).unwrap();
        let refused = receipt.verify(&elsewhere);
        assert!(matches!(refused.err(), Some(Unproven::Signature(_))));
    }
}

#[test]
fn heads_are_consistent_and_two_histories_convict_the_server() {
    let (one, other) = (Disk::new(), Disk::new());
    let mut honest = bookkeeper(&one);
    let mut forked = bookkeeper(&other);
    for keeper in [&mut honest, &mut forked] {
        let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
        let _ = keeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
        keeper.flush().unwrap();
    }
    let common = head(&honest);
    assert_eq!(common.head.root, head(&forked).head.root);
    let _ = honest.submit(vec![post(10, 1, 2, 30).into()], Time(1001)).unwrap();
    let _ = forked.submit(vec![post(10, 1, 2, 31).into()], Time(1001)).unwrap();
    honest.flush().unwrap();
    forked.flush().unwrap();
    let (later, fork) = (head(&honest), head(&forked));
    let word = honest.continuation(2, 3).unwrap();
    let word = honest.release(word).unwrap().unwrap();
    assert!(word.verify(&charter().ledger_key()).unwrap().holds());
    for (old, new) in [(3, 4), (3, 2)] {
        let none = honest.continuation(old, new).unwrap();
        assert!(honest.release(none).unwrap().is_none());
    }
    let convicts = |one: SignedHead, other: SignedHead| {
        let case = Case::Words(Box::new([one, other].map(Word::Head)), Vec::new());
        let evidence = ServerEvidence { of: charter().ledger_key(), case };
        matches!(evidence.convict(), Ok(Some(Contradiction::TwoRoots { number: 3 })))
    };
    assert!(convicts(later, fork));
    assert!(!convicts(later, later));
    assert!(!convicts(later, common));
    drop(honest);
    let heads = [common, later];
    assert_eq!(audit(&mut one.clone(), &charter(), &heads).unwrap().root, later.head.root);
    let convicted = audit(&mut one.clone(), &charter(), &[common, fork]).unwrap_err();
    assert!(matches!(convicted, AuditError::Convicted { size: 3, .. }));
    // A journal that was cut short is convicted by a head that it cannot reach.
    let first = Disk::new();
    drop(bookkeeper(&first));
    let short = audit(&mut first.clone(), &charter(), &[later]).unwrap_err();
    assert!(matches!(short, AuditError::Convicted { found: None, .. }));
    let mut forged = later;
    forged.head.size = 2;
    assert!(matches!(
        audit(&mut one.clone(), &charter(), &[forged]),
        Err(AuditError::Head { size: 2, .. })
    ));
}

#[test]
fn results_and_chain_are_held_against_what_was_written() {
    let disk = Disk::new();
    let mut keeper = bookkeeper(&disk);
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    keeper.flush().unwrap();
    drop(keeper);
    let open = |disk: &Disk| Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS);

    let other_code = crate::forge::with_altered_code(&disk);
    let found = open(&other_code).err().unwrap();
    assert!(matches!(found, JournalError::Fault { offset: 128, .. }), "{found}");
    let found = audit(&mut other_code.clone(), &charter(), &[]).unwrap_err();
    assert!(matches!(found, AuditError::Journal(JournalError::Fault { offset: 128, .. })));

    // Nothing says that this batch was flushed: it is cut, and said to be.
    let broken = crate::forge::with_broken_chain(&disk);
    assert!(audit(&mut broken.clone(), &charter(), &[]).unwrap().tail);
    let opened = open(&broken).unwrap();
    assert_eq!(opened.last_batch(), 0);
    assert_eq!(opened.report().cut.as_ref().unwrap().offset, 128);
}

#[test]
fn a_debit_without_its_owners_signature_does_not_pass_the_audit() {
    let disk = Disk::new();
    let mut keeper = bookkeeper(&disk);
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    keeper.flush().unwrap();
    drop(keeper);
    // The journal's own CRCs and chain are made anew over an altered signature.
    let forged = crate::forge::with_altered_signature(&disk);
    assert!(Bookkeeper::open(forged.clone(), charter(), server(), OPTIONS).is_ok());
    let found = audit(&mut forged.clone(), &charter(), &[]).unwrap_err();
    assert!(matches!(found, AuditError::Unsigned { entry: 0, .. }), "{found}");
}
