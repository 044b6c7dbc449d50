//! A paid auction through commands alone: accounts, escrow, bonds, settling, goods, receipts,
//! audit, judge, backup. Each command is a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::ops::Deref;
use std::process::Output;

use command::folder::{Folder, deposit};
use command::processes::{Process, committee, init};
use command::{gavel, json_of, said, text_of};
use serde_json::Value;

/// Three accumulators, a settlement server, and everybody's files.
struct Deployment {
    server: Option<Process>,
    _accumulators: Vec<Process>,
    files: Folder,
}

impl Deref for Deployment {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.files
    }
}

impl Deployment {
    fn new() -> Self {
        let files = Folder::new();
        let (accumulators, _) = committee(&files.path(""));
        let pay = files.path("pay");
        init("settlement", &pay);
        let server = Some(Process::run("settlement", &pay));
        files.show_charter("pay", &[]);
        Self { server, _accumulators: accumulators, files }
    }

    fn bid(&self, id: &str, who: &str, price: &str, more: &str) -> Output {
        let line = format!(
            "bid {id} --price - --yes --json --wallet @{who}.wallet --committee @committee.toml{more}"
        );
        self.run_with_input(&line, price)
    }

    fn announce(&self, more: &str) -> String {
        let line = "auction new --title Photograph --min 100 --tick 2.50 --levels 41 --closing 1m \
                    --committee @committee.toml --seller-key @seller.key --settlement @charter.toml \
                    --goods @photo.goods --goods-key @photo.key";
        self.json(&format!("{line}{more}"))["auction"].as_str().unwrap().to_owned()
    }

    fn close(&self, id: &str) {
        self.json(&format!(
            "auction close {id} --committee @committee.toml --seller-key @seller.key"
        ));
        let watched = self.run(&format!("auction watch {id} --committee @committee.toml"));
        assert_eq!(watched.status.code(), Some(0), "{}", said(&watched));
    }
}

#[test]
fn a_paid_auction_needs_nothing_but_its_commands() {
    let mut deployment = Deployment::new();
    let photo: Vec<u8> = (0..200_000u32).flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(deployment.path("photo.tif"), &photo).unwrap();
    deployment.json("goods seal @photo.tif --out @photo.goods --key @photo.key");
    deployment.run("auction key --seller-key @seller.key");
    deployment.account("seller", " --key @seller.key", "1.00");
    let house = deployment.account("house", "", "1.00");
    let ann = deployment.account("ann", "", "250.00");
    deployment.account("bob", "", "250.00");
    a_deposit_is_made_once(&deployment, &ann);

    let id = deployment.announce(&format!(" --fee 1.00+2% --house {house}"));
    let shown = deployment.json(&format!("auction show {id} --committee @committee.toml"));
    assert_eq!(shown["payment"]["covers"], serde_json::json!(["200.00"]));
    assert_eq!(shown["payment"]["fee"]["percent"], "2%");
    without_money_or_account_there_is_no_bid(&deployment, &id);
    bonds_are_made_once(&deployment, &id);

    let placed = deployment.bid(&id, "ann", "150", "");
    assert_eq!(json_of(&placed)["counted"], true, "{}", said(&placed));
    let placed = deployment.bid(&id, "bob", "170", " --account @bob");
    let winner = json_of(&placed);
    assert_eq!(winner["counted"], true, "{}", said(&placed));
    assert_eq!(deployment.available("bob"), "50.00");
    let bids = deployment.json("bids --wallet @bob.wallet");
    assert_eq!(bids["bonds"][0]["state"], "held");
    assert_eq!(bids["bonds"][0]["bid"], bids["bids"][0]["bid"]);

    the_goods_are_here_before_the_money_is_set_aside(&deployment, &id);

    let unsold = deployment.announce(" --covers 150,200");
    a_smaller_cover_is_public_and_covers_no_more(&deployment, &unsold);

    let early = deployment
        .run(&format!("receipt --auction {id} --charter @charter.toml --wallet @bob.wallet"));
    assert_eq!(early.status.code(), Some(1));
    assert!(said(&early).contains("gavel settle"), "{}", said(&early));

    deployment.close(&id);
    // Killed and started again, it goes on without hand work.
    deployment.server.take().unwrap().kill();
    deployment.server = Some(Process::run("settlement", &deployment.path("pay")));
    deployment.show_charter("pay", &["ann", "bob", "cy", "seller", "house"]);
    let settle =
        format!("settle --auction {id} --charter @charter.toml --committee @committee.toml");
    let settled = deployment.json(&settle);
    assert_eq!((&settled["stage"], &settled["price"]), (&"sale".into(), &"150.00".into()));
    assert_eq!((&settled["winner"], &settled["holds_left"]), (&winner["bidder"], &0.into()));
    // 1.00 and two of a hundred of 150.00.
    assert_eq!(settled["fee"], "4.00");
    let unsold = format!("settle --auction {unsold} --charter @charter.toml");
    assert_eq!(deployment.json(&unsold)["stage"], "no-sale");
    // Decided, it does not matter any more what is handed in.
    let late = format!("{unsold} --transcript @photo.goods");
    assert_eq!(deployment.json(&late)["stage"], "no-sale");
    for (account, left) in [
        ("ann", "250.00"),
        ("bob", "100.00"),
        ("cy", "160.00"),
        ("seller", "147.00"),
        ("house", "5.00"),
    ] {
        assert_eq!(deployment.available(account), left, "{account}");
    }
    the_winner_collects_and_the_loser_does_not(&deployment, &id, &photo);
    the_judge_finds_what_was_paid(&deployment, &id);
    money_goes_out_on_two_words(&deployment);
    the_journal_stands_up_to_its_audit_and_is_copied(&mut deployment);
}

