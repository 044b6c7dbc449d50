//! What comes of the merchant's [`wares`](super::wares): what the server makes of all that may be
//! brought to it, its receipts, and what the judge makes of them. What a state needs to know is
//! looked up here; it was computed once, by the `settlement` crate.

use std::collections::HashMap;
use std::sync::LazyLock;

use settlement::bookkeeper::Bookkeeper;
use settlement::goods::{check_with_key, open, unwatched};
use settlement::journal::{Directory, Options, Receipt};
use settlement::judge::auction::Found;
use settlement::judge::purchase::{self as judge, Brought as Shown, Case, Subject};
use settlement::ledger::{Action, Chain, Movement, Request, SignedRequest};
use settlement::purchases::{
    Delivered, Delivery, PurchaseReceipt, PurchaseRecord, Safe, Submission, VerifiedOffer, decide,
};
use zeroize::Zeroizing;

use super::wares::{GOOD, Made, customer, key, made, merchant, offered};
use super::{ORDER, UNTIL};
use crate::bank::{self, Holder};
use crate::goods::{Content, Key, Sealed};
use crate::protocol::Party;

/// What may be brought to the server as a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Brought {
    /// The order under the offer of a file, with that offer and a key.
    Whole(Sealed, Key),
    /// An order for twice the price that the merchant signed in both places.
    Overcharge,
    /// The order alone, countersigned by this party.
    Alone(Party, Sealed),
    /// The order and something that is no offer and no key.
    Attached(Sealed),
}

/// What a committed purchase is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bought {
    /// The offered file.
    pub(super) file: Sealed,
    /// The key on record.
    pub(super) key: Key,
}

struct Shop {
    made: [Made; 3],
    safe: Safe,
    /// What comes of all that may be brought, where it is a chain at all.
    chains: HashMap<Brought, Chain>,
    /// The numbers of the chains that commit with a key, and what is proved of each.
    bought: HashMap<u8, Paid>,
    orders: [[[bool; 2]; 3]; 3],
    accepted: [[[bool; 2]; 3]; 3],
}

struct Paid {
    bought: Bought,
    /// By shown file and key.
    judged: HashMap<(Sealed, Option<Key>), Option<Content>>,
}

static SHOP: LazyLock<Shop> = LazyLock::new(Shop::open);

/// e Whether the customer can order under the offer of a file by another that lies on her disk.
pub(super) fn orders(offered: Sealed, came: Sealed, now: u8) -> bool {
    SHOP.orders[index(offered)][index(came)][usize::from(now)]
}

/// f Whether a merchant who offered one file countersigns the order under the offer of another.
pub(super) fn accepts(own: Sealed, ordered: Sealed, now: u8) -> bool {
    SHOP.accepted[index(own)][index(ordered)][usize::from(now)]
}

/// g What the server brings to its ledger, and its number; nothing where it refuses before.
pub(super) fn chain(brought: Brought) -> Option<(u8, &'static Chain)> {
    SHOP.chains.get(&brought).map(|chain| (number(brought), chain))
}

/// What the committed chain of a number is of, by its record and the key in it; nothing where
/// there is none on record.
pub(super) fn bought(number: u8) -> Option<Bought> {
    SHOP.bought.get(&number).map(|paid| paid.bought)
}

/// What a judge finds that was delivered, by the receipt of the chain of a number, a file and a
/// key.
pub(super) fn judged(number: u8, shown: Sealed, key: Option<Key>) -> Option<Content> {
    SHOP.bought.get(&number).and_then(|paid| paid.judged[&(shown, key)])
}

fn index(file: Sealed) -> usize {
    usize::from(file.number()) - 1
}

fn number(brought: Brought) -> u8 {
    match brought {
        Brought::Whole(file, Key::Right) => file.number(),
        Brought::Whole(file, Key::Wrong) => 10 + file.number(),
        Brought::Overcharge => 20,
        Brought::Alone(Party::Merchant, file) => 30 + file.number(),
        Brought::Alone(_, file) => 40 + file.number(),
        Brought::Attached(file) => 50 + file.number(),
    }
}

