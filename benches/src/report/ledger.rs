//! The ledger's figures: transfers through ledger and journal, and payments through the server.

use std::time::Instant;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::bookkeeper::{Bookkeeper, Unflushed};
use settlement::journal::{Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Movement, Outcome, Request, RequestId,
    SignedRequest, Sum,
};

use super::figure::{Amount, Figure};
use super::machine::cores;
use super::payments::{Payments, through_server};
use super::plan::Plan;
use super::plots::{Curve, Plot, Scale};
use super::{Site, bounds, tell};

const BATCH: usize = 8000;
const ACCOUNTS: u8 = 200;
/// Until when requests are good, by the clock of the journal alone.
const UNTIL: Time = Time(1_000_000);
/// Payers waiting, and the payments a second that are asked for.
const WAITING: [(usize, f64); 2] = [(32, 15_000.0), (256, 20_000.0)];
/// Payers waiting, for the plot alone.
const MORE_WAITING: [usize; 4] = [1, 4, 16, 64];

/// Both.
pub(crate) fn figures(site: &mut Site, plan: &Plan) {
    tell("transfers through ledger and journal");
    let kept = site.kept.clone();
    site.measure(|| {
        let (rate, signatures) = transfers(&kept, plan.transfers);
        let name = format!("transfers through ledger and journal, batches of {BATCH}, random ids");
        vec![
            Figure::new(name, Amount::Count(rate, "transfers/s"))
                .at_least(1_000_000.0)
                .peer("TigerBeetle 101,000 (random ids) to 506,000, measured on a machine of this kind")
                .note(format!(
                    "{} transfers; signatures checked before the clock starts, {signatures:.0}/s \
                     on {} cores",
                    plan.transfers,
                    cores()
                ))
                .bound(bounds::JOURNAL),
        ]
    });
    let mut curve = Vec::new();
    for (clients, target) in WAITING {
        tell(&format!("payments, {clients} waiting"));
        site.measure(|| {
            let runs =
                (0..plan.repeats.min(3)).map(|_| through_server(clients, plan.payments, false));
            let best = runs.max_by(|a, b| a.rate.total_cmp(&b.rate)).expect("a run");
            let verified = through_server(clients, plan.payments, true);
            curve.push((clients as f64, best.rate));
            vec![payment_figure(clients, &best, &verified).at_least(target)]
        });
    }
    if plan.curves.is_none() {
        return;
    }
    for clients in MORE_WAITING {
        let few = plan.payments.min(clients * 1000);
        curve.push((clients as f64, through_server(clients, few, false).rate));
    }
    curve.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    site.plots.push(Plot {
        file: "payments-against-clients",
        title: "Payments through the settlement server".to_owned(),
        across: "payers waiting",
        up: "payments/s",
        scale: Scale::BothLogarithmic,
        curves: vec![Curve::new("signed and receipted, payers on the same cores", curve)],
        in_t: false,
    });
}

fn payment_figure(clients: usize, best: &Payments, verified: &Payments) -> Figure {
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    Figure::new(
        format!("payments through the server, signed and receipted, {clients} waiting"),
        Amount::Count(best.rate, "payments/s"),
    )
    .peer(
        "TigerBeetle without signatures 1,950/s at 32; PostgreSQL 4,160 to 5,590/s at 32; \
         measured on a machine of this kind",
    )
    .note(format!(
        "a purchase adds two signatures and a sealed key (whole ones: benches/examples/purchase.rs); \
         server and payers share {} cores; from request to receipt {:.1} ms in the middle, {:.1} \
         ms at the slowest hundredth, {:.1} ms at most; {:.1} share a flush; {:.0} us of processor \
         time each, the payer's included; {:.0}/s where payers also check their receipts within \
         the time",
        cores(),
        millis(best.middle),
        millis(best.slow),
        millis(best.slowest),
        best.together,
        best.processor * 1e6,
        verified.rate
    ))
    .bound(bounds::PAYMENTS)
}