fn a_deposit_is_made_once(deployment: &Deployment, owner: &str) {
    let again = deployment.json(&deposit(owner, "250.00"));
    assert_eq!(again["repeated"], true);
    assert_eq!(deployment.available("ann"), "250.00");
    let words = deployment.run(&deposit(owner, "250.00"));
    assert!(text_of(&words).contains("Done already"), "{}", text_of(&words));
    let more = deployment.json(&format!("{} --reference second", deposit(owner, "10.00")));
    assert_eq!(more["repeated"], false);
    let back = format!("{} --reference second", deposit(owner, "10.00"));
    assert_eq!(deployment.json(&back)["repeated"], true);
    let history = deployment.json("account history --account @ann");
    assert_eq!(history["total"], 2);
    assert_eq!(history["movements"][1]["reference"], "second");
    let house = deployment.json("account balance --account @house")["owner"].clone();
    let pay = |amount: &str, to: &str, from: &str, what: &str| {
        format!("account pay --account @{from} --to {to} --amount {amount}~EUR --reference {what}")
    };
    let gift = pay("10.00", house.as_str().unwrap(), "ann", "gift");
    assert_eq!(deployment.json(&gift)["repeated"], false);
    assert_eq!(deployment.json(&gift)["repeated"], true);
    assert_eq!(deployment.available("house"), "11.00");
    // Refused for want of money, and done when there is some: each under an id of its own.
    let back = pay("12.00", owner, "house", "back");
    for _ in 0..2 {
        let refused = deployment.run(&back);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("not enough money"), "{}", said(&refused));
    }
    deployment.json(&pay("2.00", house.as_str().unwrap(), "ann", "loan"));
    assert_eq!(deployment.json(&back)["repeated"], false);
    assert_eq!(deployment.json(&back)["repeated"], true);
    // Ten more than at the beginning leave again.
    deployment.json("account withdraw --account @ann --amount 10~EUR --out @ten");
    deployment.json(
        "account withdraw --approve @ten --operator-key @pay/operator.key --charter @charter.toml",
    );
    assert_eq!((deployment.available("ann"), deployment.available("house")), begun());
}

/// What Ann and the house have before the auction.
fn begun() -> (String, String) {
    ("250.00".to_owned(), "1.00".to_owned())
}

fn without_money_or_account_there_is_no_bid(deployment: &Deployment, id: &str) {
    let refused = deployment.bid(id, "eve", "150", "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("asks for a bond"), "{}", said(&refused));
    deployment.account("poor", "", "5.00");
    for _ in 0..2 {
        let refused = deployment.bid(id, "eve", "150", " --account @poor");
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("not enough money"), "{}", said(&refused));
    }
    let bonds = deployment.json("bids --wallet @eve.wallet");
    let states: Vec<&Value> =
        bonds["bonds"].as_array().unwrap().iter().map(|bond| &bond["state"]).collect();
    assert_eq!(states, ["refused", "refused"]);
    assert_eq!(bonds["bids"], serde_json::json!([]));
    assert_eq!(deployment.available("poor"), "5.00");
}