impl Shop {
    fn open() -> Self {
        let made = made();
        #[expect(clippy::expect_used, reason = "one secret")]
        let safe = Safe::new(vec![Zeroizing::new([77; 32])]).expect("a safe");
        let times = [0, UNTIL];
        let orders = std::array::from_fn(|offer| {
            std::array::from_fn(|came| {
                times.map(|now| {
                    let goods = made[came].checked[offer].as_ref();
                    goods.is_some_and(|goods| made[offer].order(goods, now).is_some())
                })
            })
        });
        let accepted = std::array::from_fn(|own| {
            std::array::from_fn(|ordered| {
                times.map(|now| {
                    let (order, charter) = (made[ordered].own_order(ordered), bank::charter());
                    order.verify(&made[own].offer, &charter, bank::time(now)).is_ok()
                })
            })
        });
        let mut shop =
            Self { made, safe, chains: HashMap::new(), bought: HashMap::new(), orders, accepted };
        for brought in Brought::all() {
            if let Some(chain) = shop.brought(brought) {
                if let Some(paid) = shop.paid(&chain) {
                    shop.bought.insert(number(brought), paid);
                }
                shop.chains.insert(brought, chain);
            }
        }
        shop
    }

    /// What the server makes of what is brought, before it asks its ledger.
    fn brought(&self, brought: Brought) -> Option<Chain> {
        let charter = bank::charter();
        let countersigned = |file: Sealed, by: Party| {
            let signer = if by == Party::Merchant { merchant() } else { customer() };
            let order = self.made[index(file)].own_order(index(file));
            let request = SignedRequest::decode(order.as_bytes()).ok()?;
            Some(request.countersign(&signer, &charter))
        };
        let alone = |request: SignedRequest, attached| {
            Chain::new(vec![request.verify(&charter).ok()?], attached).ok()
        };
        match brought {
            Brought::Whole(file, which) => {
                let order = countersigned(file, Party::Merchant)?;
                self.decide(&order, &self.made[index(file)].offer, which)
            }
            Brought::Overcharge => {
                let offer = offered(Delivery::Encrypted(self.made[0].goods), 2);
                let movement = Movement {
                    debit: bank::account(Holder::Customer),
                    credit: bank::account(Holder::Merchant),
                    amount: bank::sum(2),
                    reference: offer.offer().hash(),
                };
                let (id, until) = (bank::request_id(ORDER), bank::time(UNTIL));
                let request = Request { id, until, action: Action::Purchase(movement) };
                let order = SignedRequest::sign(&request, &merchant(), &charter);
                self.decide(&order.countersign(&merchant(), &charter), &offer, Key::Right)
            }
            Brought::Alone(by, file) => alone(countersigned(file, by)?, None),
            Brought::Attached(file) => alone(countersigned(file, Party::Merchant)?, Some(vec![0])),
        }
    }

    fn decide(&self, order: &SignedRequest, offer: &VerifiedOffer, which: Key) -> Option<Chain> {
        let submission = Submission {
            order: order.as_bytes().to_vec(),
            offer: offer.offer().as_bytes().to_vec(),
        };
        let decided = decide(submission, &Delivered::Key(key(which)), &bank::charter(), &self.safe);
        decided.ok().map(settlement::purchases::Purchase::into_chain)
    }

    /// What a chain's record and receipt say once it is committed.
    fn paid(&self, chain: &Chain) -> Option<Paid> {
        let record = PurchaseRecord::read(chain.attachment()?).ok()??;
        let at = self.made.iter().position(|made| *made.offer.offer() == record.offer)?;
        let made = &self.made[at];
        let content = chain.requests().first()?.content();
        let opened = self.safe.open(&content, &record.key?, &made.goods.key_hash);
        let on_record = if opened.is_ok() { Key::Right } else { Key::Wrong };
        let receipt = receipt(chain)?;
        // h What customer and merchant check before they believe it.
        let told = PurchaseReceipt::new(receipt.clone(), Some(key(on_record)));
        told.verify(&bank::charter()).ok()?;
        let bought = Bought { file: Sealed::ALL[at], key: on_record };
        let keys = [None, Some(Key::Right), Some(Key::Wrong)];
        let shown = Sealed::ALL.into_iter().flat_map(|file| keys.map(|key| (file, key)));
        let judged = shown.map(|(file, key)| ((file, key), self.judge(made, &receipt, file, key)));
        let judged = judged.collect();
        Some(Paid { bought, judged })
    }