/// Transfers a second, and signatures checked a second before that.
fn transfers(place: &std::path::Path, transfers: usize) -> (f64, f64) {
    std::fs::create_dir_all(place).expect("a directory");
    let dir = tempfile::tempdir_in(place).expect("room for a journal");
    let signer = |seed: u8| Signer::new(&SecretKey::from_seed(&[seed; 32]));
    let [server, operator, postings] = [253, 254, 255].map(signer);
    let charter = Charter::new(server.public(), operator.public(), postings.public(), 1000);
    let charter = charter.expect("three different keys");
    let people: Vec<Signer> = (1..=ACCOUNTS).map(signer).collect();
    let made = side_by_side(transfers, |n, seed| payments(&people, &charter, n, seed));
    let begun = Instant::now();
    let batches = check(&made, &charter);
    let checked = transfers as f64 / begun.elapsed().as_secs_f64();
    let storage = Directory::open(dir.path()).expect("a directory");
    let opened = Bookkeeper::open(storage, charter, server, Options::default());
    let mut keeper = opened.expect("a new journal").serve_confirmed();
    keeper.start_helpers(|| {}).expect("another handle");
    fund(&mut keeper, &people, &operator, &charter);
    let begun = Instant::now();
    commit(&mut keeper, batches);
    (transfers as f64 / begun.elapsed().as_secs_f64(), checked)
}

/// Does work of so many pieces on all cores; each part has a number of its own.
fn side_by_side<T: Send>(pieces: usize, work: impl Fn(usize, u64) -> Vec<T> + Sync) -> Vec<T> {
    let parts = cores();
    let of = |part: usize| pieces * (part + 1) / parts - pieces * part / parts;
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..parts).map(|part| scope.spawn(move || work(of(part), part as u64))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    })
}

fn payments(people: &[Signer], charter: &Charter, n: usize, seed: u64) -> Vec<Vec<u8>> {
    let account = |person: &Signer| AccountId::of_owner(&person.public(), eur());
    let accounts: Vec<AccountId> = people.iter().map(account).collect();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut made = Vec::with_capacity(n);
    while made.len() < n {
        let (from, to) = (rng.random_range(0..people.len()), rng.random_range(0..people.len()));
        let id = RequestId::new(rng.random());
        let (Some(id), true) = (id, from != to) else { continue };
        let movement = Movement {
            debit: accounts[from],
            credit: accounts[to],
            amount: Sum::new(rng.random_range(1..1000)).expect("not zero"),
            reference: Digest(rng.random()),
        };
        let request = Request { id, until: UNTIL, action: Action::Post(movement) };
        made.push(SignedRequest::sign(&request, &people[from], charter).as_bytes().to_vec());
    }
    made
}

fn check(made: &[Vec<u8>], charter: &Charter) -> Vec<Vec<Chain>> {
    let parts: Vec<&[Vec<u8>]> = made.chunks(made.len().div_ceil(cores()).max(1)).collect();
    let chain = |bytes: &Vec<u8>| {
        let signed = SignedRequest::decode(bytes).expect("a request");
        Chain::from(signed.verify(charter).expect("signed"))
    };
    let chains: Vec<Chain> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .iter()
            .map(|part| scope.spawn(move || part.iter().map(chain).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    chains.chunks(BATCH).map(<[Chain]>::to_vec).collect()
}

fn fund(
    keeper: &mut Bookkeeper<Directory>,
    people: &[Signer],
    operator: &Signer,
    charter: &Charter,
) {
    let deposits = people.iter().zip(1u128..).map(|(person, number)| {
        let action = Action::Deposit {
            owner: person.public(),
            currency: eur(),
            amount: Sum::new(1 << 40).expect("not zero"),
            reference: Digest::default(),
        };
        let id = RequestId::new(number).expect("not reserved");
        let signed = SignedRequest::sign(&Request { id, until: UNTIL, action }, operator, charter);
        Chain::from(signed.verify(charter).expect("signed"))
    });
    let unflushed = keeper.submit(deposits.collect(), Time(1)).expect("applied");
    keeper.flush().expect("flushed");
    keeper.release(unflushed).expect("flushed");
}

/// One flush a batch; the next batch is applied while the one before is flushed.
fn commit(keeper: &mut Bookkeeper<Directory>, batches: Vec<Vec<Chain>>) {
    let release = |keeper: &Bookkeeper<Directory>, answers: Unflushed<Vec<Outcome>>| {
        let outcomes = keeper.release(answers).expect("flushed");
        assert!(outcomes.iter().all(|outcome| outcome.replies[0].code == Code::Done));
    };
    let mut before: Option<Unflushed<Vec<Outcome>>> = None;
    for (batch, time) in batches.into_iter().zip(2..) {
        let unflushed = keeper.submit(batch, Time(time)).expect("applied");
        // Waits for the flush before it.
        keeper.begin_flush().expect("flushed");
        if let Some(answers) = before.replace(unflushed) {
            release(keeper, answers);
        }
    }
    keeper.end_flush().expect("flushed");
    if let Some(answers) = before {
        release(keeper, answers);
    }
}

/// The currency of all figures.
pub(crate) fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").expect("a currency")
}
