//! Receipts: what they prove to either side and to everybody.

use settlement::bookkeeper::Bookkeeper;
use settlement::goods::GoodsKey;
use settlement::journal::{Directory, Options, Receipt};
use settlement::ledger::{Action, Chain, Code, Request, SignedRequest, Sum};
use settlement::purchases::{NotAPurchase, PurchaseReceipt};

use crate::world::*;

/// What a server's journal proves after these chains, each under its account and id.
pub fn receipts(chains: Vec<Chain>, asked: &[(u8, u128)]) -> Vec<Receipt> {
    let dir = tempfile::tempdir().unwrap();
    let storage = Directory::open(&dir.path().join("journal")).unwrap();
    let options = Options { segment_bytes: 1 << 20 };
    let opened = Bookkeeper::open(storage, charter(), signer(1), options).unwrap();
    let mut keeper = opened.serve_confirmed();
    let unflushed = keeper.submit(chains, NOW).unwrap();
    keeper.flush().unwrap();
    keeper.release(unflushed).unwrap();
    let receipt = |(owner, number): &(u8, u128)| {
        let found = keeper.receipt(&account(*owner), id(*number)).unwrap();
        keeper.release(found).unwrap().unwrap()
    };
    asked.iter().map(receipt).collect()
}

pub fn deposit(number: u128, owner: u8) -> Chain {
    let action = Action::Deposit {
        owner: signer(owner).public(),
        currency: eur(),
        amount: Sum::new(100).unwrap(),
        reference: auction::layout::Digest::default(),
    };
    let request = Request { id: id(number), until: EXPIRES, action };
    Chain::from(SignedRequest::sign(&request, &signer(2), &charter()).verify(&charter()).unwrap())
}

#[test]
fn a_receipt_proves_the_purchase_with_and_without_the_key() {
    let sold = sold(1);
    let bought = purchase(&sold, 1);
    let (content, chains) =
        (bought.content(), vec![deposit(1, CUSTOMER), deposit(2, MERCHANT), bought.into_chain()]);
    let receipt = receipts(chains, &[(CUSTOMER, 1)]).remove(0);
    let key = || GoodsKey::from_bytes(sold.key.expose());
    let whole = PurchaseReceipt::new(receipt.clone(), Some(key()));
    let paid = whole.verify(&charter()).unwrap();
    assert_eq!((paid.content, paid.time), (content, NOW));
    assert_eq!(paid.offer.terms().price.get(), PRICE);
    assert_eq!(paid.customer(), signer(CUSTOMER).public());
    assert_eq!(paid.merchant(), signer(MERCHANT).public());
    let public = whole.without_key();
    assert_eq!(public.verify(&charter()).unwrap(), paid);
    assert!(public.key().is_none());
    // As files.
    let read = PurchaseReceipt::from_bytes(&whole.to_bytes().unwrap()).unwrap();
    assert!(read == whole);
    let bytes = public.to_bytes().unwrap();
    assert!(PurchaseReceipt::from_bytes(&bytes).unwrap() == public);
    assert!(!bytes.windows(32).any(|window| window == sold.key.expose()));
    assert!(!format!("{whole:?}").contains("0101"));
    // Another key, another ledger.
    let other = PurchaseReceipt::new(receipt, Some(crate::world::key(2)));
    assert_eq!(other.verify(&charter()), Err(NotAPurchase::OtherKey));
    assert!(matches!(whole.verify(&charter_of(9)), Err(NotAPurchase::Unproven(_))));
    for bit in (0..8 * bytes.len()).step_by(7) {
        let mut altered = bytes.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let accepted = PurchaseReceipt::from_bytes(&altered)
            .is_ok_and(|receipt| receipt.verify(&charter()).is_ok());
        assert!(!accepted, "bit {bit}");
    }
}

#[test]
fn a_receipt_of_a_refusal_or_of_something_else_proves_no_purchase() {
    let sold = sold(1);
    let poor = purchase(&sold, 1);
    let chains = vec![
        deposit(1, MERCHANT),
        deposit(2, CUSTOMER),
        {
            // All of it goes elsewhere first.
            let movement = settlement::ledger::Movement {
                debit: account(CUSTOMER),
                credit: account(MERCHANT),
                amount: Sum::new(80).unwrap(),
                reference: auction::layout::Digest::default(),
            };
            let request = Request { id: id(7), until: EXPIRES, action: Action::Post(movement) };
            Chain::from(forged(CUSTOMER, None, request).verify(&charter()).unwrap())
        },
        poor.into_chain(),
    ];
    let receipts = receipts(chains, &[(CUSTOMER, 1), (CUSTOMER, 7)]);
    let verified =
        |receipt: &Receipt| PurchaseReceipt::new(receipt.clone(), None).verify(&charter());
    assert_eq!(verified(&receipts[0]), Err(NotAPurchase::Refused(Code::InsufficientFunds)));
    assert_eq!(verified(&receipts[1]), Err(NotAPurchase::Other));
    assert_eq!(PurchaseReceipt::from_bytes(b"gavelRC\x01"), Err(NotAPurchase::NotAFile));
}
