//! Evidence as people would bring it, made with fixed seeds: what later versions must read and
//! judge as this one does. The ignored test writes the files.

use auction::bid::{ShareDelivery, Submission};
use auction::dispute::{AccumulatorEvidence, RefusalEvidence, Setting, ShareEvidence};
use auction::equivocation::Equivocation;
use auction::evidence::{Evidence, Role};
use auction::layout::Digest;
use auction::messages::{Body, Content, Listed, RoundMessage};
use auction::prices::Level;
use auction::receipts::{Reason, Receipt as BidReceipt, Refusal};
use auction::sealing::seal;
use auction::shares::Share;
use settlement::auctions::{Attached, SaleRecord};
use settlement::journal::{Directory, SignedHead, Storage, backup};
use settlement::judge::evidence::judge_file;
use settlement::judge::payment::{GivenSecret, PaymentEvidence};
use settlement::judge::ticket::TicketEvidence;
use settlement::ledger::{Action, Chain, Code, Movement, Sum};
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::service::CharterParts;
use witness::ServerEvidence;
use witness::evidence::{Case, Word};

use crate::corrupt::{disk_of, keeper, receipt, unfunded, with_garbage};
use crate::disk::Disk;
use crate::in_memory;
use crate::world::{Setting as Setting_, *};

const README: &str = include_str!("samples.md");

/// A file, and whom the judge convicts by it alone.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    convicted: Option<Role>,
}

fn sample(name: &'static str, evidence: &impl Evidence, convicted: Option<Role>) -> Sample {
    Sample { name, bytes: evidence.to_file().unwrap(), convicted }
}

/// A bid of bidder 1 with its submissions.
fn submissions(world: &World) -> Vec<Submission> {
    let committee = world.committee.as_ref().unwrap();
    let ticket = world.state().bond(&bidder(1).public()).unwrap().ticket(&server());
    let mut rng = in_memory::rng(21);
    seal(&committee.auction, Level(5), &bidder(1), Some(ticket), &mut rng).unwrap()
}

fn list(world: &World, k: u8, listed: Vec<Listed>) -> RoundMessage {
    let context = *world.committee.as_ref().unwrap().auction.context();
    let content = Content::List(listed);
    let body = Body { context, round: 0, previous: context, accumulator: k, content };
    body.sign(&world.identities[usize::from(k)])
}

/// Disputes between a bidder and accumulators.
fn disputes(samples: &mut Vec<Sample>) {
    let mut world = World::new(&Setting_::default());
    world.bond(1, 6);
    let auction = world.committee.as_ref().unwrap().auction.clone();
    let context = *auction.context();
    let submissions = submissions(&world);
    let (bid, digest) = (&submissions[0].bid, submissions[0].bid.digest());
    let given = BidReceipt::sign(&context, digest, 1, &world.identities[1]);
    let words = Equivocation::Omission(Box::new((given, list(&world, 1, Vec::new()))));
    let omission = AccumulatorEvidence::of(&auction, words);
    samples.push(sample("omission", &omission, Some(Role::Accumulator(1))));
    let listed = |complete| vec![Listed { bid: digest, complete }];
    let lists = [true, false].map(|complete| list(&world, 0, listed(complete)));
    let words = Equivocation::Messages(Box::new(lists));
    let equivocation = AccumulatorEvidence::of(&auction, words);
    samples.push(sample("equivocation", &equivocation, Some(Role::Accumulator(0))));
    // To the accumulator that gets a seed another seed than was committed to.
    let k = (auction.explicit_share_of(&bidder(1).public()) as u8 + 1) % 2;
    let wrong = Share::Seed([5; 32]);
    let delivery = ShareDelivery::sign(&context, digest, k, wrong, &bidder(1));
    let (setting, bid) = (Setting::of(&auction), bid.clone());
    let share = ShareEvidence { setting: setting.clone(), bid: bid.clone(), delivery };
    samples.push(sample("share", &share, Some(Role::Bidder)));
    let good = submissions[1].delivery.clone();
    let reason = Reason::ShareDoesNotOpen(good.digest(&context));
    let refusal = Refusal::sign(&context, digest, 1, reason, &world.identities[1]);
    let refusal = RefusalEvidence { setting, bid, refusal, delivery: Some(good) };
    samples.push(sample("refusal", &refusal, Some(Role::Accumulator(1))));
}

