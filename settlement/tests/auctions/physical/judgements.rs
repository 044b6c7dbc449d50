//! What the judge finds of physical goods, from receipts alone: of an honest server and of others.

use auction::spec::Time;
use settlement::auctions::Attached;
use settlement::auctions::physical::{Ground, PayoutRecord, Saying, Shares, Stage, Word};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Directory, Options, Receipt};
use settlement::judge::auction::{Case, DeliveryReceipts, Found, Judgement, Subject, judge};
use settlement::layout::Signer;
use settlement::ledger::{Action, Chain, Code, Movement, Sum};

use crate::in_memory;
use crate::world::physical::{
    FEE, PRICE, T2, T3, T4, awarded, dispatched, disputed, forged, in_stage, shares,
};
use crate::world::{World, account, charter, key, postings_key, seller, server};

/// A world's journal on a disk, of which receipts are asked.
struct Archive {
    keeper: Bookkeeper<Directory>,
    entries: Vec<Chain>,
    _dir: tempfile::TempDir,
}

impl Archive {
    fn of(world: &World) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = Directory::open(dir.path()).unwrap();
        let options = Options { segment_bytes: 1 << 20 };
        let opened = Bookkeeper::open(storage, charter(), Signer::new(&server()), options).unwrap();
        let mut keeper = opened.serve_confirmed();
        let mut entries = Vec::new();
        for (_, time, entry) in &world.journal {
            let outcomes = keeper.submit(vec![entry.chain.clone()], *time).unwrap();
            keeper.flush().unwrap();
            let outcomes = keeper.release(outcomes).unwrap();
            assert!(outcomes[0].replies.iter().all(|reply| reply.code == Code::Done));
            entries.push(entry.chain.clone());
        }
        Self { keeper, entries, _dir: dir }
    }

    /// The receipt of the last entry with such an attachment.
    fn receipt(&mut self, wanted: fn(&Attached) -> bool) -> Option<Receipt> {
        let attached = |chain: &&Chain| {
            let read = Attached::read(chain.attachment()?).unwrap()?;
            wanted(&read).then_some(())
        };
        let chain = self.entries.iter().rev().find(|chain| attached(chain).is_some())?;
        let request = chain.requests()[0].request();
        let account = match request.action {
            Action::PostHold { account, .. } | Action::Cancel { account } => account,
            Action::Hold { movement, .. } => movement.debit,
            action => panic!("{action:?}"),
        };
        let receipt = self.keeper.receipt(&account, request.id).unwrap();
        self.keeper.release(receipt).unwrap()
    }
}

/// What the winner brings.
struct Files {
    sale: Option<Receipt>,
    order: Option<Receipt>,
    dispatch: Option<Receipt>,
    dispute: Option<Receipt>,
    payout: Option<Receipt>,
    transcript: Vec<u8>,
}

impl Files {
    fn of(world: &World, transcript: Vec<u8>) -> Self {
        let mut archive = Archive::of(world);
        Self {
            sale: archive.receipt(|one| matches!(one, Attached::PhysicalSale(_))),
            order: archive.receipt(|one| match one {
                Attached::Bond(order) => order.terms().bidder == crate::world::bidder(1).public(),
                _ => false,
            }),
            dispatch: archive.receipt(|one| match one {
                Attached::Word(word) => matches!(word.saying(), Saying::Dispatched { .. }),
                _ => false,
            }),
            dispute: archive.receipt(|one| match one {
                Attached::Word(word) => matches!(word.saying(), Saying::Disputed { .. }),
                _ => false,
            }),
            payout: archive.receipt(|one| matches!(one, Attached::Payout(_))),
            transcript,
        }
    }

    fn judge(&self) -> Judgement {
        let case = Case {
            charter: &charter(),
            transcript: &self.transcript,
            decision: self.sale.as_ref(),
            order: self.order.as_ref(),
            goods: None,
            key_hash: None,
            delivery_secret: None,
            delivery: DeliveryReceipts {
                dispatch: self.dispatch.as_ref(),
                dispute: self.dispute.as_ref(),
                payout: self.payout.as_ref(),
            },
        };
        judge(&case, &mut in_memory::rng(5))
    }
}

fn found(judgement: &Judgement, subject: Subject) -> Found {
    let finding = judgement.findings.iter().find(|one| one.subject == subject);
    finding.unwrap_or_else(|| panic!("{subject:?} is not in {judgement:?}")).found
}

