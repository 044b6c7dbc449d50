//! What a server paid out of escrow without right, and what it did not pay: both are found, and
//! both can be mended.

use settlement::auctions::physical::{Ground, Stage};
use settlement::ledger::{Action, Chain, Code};

use crate::corrupt::{disk_of, inquest};
use crate::world::physical::{T4, awarded, forged, in_stage, shares};
use crate::world::{account, postings_key, seller};

#[test]
fn what_was_rightly_paid_once_is_not_rightful_twice() {
    let (mut world, bytes) = in_stage(Stage::Disputed);
    // 486 to the seller and 550 to the winner would be right: the seller gets his part twice, the
    // winner nothing.
    let ground = Ground::Awarded(world.word(awarded(500)));
    let right = forged(&world, ground, shares(486, 14, 550));
    let mut requests = right.requests().to_vec();
    let to_seller = requests[1].request().action;
    assert!(matches!(to_seller, Action::Post(one) if one.amount.get() == 486));
    requests[3] = world.signed_until(&postings_key(), 905, T4 * 2, to_seller);
    let record = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(requests, Some(record)).unwrap();
    assert_eq!(world.code(chain, 8_000), Code::Done);
    let (report, _) = inquest(&disk_of(&world), world.auction(), Some(&bytes));
    let misdeed = &report.misdeeds[0];
    let wrong: Vec<_> = misdeed.movements.iter().map(|one| (one.moved.credit, one.wrong)).collect();
    assert_eq!(wrong, [(account(&seller()), 486)]);
}