fn payment(number: u128, by: u8, amount: u64, world: &World) -> Chain {
    let movement = Movement {
        debit: account(&account_key(by)),
        credit: account(&seller()),
        amount: Sum::new(amount).unwrap(),
        reference: Digest::default(),
    };
    Chain::from(world.signed(&account_key(by), number, Action::Post(movement)))
}

fn head(disk: &Disk) -> SignedHead {
    let keeper = keeper(disk);
    keeper.release(keeper.head()).unwrap()
}

/// A server with two histories.
fn histories(samples: &mut Vec<Sample>) {
    let both = [2u8, 3].map(|payer| {
        let mut world = World::new(&Setting_::default());
        for (number, now) in [(1, 1_600), (2, 1_700)] {
            let chain = payment(number, payer, 100, &world);
            assert_eq!(world.code(chain, now), Code::Done);
        }
        disk_of(&world)
    });
    let of = charter().ledger_key();
    let evidence = |case| ServerEvidence { of, case };
    let heads = [head(&both[0]), head(&both[1])];
    let words = Box::new(heads.map(Word::Head));
    samples.push(sample(
        "two-heads",
        &evidence(Case::Words(words, Vec::new())),
        Some(Role::Server),
    ));
    let entries = [2u8, 3].map(|payer| {
        let disk = &both[usize::from(payer) - 2];
        let receipt = receipt(disk, account(&account_key(payer)), id(1));
        Word::Entry(Box::new(receipt.inclusion()))
    });
    let case = Case::Words(Box::new(entries), Vec::new());
    samples.push(sample("two-entries", &evidence(case), Some(Role::Server)));
    let mut longer = World::new(&Setting_::default());
    let chain = payment(1, 2, 100, &longer);
    assert_eq!(longer.code(chain, 1_600), Code::Done);
    let pair = Box::new([head(&disk_of(&longer)), heads[1]]);
    samples.push(sample("unanswered", &evidence(Case::Unanswered(pair)), None));
}

/// A sale whose record names another price.
fn at_another_price(world: &mut World, bytes: &[u8]) -> Chain {
    let right = world.decision(bytes, 5_000);
    let Some(Attached::Sale(record)) = Attached::read(right.attachment().unwrap()).unwrap() else {
        panic!("no sale")
    };
    let price = auction::money::Amount(record.price.0 + 100);
    let record = SaleRecord { price, ..record };
    Chain::new(right.requests().to_vec(), Some(Attached::Sale(record).to_bytes())).unwrap()
}

