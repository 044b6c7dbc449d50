//! Physical goods through commands alone: sold, dispatched, disputed, divided by the arbiter,
//! audited and judged. Each command is a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::ops::Deref;

use command::folder::Folder;
use command::processes::{Process, committee, init};
use command::{json_of, said, text_of};
use serde_json::Value;

/// Three accumulators, a settlement server, and everybody's files.
struct Place {
    server: Option<Process>,
    _accumulators: Vec<Process>,
    files: Folder,
}

impl Deref for Place {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.files
    }
}

impl Place {
    fn new() -> Self {
        let files = Folder::new();
        let (accumulators, _) = committee(&files.path(""));
        let pay = files.path("pay");
        init("settlement", &pay);
        let server = Some(Process::run("settlement", &pay));
        files.show_charter("pay", &[]);
        Self { server, _accumulators: accumulators, files }
    }

    /// Kills the server and starts it again, on another port.
    fn restart(&mut self) {
        self.server.take().unwrap().kill();
        self.server = Some(Process::run("settlement", &self.path("pay")));
        self.show_charter("pay", &["seller", "house", "ann", "bob"]);
    }

    /// Runs a command that is refused, with this in its words.
    fn refused(&self, line: &str, code: i32, why: &str) {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
        assert!(said(&output).contains(why), "{line}: {}", said(&output));
    }

    fn bid(&self, id: &str, who: &str, price: &str) {
        let line = format!(
            "bid {id} --price - --yes --json --wallet @{who}.wallet --account @{who} \
             --committee @committee.toml"
        );
        let placed = self.run_with_input(&line, price);
        assert_eq!(json_of(&placed)["counted"], true, "{}", said(&placed));
    }

    fn delivery(&self, what: &str, id: &str, more: &str) -> String {
        format!("delivery {what} --auction {id} --charter @charter.toml {more}")
    }
}

#[test]
fn a_dispute_is_decided_by_the_arbiter_and_every_side_can_show_it() {
    let mut place = Place::new();
    place.run("auction key --seller-key @seller.key");
    place.account("seller", " --key @seller.key", "1.00");
    let house = place.account("house", "", "1.00");
    place.account("ann", "", "250.00");
    place.account("bob", "", "250.00");
    let key = |place: &Place, who: &str| {
        let key = place.json(&format!("delivery key --key-file @{who}.key"));
        key["key"].as_str().unwrap().to_owned()
    };
    let (carrier, arbiter) = (key(&place, "carrier"), key(&place, "arbiter"));
    let id = announced(&place, &carrier, &arbiter, &house);
    place.bid(&id, "ann", "150");
    place.bid(&id, "bob", "170");
    place.json(&format!("auction close {id} --committee @committee.toml --seller-key @seller.key"));
    let watched = place.run(&format!("auction watch {id} --committee @committee.toml"));
    assert_eq!(watched.status.code(), Some(0), "{}", said(&watched));
    place.refused(&place.delivery("show", &id, "--wallet @bob.wallet"), 1, "not decided yet");
    let settled = place.json(&format!(
        "settle --auction {id} --charter @charter.toml --committee @committee.toml"
    ));
    assert_eq!((&settled["stage"], &settled["price"]), (&"physical-sale".into(), &"150.00".into()));
    // Paid into escrow: the winner is poorer, and nobody richer.
    let have = |place: &Place| ["ann", "bob", "seller", "house"].map(|one| place.available(one));
    assert_eq!(have(&place), ["250.00", "100.00", "1.00", "1.00"]);
    words_are_taken_once_and_from_their_signers(&mut place, &id);
    assert_eq!(have(&place), ["250.00", "100.00", "1.00", "1.00"]);
    the_arbiter_divides_the_price(&place, &id);
    // 1.00 and two of a hundred of 150.00 are 4.00; of 90.00 of it 2.40.
    assert_eq!(have(&place), ["250.00", "160.00", "88.60", "3.40"]);
    everybody_can_show_it(&place, &id);
    let audit = place.json("settlement audit --dir @pay");
    let auctions = &audit["auctions"];
    assert_eq!((&auctions["sales"], &auctions["payouts"]), (&1.into(), &1.into()), "{audit}");
    assert_eq!(
        (&auctions["in_escrow"], &audit["currencies"][0]["sum"]),
        (&0.into(), &"0.00 EUR".into())
    );
}

fn announced(place: &Place, carrier: &str, arbiter: &str, house: &str) -> String {
    let new = format!(
        "auction new --title Vase --min 100 --tick 2.50 --levels 41 --closing 10m \
         --committee @committee.toml --seller-key @seller.key --settlement @charter.toml \
         --fee 1.00+2% --house {house} --dispatcher {carrier} --arbiter {arbiter} \
         --dispatch-by 3d --dispute-until 10d"
    );
    // All of the terms or none, and in order.
    place.refused(&format!("{new} --arbitrate-until 30d"), 2, "--else-to");
    let early = format!("{new} --arbitrate-until 9d --else-to winner");
    place.refused(&early, 2, "end of arbitration");
    let nothing = "auction new --title Vase --min 100 --tick 2.50 --levels 41 --closing 10m \
                   --committee @committee.toml --seller-key @seller.key --settlement @charter.toml";
    place.refused(nothing, 2, "--dispatcher");
    let made = place.json(&format!("{new} --arbitrate-until 30d --else-to winner"));
    let physical = &made["payment"]["physical"];
    assert_eq!((&physical["dispatcher"], &physical["arbiter"]), (&carrier.into(), &arbiter.into()));
    assert_eq!(
        (&physical["otherwise"], &made["payment"]["goods"]),
        (&"winner".into(), &Value::Null)
    );
    made["auction"].as_str().unwrap().to_owned()
}

