//! What a wallet promises of bonds: key and order stand on the disk before the order is sent,
//! one bond waits for one bid, and only the ticket that answers an order is kept.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;

use std::path::Path;

use auction::bid::BondTicket;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::settlement_terms::{Delivery, EscrowReceipt, Goods, SHORTEST_BOND_MS, Settlement};
use auction::spec::{Time, VerifiedSpec};
use bidder::{Wallet, WalletError};

const HELD_UNTIL: Time = Time(2_000 + SHORTEST_BOND_MS);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// An auction whose payment the server with key 9 takes.
fn bonded(nonce: u8) -> VerifiedSpec {
    let (seller, server) = (key(8), key(9));
    let member = |seed| auction::spec::Member {
        key: key(seed).public(),
        address: format!("127.0.0.1:{seed}"),
    };
    let mut spec = fake::spec_for(&seller, &[member(1), member(2)]);
    spec.nonce = [nonce; 32];
    spec.settlement = Some(Settlement {
        server: server.public(),
        ledger: Digest([1; 32]),
        address: "127.0.0.1:9".to_owned(),
        covers: vec![Level(8), Level(16)],
        held_until: HELD_UNTIL,
        fee: None,
        delivery: Delivery::Digital(Goods {
            key_hash: Digest([2; 32]),
            checksum: Digest([3; 32]),
            bytes: 100,
        }),
    });
    let signed = spec.sign(&seller);
    let receipt = EscrowReceipt::sign(&signed.claimed_id(), &server);
    signed.with_escrow(receipt).verify().unwrap()
}

fn ticket(spec: &VerifiedSpec, bidder: &SecretKey, cover: Level) -> BondTicket {
    BondTicket::sign(spec.id(), bidder.public(), cover, HELD_UNTIL, &key(9))
}

fn wallet(dir: &Path) -> Wallet {
    Wallet::create(&dir.join("wallet")).unwrap()
}

#[test]
fn after_a_kill_the_same_order_is_there_to_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (wallet, spec) = (wallet(dir.path()), bonded(1));
    wallet.record_bond(&spec, key(20), Level(16), b"the order".to_vec()).unwrap();
    let refused = wallet.record_bond(&spec, key(21), Level(16), b"another".to_vec()).unwrap_err();
    assert!(
        matches!(refused, WalletError::AlreadyBonded { bidder, .. } if bidder == key(20).public())
    );

    let again = Wallet::open(wallet.dir()).unwrap();
    let mut bond = again.unused_bond(&spec.id()).unwrap().unwrap();
    assert_eq!((bond.order(), bond.cover()), (&b"the order"[..], Level(16)));
    assert_eq!(bond.bidder_secret().public(), key(20).public());
    assert!(bond.ticket().is_none() && !bond.is_refused());

    let held = ticket(&spec, &key(20), Level(16));
    again.keep_ticket(&mut bond, held.clone()).unwrap();
    assert_eq!(wallet.bonds_in(&spec.id()).unwrap()[0].ticket(), Some(held.clone()));
    // What is held stays so, whatever is said later.
    wallet.keep_refusal(&mut bond, "no funds").unwrap();
    assert_eq!(wallet.unused_bond(&spec.id()).unwrap().unwrap().ticket(), Some(held));
    // Another auction is another matter.
    assert!(wallet.unused_bond(&bonded(2).id()).unwrap().is_none());
    wallet.record_bond(&bonded(2), key(22), Level(8), b"order".to_vec()).unwrap();
    assert_eq!(wallet.bonds().unwrap().len(), 2);
}

#[test]
fn a_ticket_for_anything_else_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (wallet, spec) = (wallet(dir.path()), bonded(1));
    let mut bond = wallet.record_bond(&spec, key(20), Level(16), b"order".to_vec()).unwrap();
    let forged = BondTicket::sign(spec.id(), key(20).public(), Level(16), HELD_UNTIL, &key(10));
    for wrong in [
        ticket(&spec, &key(20), Level(8)),
        ticket(&spec, &key(21), Level(16)),
        ticket(&bonded(2), &key(20), Level(16)),
        forged,
    ] {
        let refused = wallet.keep_ticket(&mut bond, wrong).unwrap_err();
        assert!(matches!(refused, WalletError::OtherTicket(_)));
    }
    assert!(wallet.bonds().unwrap()[0].answer().is_none());
}

#[test]
fn a_refused_bond_makes_room_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (wallet, spec) = (wallet(dir.path()), bonded(1));
    let mut bond = wallet.record_bond(&spec, key(20), Level(16), b"order".to_vec()).unwrap();
    wallet.keep_refusal(&mut bond, "insufficient funds").unwrap();
    assert!(bond.is_refused());
    assert!(wallet.unused_bond(&spec.id()).unwrap().is_none());
    wallet.record_bond(&spec, key(21), Level(8), b"order".to_vec()).unwrap();
    assert_eq!(wallet.bonds_in(&spec.id()).unwrap().len(), 2);
}

#[test]
fn orders_that_are_none_and_files_that_were_changed_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (wallet, spec) = (wallet(dir.path()), bonded(1));
    for order in [vec![], vec![0; bidder::MAX_ORDER_BYTES + 1]] {
        let refused = wallet.record_bond(&spec, key(20), Level(16), order).unwrap_err();
        assert!(matches!(refused, WalletError::Order { .. }));
    }
    let bond = wallet.record_bond(&spec, key(20), Level(16), b"order".to_vec()).unwrap();
    assert!(!format!("{bond:?}").contains("1414"), "the seed is printed");
    let path = wallet.dir().join(format!("{}.bond", bond.bidder()));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(wallet.bonds(), Err(WalletError::Damaged { .. })));
}

#[tokio::test]
async fn one_key_is_for_one_bid() {
    use bidder::Prepared;
    let auction = fake::Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let wallet = wallet(dir.path());
    let prepared = || Prepared::seal(&auction, Level(3), key(20), None).unwrap();
    wallet.record(&auction, prepared(), false).unwrap();
    let refused = wallet.record(&auction, prepared(), true).unwrap_err();
    assert!(matches!(refused, WalletError::KeyUsed { bidder, .. } if bidder == key(20).public()));
    assert_eq!(wallet.bids().unwrap().len(), 1);
}
