//! A purchase that a restore has lost comes back by its receipt, with the key that was paid for.

use std::path::Path;

use auction::spec::Time;
use settlement::audit::{Held, inquire_with};
use settlement::bookkeeper::Bookkeeper;
use settlement::goods::GoodsKey;
use settlement::journal::{Directory, Options, Receipt, backup, restore};
use settlement::judge::purchase::{Brought as Goods, Case, judge};
use settlement::ledger::{Action, Chain, Code, Request, SignedRequest};
use settlement::purchases::{PurchaseHistory, PurchaseReceipt, PurchaseRecord};
use settlement::readmission::{Brought, NotReadmitted, NotTakenBack};

use crate::receipts::deposit;
use crate::world::*;

const OPTIONS: Options = Options { segment_bytes: 1 << 20 };
/// After the order's time-out and the offer's expiry.
const LATER: Time = Time(EXPIRES.0 + 1);

type Keeper = Bookkeeper<Directory>;

fn serve(dir: &Path) -> Keeper {
    let storage = Directory::open(dir).unwrap();
    Bookkeeper::open(storage, charter(), signer(1), OPTIONS).unwrap().serve_confirmed()
}

fn submit(keeper: &mut Keeper, chain: Chain, clock: Time) -> Code {
    let outcomes = keeper.submit(vec![chain], clock).unwrap();
    keeper.flush().unwrap();
    keeper.release(outcomes).unwrap().remove(0).replies[0].code
}

fn receipt(keeper: &mut Keeper, number: u128) -> Receipt {
    let receipt = keeper.receipt(&account(CUSTOMER), id(number)).unwrap();
    keeper.release(receipt).unwrap().unwrap()
}

fn bring(keeper: &mut Keeper, receipt: &Receipt) -> Result<Code, NotReadmitted> {
    let brought = Brought::verify(receipt, &charter())?;
    let chain = keeper.readmit(brought, LATER).unwrap();
    let chain = keeper.release(chain).unwrap()?;
    Ok(submit(keeper, chain, LATER))
}

fn available(keeper: &Keeper) -> [i128; 2] {
    let both = keeper.look(|ledger| {
        [CUSTOMER, MERCHANT].map(|one| ledger.account(&account(one)).unwrap().balances.available())
    });
    keeper.release(both).unwrap()
}

/// Two accounts in a backup, this chain committed afterwards, and the restored server.
fn lost(place: &Path, chain: Chain) -> (Receipt, Keeper) {
    let number = chain.requests()[0].request().id.get();
    let mut keeper = serve(&place.join("old"));
    for deposited in [deposit(1, CUSTOMER), deposit(2, MERCHANT)] {
        assert_eq!(submit(&mut keeper, deposited, NOW), Code::Done);
    }
    keeper.idle().unwrap();
    let mut source = Directory::open_to_read(&place.join("old")).unwrap();
    let mut copy = Directory::open(&place.join("copy")).unwrap();
    backup(&mut source, &mut copy, &charter(), keeper.flushed()).unwrap();
    assert_eq!(submit(&mut keeper, chain, NOW), Code::Done);
    let receipt = receipt(&mut keeper, number);
    let target = Directory::open(&place.join("new")).unwrap();
    restore(&mut copy, target, &charter(), &signer(1), OPTIONS).unwrap();
    (receipt, serve(&place.join("new")))
}

#[test]
fn a_lost_purchase_comes_back_with_its_key() {
    let place = tempfile::tempdir().unwrap();
    let sold = sold(1);
    let bought = purchase(&sold, 1);
    let content = bought.content();
    let (old, mut keeper) = lost(place.path(), bought.clone().into_chain());
    assert_eq!(available(&keeper), [100, 100]);
    assert_eq!(submit(&mut keeper, bought.into_chain(), LATER), Code::Expired);
    assert_eq!(bring(&mut keeper, &old), Ok(Code::Done));
    assert_eq!(bring(&mut keeper, &old), Ok(Code::Done));
    assert_eq!(available(&keeper), [70, 130]);
    // The new receipt proves the purchase as the old one did, and the safe opens the same key.
    let new = receipt(&mut keeper, 1);
    let key = || Some(GoodsKey::from_bytes(sold.key.expose()));
    for one in [&old, &new] {
        let receipt = PurchaseReceipt::new(one.clone(), key());
        assert_eq!(receipt.verify(&charter()).unwrap().content, content);
        let case = Case {
            charter: &charter(),
            offer: None,
            receipt: Some(&receipt),
            goods: Goods::Encrypted(sold.goods),
            key_hash: Some(sold.key.hash()),
            opened: None,
        };
        assert!(!judge(&case).fails());
    }
    drop(keeper);
    let (safe, charter) = (safe(), charter());
    let mut check = PurchaseHistory::new(charter, Some(&safe));
    let mut journal = Directory::open_to_read(&place.path().join("new")).unwrap();
    let receipts = [old, new];
    let held = Held { receipts: &receipts, ..Held::default() };
    let (report, _) = inquire_with(&mut journal, &charter, &held, &mut check).unwrap();
    assert_eq!(report.strictly().unwrap().readmitted, 1);
    assert_eq!((check.summary().purchases, check.summary().keys_opened), (1, 1));
}

#[test]
fn a_purchase_that_its_customer_cancelled_since_does_not_come_back() {
    let place = tempfile::tempdir().unwrap();
    let (receipt, mut keeper) = lost(place.path(), purchase(&sold(1), 1).into_chain());
    let until = Time(LATER.0 + 60_000);
    let cancel =
        Request { id: id(1), until, action: Action::Cancel { account: account(CUSTOMER) } };
    let cancel = SignedRequest::sign(&cancel, &signer(CUSTOMER), &charter());
    let cancel = Chain::from(cancel.verify(&charter()).unwrap());
    assert_eq!(submit(&mut keeper, cancel, LATER), Code::Done);
    assert_eq!(bring(&mut keeper, &receipt), Ok(Code::Cancelled));
    assert_eq!(available(&keeper), [100, 100]);
}

#[test]
fn an_item_that_the_server_held_does_not_come_back() {
    let place = tempfile::tempdir().unwrap();
    let sold = sold(1);
    let encrypted = offer(&sold);
    let order = countersigned(&encrypted, ordered(&encrypted, &sold, 1));
    // As if the offer had been of an item: what was attached says so.
    let item =
        settlement::purchases::HeldItem { bytes: 12, checksum: auction::layout::Digest([9; 32]) };
    let record = PurchaseRecord { offer: offer_held(item).offer().clone(), key: None };
    let order = order.verify(&charter()).unwrap();
    let chain = Chain::new(vec![order], Some(record.to_bytes())).unwrap();
    let (receipt, mut keeper) = lost(place.path(), chain);
    let refused = NotReadmitted::Kind(NotTakenBack::HeldItem);
    assert_eq!(bring(&mut keeper, &receipt), Err(refused));
    assert_eq!(available(&keeper), [100, 100]);
}