fn words_are_taken_once_and_from_their_signers(place: &mut Place, id: &str) {
    let winner = "--wallet @bob.wallet";
    let shown = place.json(&place.delivery("show", id, winner));
    assert_eq!((&shown["stage"], &shown["dispatched"]), (&"sold".into(), &Value::Null));
    // Nobody else's: the loser, a stranger, the seller in the carrier's place.
    place.refused(&place.delivery("show", id, "--wallet @ann.wallet"), 1, "another key won");
    place.refused(&place.delivery("show", id, "--key-file @ann/owner.key"), 1, "ask with the key");
    let dispatch = |who: &str, text: &str| {
        place.delivery("dispatch", id, &format!("--key-file @{who}.key --tracking {text}"))
    };
    place.refused(&dispatch("seller", "parcel~7"), 1, "not the dispatcher's");
    let early = place.delivery("dispute", id, &format!("{winner} --because broken"));
    place.refused(&early, 1, "no dispatch yet");
    let first = dispatch("carrier", "parcel~7") + " --receipt @dispatch.receipt";
    let dispatched = place.json(&first);
    assert_eq!(dispatched["dispatched"]["text"], "parcel 7");
    assert_eq!(place.json(&first), dispatched);
    place.refused(&dispatch("carrier", "parcel~8"), 1, "the first one stands");
    place.restart();
    let dispute = place.delivery("dispute", id, &format!("{winner} --because it~is~broken"));
    let disputed = place.json(&dispute);
    assert_eq!(disputed["stage"], "disputed");
    assert_eq!(disputed["dispatched"], dispatched["dispatched"]);
    place.restart();
    assert_eq!(place.json(&dispute), disputed);
    let words = text_of(&place.run(&place.delivery("show", id, "--key-file @arbiter.key")));
    for part in ["parcel 7", "it is broken", "the arbiter decides before", "back to the winner"] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    let bids = place.json("bids --wallet @bob.wallet --check --charter @charter.toml");
    assert_eq!(bids["bids"][0]["delivery"], disputed, "{bids}");
}

fn the_arbiter_divides_the_price(place: &Place, id: &str) {
    let award = |who: &str, parts: &str| {
        place.delivery("award", id, &format!("--key-file @{who}.key {parts} --because seen"))
    };
    place.refused(&award("arbiter", "--to-seller 150.01~EUR"), 2, "above the price");
    place.refused(&award("seller", "--all-to seller"), 1, "not the arbiter's");
    let right = award("arbiter", "--to-seller 90.00~EUR");
    let paid = place.json(&right);
    assert_eq!(
        (&paid["stage"], &paid["paid_out"]["because"]),
        (&"paid-out".into(), &"awarded".into())
    );
    let parts = ["to_seller", "to_house", "to_winner"].map(|part| paid["paid_out"][part].clone());
    assert_eq!(parts, ["87.60", "2.40", "60.00"]);
    assert_eq!(place.json(&right), paid);
    place.refused(&award("arbiter", "--all-to winner"), 1, "has left escrow");
    let confirm = place.delivery("confirm", id, "--wallet @bob.wallet");
    place.refused(&confirm, 1, "has left escrow");
}

fn everybody_can_show_it(place: &Place, id: &str) {
    let receipt = format!("receipt --auction {id} --charter @charter.toml");
    let file = format!("{receipt} --wallet @bob.wallet --account @bob --out @vase");
    place.refused(&file, 2, "they are sent");
    let winners = place.json(&format!("{receipt} --wallet @bob.wallet --account @bob"));
    assert_eq!((&winners["order"], &winners["goods_match"]), (&true.into(), &Value::Null));
    assert_eq!(winners["delivery"]["paid_out"]["because"], "awarded");
    let sellers = "--seller-key @seller.key --receipt @seller.receipt --committee @committee.toml";
    place.json(&format!("{receipt} {sellers}"));
    place.run(&format!("auction export {id} --to @sale.transcript --committee @committee.toml"));
    let kept = place.at("bob.wallet") + &format!("/{id}.receipt");
    let case = "judge --transcript @sale.transcript --charter @charter.toml --receipt";
    let judged = place.json(&format!("{case} {kept} --auction {id}"));
    assert_eq!((&judged["holds"], &judged["complete"]), (&true.into(), &true.into()), "{judged}");
    let found = |judged: &Value, subject: &str| {
        let all = judged["findings"].as_array().unwrap();
        all.iter().find(|one| one["subject"] == subject).unwrap()["found"].clone()
    };
    for subject in ["offered", "sold", "ordered", "paid", "dispatched", "disputed", "paid-out"] {
        assert_eq!(found(&judged, subject), "holds", "{subject}");
    }
    let sellers = place.json(&format!("{case} @seller.receipt"));
    assert_eq!((&sellers["holds"], &sellers["complete"]), (&true.into(), &false.into()));
    // The carrier's own receipt proves the dispatch alone.
    let carriers = place.json(&format!("{case} @dispatch.receipt"));
    assert_eq!((&carriers["holds"], &carriers["complete"]), (&true.into(), &false.into()));
    assert_eq!(found(&carriers, "dispatched"), "holds");
    assert_eq!(found(&carriers, "paid-out"), "not-shown");
    place.refused(&format!("{receipt} --seller-key @carrier.key"), 1, "shown to its winner");
}