fn sold(chain: impl FnOnce(&mut World, &[u8]) -> Chain) -> (World, PaymentEvidence) {
    let mut world = World::new(&Setting_::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let chain = chain(&mut world, &bytes);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let disk = disk_of(&world);
    let key = settlement::auctions::postings::decision_key(world.state().registered());
    let evidence = PaymentEvidence {
        charter: CharterParts::from(&charter()),
        transcript: bytes,
        decision: Some(receipt(&disk, key.account, key.id)),
        order: Some(receipt(&disk, account(&account_key(1)), id(1_001))),
        delivery: None,
        dispatch: None,
        dispute: None,
        payout: None,
    };
    (world, evidence)
}

fn payments(samples: &mut Vec<Sample>) {
    let (_, price) = sold(at_another_price);
    samples.push(sample("price", &price, Some(Role::Server)));
    let (_, garbage) = sold(with_garbage);
    let opening = OpeningKey::derive(bidder(1).seed(), Purpose::Delivery);
    let delivery = Some(GivenSecret(*opening.to_bytes()));
    let garbage = PaymentEvidence { delivery, ..garbage };
    samples.push(sample("garbage-key", &garbage, Some(Role::Server)));
}

/// A ticket without a bond, and the journal that lacks it.
fn ticket(samples: &mut Vec<Sample>) -> Disk {
    let mut world = World::new(&Setting_::default());
    world.bond(1, 6);
    let ticket = unfunded(&world, 0);
    let bytes = world.run(&[(1, 5)]);
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let disk = disk_of(&world);
    let evidence = TicketEvidence {
        charter: CharterParts::from(&charter()),
        spec: world.spec.signed().clone(),
        ticket,
        head: Some(head(&disk)),
        bond: None,
    };
    samples.push(sample("ticket", &evidence, None));
    let flushed = keeper(&disk).flushed();
    let copy = Disk::new();
    backup(&mut disk.clone(), &mut copy.clone(), &charter(), flushed).unwrap();
    copy
}

fn samples() -> (Vec<Sample>, Disk) {
    let mut samples = Vec::new();
    disputes(&mut samples);
    histories(&mut samples);
    payments(&mut samples);
    let journal = ticket(&mut samples);
    (samples, journal)
}

fn convicted(bytes: &[u8], journal: Option<&mut impl Storage>) -> Result<Vec<Role>, String> {
    let ruling = judge_file(bytes, journal, in_memory::rng(9)).map_err(|bad| bad.to_string())?;
    Ok(ruling.convicted.iter().map(|conviction| conviction.role).collect())
}

#[test]
fn every_sample_is_judged_as_its_table_says_and_nothing_altered_convicts() {
    let (samples, mut journal) = samples();
    for Sample { name, bytes, convicted: expected } in &samples {
        assert_eq!(convicted(bytes, ALONE).unwrap(), Vec::from_iter(*expected), "{name}");
        assert!(README.contains(&format!("`{name}.evidence`")), "{name} is not explained");
        // A bit altered anywhere: bad, or nobody is convicted who was not before.
        for place in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            let mut altered = bytes.clone();
            altered[place] ^= 0x10;
            let judged = convicted(&altered, ALONE).unwrap_or_default();
            assert!(judged.is_empty() || judged == Vec::from_iter(*expected), "{name} at {place}");
        }
    }
    let last = samples.last().unwrap();
    assert_eq!(convicted(&last.bytes, Some(&mut journal)).unwrap(), [Role::Server]);
}

#[test]
fn samples_are_the_same_each_time() {
    let ((one, journal), (other, again)) = (samples(), samples());
    for (one, other) in one.iter().zip(&other) {
        assert!(one.bytes == other.bytes, "{} differs", one.name);
    }
    for name in journal.names() {
        assert!(journal.bytes(&name) == again.bytes(&name), "{name} differs");
    }
}

const ALONE: Option<&mut Disk> = None;

/// What an earlier version wrote is read and judged as it was, and today's has the same form. Not
/// the same bytes: how the randomness of a proof is drawn is no part of the format.
#[test]
fn what_has_shipped_is_read_and_judged_as_it_was() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../evidence");
    let (samples, journal) = samples();
    let mut last = Vec::new();
    for Sample { name, bytes, convicted: expected } in &samples {
        let shipped = std::fs::read(dir.join(format!("{name}.evidence"))).unwrap();
        assert_eq!(convicted(&shipped, ALONE).unwrap(), Vec::from_iter(*expected), "{name}");
        assert_eq!(shipped.len(), bytes.len(), "{name}.evidence has another form today");
        last = shipped;
    }
    // The last is a ticket without a bond, which the journal proves.
    let mut shipped = Directory::open_to_read(&dir.join("journal")).unwrap();
    assert_eq!(convicted(&last, Some(&mut shipped)).unwrap(), [Role::Server]);
    for name in journal.names() {
        let shipped = std::fs::read(dir.join("journal").join(&name)).unwrap();
        assert_eq!(shipped.len(), journal.bytes(&name).len(), "the journal's {name}");
    }
    let readme = std::fs::read_to_string(dir.join("README.md")).unwrap();
    assert!(readme == README, "evidence/README.md is another text than samples.md");
}

/// `GAVEL_EVIDENCE=DIR cargo test -p settlement --test auctions write_samples -- --ignored`
#[test]
#[ignore = "writes files where GAVEL_EVIDENCE says"]
fn write_samples() {
    let dir = std::path::PathBuf::from(std::env::var_os("GAVEL_EVIDENCE").expect("a directory"));
    let (samples, mut journal) = samples();
    std::fs::create_dir_all(dir.join("journal")).unwrap();
    std::fs::write(dir.join("README.md"), README).unwrap();
    for sample in samples {
        std::fs::write(dir.join(format!("{}.evidence", sample.name)), sample.bytes).unwrap();
    }
    for name in journal.list().unwrap() {
        std::fs::write(dir.join("journal").join(&name), journal.bytes(&name)).unwrap();
    }
}