#[test]
fn every_honest_ending_is_proved_as_far_as_receipts_go() {
    type End = fn(&mut World);
    let ends: [(Stage, End); 7] = [
        (Stage::Sold, |world| world.tick(T2).unwrap()),
        (Stage::Sold, |world| world.say(Saying::Received, 8_000).unwrap()),
        (Stage::Dispatched, |world| world.tick(T3).unwrap()),
        (Stage::Dispatched, |world| world.say(Saying::Received, T3 - 1).unwrap()),
        (Stage::Disputed, |world| world.tick(T4).unwrap()),
        (Stage::Disputed, |world| world.say(awarded(500), T4 - 1).unwrap()),
        (Stage::Disputed, |world| world.say(Saying::Received, T4 - 1).unwrap()),
    ];
    for (stage, end) in ends {
        let (mut world, bytes) = in_stage(stage);
        end(&mut world);
        let mut files = Files::of(&world, bytes);
        let judgement = files.judge();
        assert!(judgement.is_complete(), "{stage:?}: {judgement:?}");
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Holds);
        // What is left out is said to be, and convicts nobody.
        files.dispatch = None;
        files.dispute = None;
        let judgement = files.judge();
        assert!(!judgement.fails(), "{stage:?}: {judgement:?}");
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Holds);
        files.sale = None;
        let judgement = files.judge();
        assert!(!judgement.fails(), "{judgement:?}");
        assert_eq!(found(&judgement, Subject::PaidOut), Found::NotShown);
    }
}

#[test]
fn before_the_payout_the_judge_says_what_is_open() {
    let (world, bytes) = in_stage(Stage::Dispatched);
    let judgement = Files::of(&world, bytes).judge();
    assert!(!judgement.fails() && !judgement.is_complete());
    assert_eq!(found(&judgement, Subject::Paid), Found::Holds);
    assert_eq!(found(&judgement, Subject::Dispatched), Found::Holds);
    assert_eq!(found(&judgement, Subject::Disputed), Found::NotShown);
    assert_eq!(found(&judgement, Subject::PaidOut), Found::NotShown);
}

/// What the judge finds of a payout, with the words that the winner can show.
fn judged(world: &mut World, chain: Chain, now: u64, bytes: &[u8]) -> Judgement {
    assert_eq!(world.code(chain, now), Code::Done);
    Files::of(world, bytes.to_vec()).judge()
}

#[test]
fn a_payout_against_what_the_journal_holds_convicts_the_server() {
    let whole = shares(PRICE - FEE, FEE, 0);
    for (stage, now, ground, shares) in [
        (Stage::Sold, T2 - 1, Ground::Undispatched, shares(0, 0, PRICE)),
        (Stage::Dispatched, T2, Ground::Undispatched, shares(0, 0, PRICE)),
        (Stage::Dispatched, T3 - 1, Ground::Undisputed, whole),
        (Stage::Disputed, T3, Ground::Undisputed, whole),
        (Stage::Disputed, T4 - 1, Ground::Unawarded, shares(0, 0, PRICE)),
        (Stage::Disputed, T4, Ground::Unawarded, whole),
        (Stage::Dispatched, T3, Ground::Undisputed, shares(PRICE, 0, 0)),
    ] {
        let (mut world, bytes) = in_stage(stage);
        let chain = forged(&world, ground.clone(), shares);
        let judgement = judged(&mut world, chain, now, &bytes);
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Fails, "{stage:?} {ground:?}");
        assert!(judgement.fails());
    }
}

/// The requests of a chain beside another record.
fn beside(chain: &Chain, ground: Ground, shares: Shares, world: &World) -> Chain {
    let record = PayoutRecord { auction: world.auction(), ground, shares };
    let record = Attached::Payout(record).to_bytes();
    Chain::new(chain.requests().to_vec(), Some(record)).unwrap()
}

#[test]
fn a_payout_that_is_right_but_for_its_time_convicts_the_server() {
    for (stage, end) in [(Stage::Sold, T2), (Stage::Dispatched, T3), (Stage::Disputed, T4)] {
        let (mut world, bytes) = in_stage(stage);
        let payout = world.delivery().due(Time(end)).unwrap();
        let early = world.payout(&payout, end);
        let judgement = judged(&mut world, early, end - 1, &bytes);
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Fails, "{stage:?}");
        let failing = judgement.findings.iter().filter(|one| one.found == Found::Fails);
        assert_eq!(failing.count(), 1);
    }
}

/// The server pays as if a word had not come that it has in its journal: whoever has the receipt of
/// the word convicts it, and without one nothing shows it.
#[test]
fn the_receipt_of_a_word_convicts_a_server_that_paid_as_if_it_had_none() {
    for (stage, saying, end) in
        [(Stage::Sold, dispatched(), T2), (Stage::Dispatched, disputed(), T3)]
    {
        let (mut world, bytes) = in_stage(stage);
        let payout = world.delivery().due(Time(end)).unwrap();
        let stale = world.payout(&payout, end);
        world.say(saying, end - 1).unwrap();
        assert_eq!(world.code(stale, end), Code::Done);
        let mut files = Files::of(&world, bytes);
        let judgement = files.judge();
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Fails, "{stage:?}");
        match stage {
            Stage::Sold => files.dispatch = None,
            _ => files.dispute = None,
        }
        let judgement = files.judge();
        assert_eq!(found(&judgement, Subject::PaidOut), Found::Holds, "{stage:?}");
    }
}