/// Who has bonded has the goods; and where the server serves others, nobody bonds.
fn the_goods_are_here_before_the_money_is_set_aside(deployment: &Deployment, id: &str) {
    let goods = std::fs::read(deployment.path("photo.goods")).unwrap();
    for wallet in ["ann", "bob"] {
        let kept = deployment.path(&format!("{wallet}.wallet")).join(format!("{id}.goods"));
        assert_eq!(std::fs::read(kept).unwrap(), goods);
    }
    let served = deployment.path("pay/goods").join(format!("{id}.goods"));
    let mut other = goods.clone();
    other[100_000] ^= 1;
    std::fs::write(&served, other).unwrap();
    std::fs::create_dir(deployment.path("elsewhere")).unwrap();
    let bond = format!(
        "bond --auction {id} --account @house --wallet @new.wallet --committee @committee.toml \
         --goods @elsewhere"
    );
    let refused = deployment.run(&bond);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("does not serve the goods"), "{}", said(&refused));
    assert_eq!(std::fs::read_dir(deployment.path("elsewhere")).unwrap().count(), 0);
    assert_eq!(deployment.json("bids --wallet @new.wallet")["bonds"], serde_json::json!([]));
    // From here on the server has lost them, and nobody who has bonded needs it for them.
    std::fs::remove_file(served).unwrap();
}

fn bonds_are_made_once(deployment: &Deployment, id: &str) {
    let bond = format!(
        "bond --auction {id} --account @ann --wallet @ann.wallet --committee @committee.toml"
    );
    let made = deployment.json(&bond);
    assert_eq!((&made["state"], &made["amount"]), (&"held".into(), &"200.00".into()));
    assert_eq!(made["public_cover"], false);
    assert_eq!(deployment.available("ann"), "50.00");
    let again = deployment.json(&bond);
    assert_eq!(again["key"], made["key"]);
    assert_eq!(deployment.available("ann"), "50.00");
    let other = deployment.run(&format!("{bond} --cover 150"));
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("it takes bonds of 200.00 EUR"), "{}", said(&other));
    // The ticket is lost, as when the command is killed before it is kept: the same order again.
    let key = made["key"].as_str().unwrap();
    std::fs::remove_file(deployment.path("ann.wallet").join(format!("{key}.held"))).unwrap();
    assert_eq!(deployment.json("bids --wallet @ann.wallet")["bonds"][0]["state"], "ordered");
    assert_eq!(deployment.json(&bond)["key"], made["key"]);
    assert_eq!(deployment.available("ann"), "50.00");
}

fn a_smaller_cover_is_public_and_covers_no_more(deployment: &Deployment, id: &str) {
    deployment.account("cy", "", "160.00");
    let above = deployment.bid(id, "cy", "180", " --account @cy --cover 150");
    assert_eq!(above.status.code(), Some(2));
    assert!(said(&above).contains("above what the bond covers, 150.00 EUR"), "{}", said(&above));
    let bond = format!("bond --auction {id} --account @cy --wallet @cy.wallet --without-goods");
    let bond = deployment.run(&format!("{bond} --committee @committee.toml --cover 150 --json"));
    assert!(!deployment.path("cy.wallet").join(format!("{id}.goods")).exists());
    assert!(said(&bond).contains("this bid is not above 150.00 EUR"), "{}", said(&bond));
    assert_eq!(json_of(&bond)["public_cover"], true);
    assert_eq!(deployment.available("cy"), "10.00");
    let settle = format!("settle --auction {id} --charter @charter.toml --patience 1s --json");
    let early = deployment.run(&settle);
    assert_eq!((early.status.code(), &json_of(&early)["stage"]), (Some(1), &"open".into()));
}

fn the_winner_collects_and_the_loser_does_not(deployment: &Deployment, id: &str, photo: &[u8]) {
    let receipt = format!("receipt --auction {id} --charter @charter.toml");
    let collect = format!("{receipt} --wallet @bob.wallet --account @bob --out @bought.tif");
    let got = deployment.json(&collect);
    assert_eq!((&got["price"], &got["goods_match"]), (&"150.00".into(), &true.into()));
    assert_eq!((&got["order"], &got["proceeds"]), (&true.into(), &"146.00".into()));
    assert_eq!(std::fs::read(deployment.path("bought.tif")).unwrap(), photo);
    let again = deployment.run(&collect);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("already something"), "{}", said(&again));

    let lost = deployment.run(&format!("{receipt} --wallet @ann.wallet --out @stolen.tif"));
    assert_eq!(lost.status.code(), Some(1));
    assert!(said(&lost).contains("another key won"), "{}", said(&lost));
    assert!(!deployment.path("stolen.tif").exists());

    let sold = "--seller-key @seller.key --committee @committee.toml --receipt @seller.receipt";
    let sold = deployment.json(&format!("{receipt} {sold}"));
    assert_eq!((&sold["proceeds"], &sold["order"]), (&"146.00".into(), &false.into()));
    let stranger = deployment.run(&format!("{receipt} --seller-key @ann/owner.key"));
    assert_eq!(stranger.status.code(), Some(1), "{}", said(&stranger));
}

