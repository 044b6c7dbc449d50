//! An accumulator that stays away: it is named, and after the last time the auction is void for
//! good. PROTOCOL section 4.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::thread::JoinHandle;

use auction::spec::{Rule, Time};
use bidder::Committee as CommitteeFile;
use link::Identity;
use link::service::{Answer, Declined, Phase, Question};
use serde_json::Value;
use tests::command::{Ran, gavel};
use tests::committee::{Committee, endpoint, now, peer};
use tests::needles::files;
use tests::sale::{Bid, PATIENCE, Sale};

/// From the announcement to the last time: enough for everything before it on a busy machine.
const LASTS: u64 = 15_000;

/// What `gavel auction watch` says until it ends.
fn watch(folder: &Path, sale: &Sale) -> JoinHandle<Ran> {
    let (folder, id) = (folder.to_owned(), sale.id().to_string());
    std::thread::spawn(move || gavel(&folder, &["auction", "watch", &id, "--json"]))
}

/// The states in all lines of `gavel auction watch --json`, the last ones last.
fn watched(ran: &Ran) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str::<Value>(line).unwrap()["states"].clone();
    ran.text.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_away_is_named_and_the_auction_is_void_for_good() {
    let mut committee = Committee::started(3);
    let members = committee.accumulators.iter().map(|one| one.member().clone()).collect();
    let file = CommitteeFile { members }.to_toml();
    std::fs::write(committee.folder().join("committee.toml"), file).unwrap();
    let mut terms = committee.terms(Rule::SecondPrice, 16);
    terms.closing = Time(terms.opening.0 + LASTS - 1);
    terms.last = Time(terms.opening.0 + LASTS);
    let last = terms.last;
    let sale = committee.announce(terms).await;
    let bids = sale.place_all(&[4, 9, 11]).await;
    committee.accumulators[1].kill();
    committee.close(&sale, 0).await;
    for k in [0, 2] {
        let named = |phase: &Phase| match phase {
            Phase::Closed { round: 0, waiting_for, .. } => *waiting_for == [1],
            _ => false,
        };
        sale.until(k, "silence named", |state| named(&state.phase)).await;
    }
    let watching = watch(committee.folder(), &sale);
    assert!(now() < last, "the machine is too busy for this test");

    for k in [0, 2] {
        sale.until(k, "void", |state| state.phase == Phase::Void).await;
        assert!(now() >= last);
    }
    committee.accumulators[1].start();
    sale.until(1, "void", |state| state.phase == Phase::Void).await;
    committee.accumulators[0].restart();
    for k in 0..3 {
        sale.until(k, "void", |state| state.phase == Phase::Void && state.outcome.is_none()).await;
    }
    // Who watched has read whose silence it was, and that it came to nothing.
    let watching = watching.join().unwrap();
    assert_eq!(watching.code, Some(1), "{watching:?}");
    assert!(watching.said.contains("void"), "{watching:?}");
    let states = watched(&watching);
    let named = |states: &Value| {
        states[0]["detail"]
            .as_str()
            .is_some_and(|text| text.contains("waiting for accumulators [1]"))
    };
    assert!(states.iter().any(named), "{watching:?}");
    let watching = watch(committee.folder(), &sale).join().unwrap();
    assert_eq!(watching.code, Some(1), "{watching:?}");
    // Its terms are forgotten with it: who looks later is told that it is over.
    assert!(watching.said.contains("finished with this auction"), "{watching:?}");

    nothing_more_is_said(&committee, &sale, &bids[0]).await;
    // Nothing is left to make a message with.
    committee.kill_all();
    for dir in committee.dirs() {
        assert_eq!(files(&dir.join("keys")), Vec::<std::path::PathBuf>::new());
    }
}

/// Neither to bidders, nor to auditors, nor to a fellow.
async fn nothing_more_is_said(committee: &Committee, sale: &Sale, bid: &Bid) {
    for k in 0..3 {
        let answer = sale.submit(k, bid).await;
        let refused = matches!(answer, Answer::Refused(_) | Answer::Declined(Declined::Finished));
        assert!(refused, "accumulator {k}: {answer:?}");
        let answer = sale.ask(k, &Question::Transcript(sale.id(), 0)).await;
        assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{k}: {answer:?}");
    }
    // Accumulator 1's identity asks the others for the lists that they had made, and to join again.
    let identity = Identity::from_seed(committee.accumulators[1].identity().seed());
    let endpoint = endpoint(&identity);
    let signed = sale.auction.verified_spec().signed().clone();
    for k in [0u8, 2] {
        let fellow = peer(&endpoint, committee.accumulators[usize::from(k)].member());
        for question in
            [Question::History(sale.id(), 0, k), Question::Announce(Box::new(signed.clone()))]
        {
            let answer: Answer = fellow.request(&question, PATIENCE).await.unwrap();
            assert_eq!(answer, Answer::Declined(Declined::Finished), "{question:?}");
        }
    }
}