#[test]
fn words_of_others_and_other_movements_convict_the_server() {
    let (world, bytes) = in_stage(Stage::Disputed);
    let by = |who: &auction::keys::SecretKey, saying: Saying| {
        Word::sign(&charter().id(), world.auction(), saying, who).unwrap()
    };
    let whole = shares(PRICE - FEE, FEE, 0);
    // The movements of a confirmation, which are right for every whole sale.
    let right = world.chain_of(&world.word(Saying::Received), 8_000).unwrap().unwrap();
    let grounds = [
        (Ground::Received(world.word(Saying::Received)), Found::Holds),
        (Ground::Awarded(world.word(awarded(PRICE))), Found::Holds),
        (Ground::Received(by(&seller(), Saying::Received)), Found::Fails),
        (Ground::Awarded(by(&seller(), awarded(PRICE))), Found::Fails),
        (Ground::Awarded(world.word(awarded(500))), Found::Fails),
        (Ground::Received(world.word(disputed())), Found::Fails),
        (Ground::Unawarded, Found::Fails),
    ];
    for (ground, expected) in grounds {
        let mut world = world.copy();
        let chain = beside(&right, ground.clone(), whole, &world);
        let judgement = judged(&mut world, chain, 8_000, &bytes);
        assert_eq!(found(&judgement, Subject::PaidOut), expected, "{ground:?}");
    }
    // The right record beside a payment to somebody else.
    let mut world = world.copy();
    let right = world.chain_of(&world.word(awarded(0)), 8_000).unwrap().unwrap();
    let away = Movement {
        debit: world.escrow(),
        credit: account(&key(12)),
        amount: Sum::new(PRICE).unwrap(),
        reference: world.delivery().sale().transcript,
    };
    let mut requests = right.requests().to_vec();
    requests[1] = world.signed_until(&postings_key(), 904, T4, Action::Post(away));
    let record = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(requests, Some(record)).unwrap();
    let judgement = judged(&mut world, chain, 8_000, &bytes);
    assert_eq!(found(&judgement, Subject::PaidOut), Found::Fails);
}

#[test]
fn a_dispatch_that_came_late_or_after_the_payout_convicts_the_server() {
    let noted = |world: &World| {
        let cancel = Action::Cancel { account: world.escrow() };
        let request = world.signed_until(&postings_key(), 950, T4, cancel);
        let word = Attached::Word(world.word(dispatched())).to_bytes();
        Chain::new(vec![request], Some(word)).unwrap()
    };
    // Late; in time, and under an id of its own; after the price had left escrow.
    for now in [T2, T2 - 1] {
        let (mut world, bytes) = in_stage(Stage::Sold);
        let chain = noted(&world);
        let judgement = judged(&mut world, chain, now, &bytes);
        assert_eq!(found(&judgement, Subject::Dispatched), Found::Fails);
    }
    let (mut world, bytes) = in_stage(Stage::Sold);
    world.say(Saying::Received, 8_000).unwrap();
    let chain = noted(&world);
    let judgement = judged(&mut world, chain, 8_500, &bytes);
    assert_eq!(found(&judgement, Subject::Dispatched), Found::Fails);
}

#[test]
fn receipts_in_anothers_place_prove_nothing() {
    let (mut world, bytes) = in_stage(Stage::Disputed);
    world.say(awarded(500), 8_000).unwrap();
    let right = Files::of(&world, bytes);
    let swap = |change: fn(&mut Files)| {
        let mut files = Files { transcript: right.transcript.clone(), ..Files::of(&world, vec![]) };
        change(&mut files);
        files.judge()
    };
    assert!(swap(|_| ()).is_complete());
    let wrong = swap(|files| std::mem::swap(&mut files.dispatch, &mut files.dispute));
    assert_eq!(found(&wrong, Subject::Dispatched), Found::Fails);
    assert_eq!(found(&wrong, Subject::Disputed), Found::Fails);
    let wrong = swap(|files| files.payout = files.sale.clone());
    assert_eq!(found(&wrong, Subject::PaidOut), Found::Fails);
    let wrong = swap(|files| files.sale = files.payout.clone());
    assert_eq!(found(&wrong, Subject::Paid), Found::Fails);
    let wrong = swap(|files| {
        if let Some(payout) = &mut files.payout {
            payout.entry[0] ^= 1;
        }
    });
    assert_eq!(found(&wrong, Subject::PaidOut), Found::Fails);
}