fn the_judge_finds_what_was_paid(deployment: &Deployment, id: &str) {
    deployment
        .run(&format!("auction export {id} --to @sale.transcript --committee @committee.toml"));
    let kept = deployment.at("bob.wallet") + &format!("/{id}.receipt");
    let case = "judge --transcript @sale.transcript --charter @charter.toml";
    let full = format!("{case} --receipt {kept} --goods @photo.goods --goods-key @photo.key");
    let judged = deployment.json(&format!("{full} --auction {id}"));
    assert_eq!((&judged["holds"], &judged["complete"]), (&true.into(), &true.into()), "{judged}");
    assert_eq!(judged["price"], "150.00");
    let sellers = deployment.json(&format!("{case} --receipt @seller.receipt"));
    assert_eq!((&sellers["holds"], &sellers["complete"]), (&true.into(), &false.into()));

    std::fs::write(deployment.path("other.tif"), "something else").unwrap();
    deployment.json("goods seal @other.tif --out @other.goods --key @other.key");
    let wrong = deployment.run(&format!("{case} --receipt {kept} --goods @other.goods --json"));
    assert_eq!(wrong.status.code(), Some(1));
    let findings = json_of(&wrong)["findings"].as_array().unwrap().clone();
    assert!(findings.iter().any(|one| one["subject"] == "goods" && one["found"] == "fails"));
    let mut bytes = std::fs::read(&kept).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(deployment.path("forged.receipt"), bytes).unwrap();
    let forged = deployment.run(&format!("{case} --receipt @forged.receipt"));
    assert_ne!(forged.status.code(), Some(0));
}

fn money_goes_out_on_two_words(deployment: &Deployment) {
    let out = "account withdraw --account @seller --amount 100~EUR --reference bank --out @w";
    deployment.json(out);
    assert_eq!(deployment.available("seller"), "147.00");
    let approve =
        "account withdraw --approve @w --operator-key @pay/operator.key --charter @charter.toml";
    assert_eq!(deployment.json(approve)["repeated"], false);
    assert_eq!(deployment.json(approve)["repeated"], true);
    assert_eq!(deployment.available("seller"), "47.00");
    let history = deployment.json("account history --account @seller");
    let last = history["movements"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["reference"]), (&"withdrawal".into(), &"bank".into()));
}

fn the_journal_stands_up_to_its_audit_and_is_copied(deployment: &mut Deployment) {
    let head = "settlement head --charter @charter.toml --heads @heads";
    assert_eq!(deployment.json(head)["continues"], Value::Null);
    let audit = deployment.json("settlement audit --dir @pay --heads @heads");
    assert_eq!((&audit["holds"], &audit["heads"]), (&true.into(), &1.into()), "{audit}");
    assert_eq!((&audit["auctions"]["sales"], &audit["auctions"]["bonds"]), (&1.into(), &3.into()));
    assert_eq!(audit["auctions"]["no_sales"], 1);
    assert_eq!(audit["currencies"][0]["sum"], "0.00 EUR");

    let copied = deployment.json("settlement backup --dir @pay --to @copy");
    assert_eq!((&copied["audited"], &copied["transcripts"]), (&true.into(), &2.into()));
    let audited = deployment
        .json("settlement audit --journal @copy/journal --charter @charter.toml --heads @heads");
    assert_eq!(audited["entries"], audit["entries"]);
    let again = deployment.run("settlement backup --dir @pay --to @copy");
    assert_eq!(again.status.code(), Some(2));

    deployment.server = None;
    deployment.json("settlement restore --from @copy --dir @pay2");
    deployment.server = Some(Process::run("settlement", &deployment.path("pay2")));
    let shown = gavel(&["settlement", "show", "--dir", &deployment.at("pay2")]);
    std::fs::write(deployment.path("bob").join("charter.toml"), text_of(&shown)).unwrap();
    assert_eq!(deployment.available("bob"), "100.00");
    std::fs::write(deployment.path("charter2.toml"), text_of(&shown)).unwrap();
    let head = deployment.json("settlement head --charter @charter2.toml");
    assert_eq!(head["epoch"], 1);
}