    /// What the judge finds that was delivered, a person having looked at what he gives to see.
    fn judge(
        &self,
        made: &Made,
        receipt: &Receipt,
        shown: Sealed,
        by: Option<Key>,
    ) -> Option<Content> {
        let (charter, shown) = (bank::charter(), &self.made[index(shown)]);
        let opened = by.map(|by| {
            check_with_key(shown.encrypted.as_slice(), &key(by), &shown.goods, &mut unwatched)
        });
        let case = Case {
            charter: &charter,
            offer: Some(made.offer.signed()),
            receipt: Some(&PurchaseReceipt::new(receipt.clone(), None)),
            goods: Shown::Encrypted(shown.goods),
            key_hash: by.map(|by| key(by).hash()),
            opened,
        };
        match judge::judge(&case).found(Subject::Content)? {
            Found::Fails => Some(Content::Garbage),
            Found::ToBeSeen => {
                let mut seen = Vec::new();
                let (bytes, by) = (shown.encrypted.as_slice(), key(by?));
                open(bytes, &mut seen, &by, &shown.goods, &mut unwatched).ok()?;
                Some(if seen == GOOD { Content::Good } else { Content::Garbage })
            }
            Found::Holds | Found::NotShown | Found::NotOwed => None,
        }
    }
}

impl Brought {
    fn all() -> Vec<Self> {
        let each = Sealed::ALL.into_iter().flat_map(|file| {
            [
                Self::Whole(file, Key::Right),
                Self::Whole(file, Key::Wrong),
                Self::Alone(Party::Merchant, file),
                Self::Alone(Party::Customer, file),
                Self::Attached(file),
            ]
        });
        each.chain([Self::Overcharge]).collect()
    }
}

/// The receipt that the server's journal gives for a chain, once everybody has money.
fn receipt(chain: &Chain) -> Option<Receipt> {
    let dir = tempfile::tempdir().ok()?;
    let storage = Directory::open(dir.path()).ok()?;
    let options = Options { segment_bytes: 1 << 20 };
    let (charter, server) = (bank::charter(), bank::server());
    let mut keeper = Bookkeeper::open(storage, charter, server, options).ok()?.serve_confirmed();
    let mut chains: Vec<Chain> = bank::deposits().collect();
    chains.push(chain.clone());
    let unflushed = keeper.submit(chains, bank::time(0)).ok()?;
    keeper.flush().ok()?;
    keeper.release(unflushed).ok()?;
    let found = keeper.receipt(&bank::account(Holder::Customer), bank::request_id(ORDER)).ok()?;
    keeper.release(found).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_needs_its_own_goods_and_the_server_its_own_key() {
        for file in Sealed::ALL {
            for other in Sealed::ALL {
                let same = file == other;
                assert_eq!((orders(file, other, 0), accepts(file, other, 0)), (same, same));
                assert!(!orders(file, other, UNTIL) && !accepts(file, other, UNTIL));
            }
            let (number, _) = chain(Brought::Whole(file, Key::Right)).unwrap();
            assert_eq!(bought(number), Some(Bought { file, key: Key::Right }));
            assert!(chain(Brought::Whole(file, Key::Wrong)).is_none());
            // The ledger refuses them: nothing is bought.
            let (alone, _) = chain(Brought::Alone(Party::Merchant, file)).unwrap();
            assert_eq!(bought(alone), None);
            let shown = |shown, key| judged(number, shown, Some(key));
            assert_eq!(shown(file, Key::Right), Some(file.open(Key::Right)));
            assert_eq!(shown(file, Key::Wrong), None);
            for other in Sealed::ALL.into_iter().filter(|other| *other != file) {
                assert_eq!(shown(other, Key::Right), None, "{other:?} for {file:?}");
            }
        }
        assert!(chain(Brought::Overcharge).is_none());
    }
}
