//! An accumulator, the settlement server, the winner and the seller each killed (SIGKILL) between
//! outcome and receipt: after a restart the payment completes once, or at V the money is free
//! again; never half.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bidder::Committee as CommitteeFile;
use rand::RngExt as _;
use rand::rngs::StdRng;
use settlement::service::auctions::{DecisionView, Stage};
use tests::command::{Ran, command, gavel};
use tests::market::{LEVELS, Market};
use tests::seeds::seeded;

const PROGRAM: &str = env!("CARGO_BIN_EXE_settlement_server");

/// A market with an auction in which bidder 1 is to win at level 3, closed with an outcome, of
/// which the settlement server has not heard.
async fn with_outcome() -> Market {
    let mut market = Market::open(PROGRAM, 2).await;
    market.announce().await;
    market.bid(0, 3).await;
    market.bid(1, 9).await;
    market.close().await;
    market
}

fn is_sale(market: &Market, decision: &DecisionView) -> bool {
    let winner = market.auction_key(1).public();
    matches!(decision, DecisionView::Sale { winner: who, .. } if *who == winner)
}

#[tokio::test(flavor = "multi_thread")]
async fn accumulators_killed_after_the_outcome_are_waited_for() {
    let mut market = with_outcome().await;
    market.committee.kill_all();
    let word = Some(market.word());
    let standing = market.anyone().settle(market.id(), word).await.unwrap();
    assert!(matches!(standing.stage, Stage::Settling { .. }), "{standing:?}");
    market.committee.accumulators[1].start();
    assert!(is_sale(&market, &market.settled(word).await));
    // The other comes back when all is over, and nothing happens again.
    market.committee.accumulators[0].start();
    assert!(is_sale(&market, &market.settled(word).await));
    market.check_paid(Some((1, 3))).await;
    market.check_audit(1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn accumulators_that_never_come_back_leave_the_money_free_at_v() {
    let mut market = with_outcome().await;
    market.committee.kill_all();
    let word = Some(market.word());
    market.anyone().settle(market.id(), word).await.unwrap();
    market.server.kill();
    market.shift_to(market.decided_by());
    market.server.start();
    assert_eq!(market.settled(None).await, DecisionView::Void);
    market.check_paid(None).await;
    // An accumulator that comes back then, and a transcript that is brought, change nothing.
    market.committee.start_all();
    let transcript = market.sale.as_ref().unwrap().transcript(0).await;
    let standing = market.anyone().hand_in(market.id(), &transcript, |_| {}).await.unwrap();
    assert!(matches!(standing.stage, Stage::Decided { decision: DecisionView::Void, .. }));
    market.check_paid(None).await;
    market.check_audit(0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_server_killed_again_and_again_settles_once() {
    let mut rng = seeded("a_settlement_server_killed_again_and_again_settles_once");
    let mut market = with_outcome().await;
    let word = Some(market.word());
    // Once it is told, the word is on its disk, whatever becomes of it.
    market.anyone().settle(market.id(), word).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..250))).await;
        market.server.kill();
        market.server.start();
    }
    assert!(is_sale(&market, &market.settled(None).await));
    market.check_paid(Some((1, 3))).await;
    market.check_audit(1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_server_that_is_down_until_v_has_let_everybody_keep_his_money() {
    let mut market = with_outcome().await;
    market.server.kill();
    market.shift_to(market.decided_by());
    market.server.start();
    // The accumulators have a transcript, and it is too late.
    assert_eq!(market.settled(Some(market.word())).await, DecisionView::Void);
    market.check_paid(None).await;
    market.check_audit(0, 1);
}

/// Runs a command and kills it after a while, again and again, until it has come to its end.
fn run_killed(rng: &mut StdRng, dir: &Path, words: &[&str]) -> Ran {
    for _ in 0..6 {
        let mut child =
            command(dir, words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.random_range(0..200)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    gavel(dir, words)
}

/// Files for commands: the committee, the charter, and a key.
fn files(market: &Market, name: &str, seed: &[u8; 32]) {
    let folder = market.committee.folder();
    let members = market.committee.accumulators.iter().map(|one| one.member().clone()).collect();
    let committee = CommitteeFile { members }.to_toml();
    std::fs::write(folder.join("committee.toml"), committee).unwrap();
    std::fs::write(folder.join("charter.toml"), market.server.charter_file().to_toml()).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, hex::encode(seed)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winner_killed_while_he_collects_pays_once_and_gets_the_goods() {
    let mut rng = seeded("a_winner_killed_while_he_collects_pays_once_and_gets_the_goods");
    let mut market = Market::open(PROGRAM, 2).await;
    market.announce().await;
    market.bid(0, 3).await;
    files(&market, "winner.key", market.account_key(1).seed());
    let (folder, id) = (market.committee.folder().to_owned(), market.id().to_string());
    let open = ["account", "open", "--account", "winner", "--key", "winner.key"];
    gavel(&folder, &open).done();
    // Killed while he bonds and bids, he does so once.
    let top =
        format!("{}.{:02}", (1_000 + 50 * (LEVELS - 1)) / 100, (1_000 + 50 * (LEVELS - 1)) % 100);
    let bid = ["bid", &id, "--price", &top, "--yes", "--wallet", "wallet", "--account", "winner"];
    let ran = run_killed(&mut rng, &folder, &bid);
    if ran.code != Some(0) {
        // It was recorded before a kill.
        assert!(ran.said.contains("--retry"), "{ran:?}");
        gavel(&folder, &["bid", &id, "--retry", "--wallet", "wallet"]).done();
    }
    market.close().await;
    let settle = ["settle", "--auction", &id, "--wallet", "wallet"];
    run_killed(&mut rng, &folder, &settle).done();
    let receipt = ["receipt", "--auction", &id, "--wallet", "wallet", "--out", "bought"];
    let ran = run_killed(&mut rng, &folder, &receipt);
    // An attempt that had written them before it was killed is not overwritten.
    assert!(ran.code == Some(0) || ran.said.contains("already something"), "{ran:?}");
    assert_eq!(std::fs::read(folder.join("bought")).unwrap(), market.plaintext);
    gavel(&folder, &receipt[..5]).done();
    // Nothing in the clear stays beside them.
    let left = std::fs::read_dir(&folder).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let parts: Vec<String> = names.filter(|name| name.ends_with(".part")).collect();
    assert_eq!(parts, Vec::<String>::new());
    market.check_paid(Some((1, 3))).await;
    market.check_audit(1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_killed_after_the_outcome_is_paid_without_his_doing() {
    let mut rng = seeded("a_seller_killed_after_the_outcome_is_paid_without_his_doing");
    let mut market = Market::open(PROGRAM, 2).await;
    market.announce().await;
    market.bid(0, 3).await;
    market.bid(1, 9).await;
    files(&market, "seller.key", market.committee.seller.seed());
    let (folder, id) = (market.committee.folder().to_owned(), market.id().to_string());
    run_killed(&mut rng, &folder, &["auction", "close", &id, "--seller-key", "seller.key"]).done();
    market.outcome().await;
    // He never tells the settlement server, which hears of no transcript before closing.
    let standing = market.anyone().settle(market.id(), None).await.unwrap();
    assert_eq!(standing.stage, Stage::Open);
    market.server.kill();
    market.shift_to_closing();
    market.server.start();
    assert!(is_sale(&market, &market.settled(None).await));
    let words = ["receipt", "--auction", &id, "--seller-key", "seller.key", "--receipt", "r"];
    run_killed(&mut rng, &folder, &words).done();
    assert!(folder.join("r").is_file());
    market.check_paid(Some((1, 3))).await;
    market.check_audit(1, 0);
}
