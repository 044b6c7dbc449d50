//! Writes what the fuzzers begin with: requests, questions, answers and attachments of every kind
//! that can be made without a server.

use std::fs;
use std::path::Path;

use auction::keys::{PublicKey, SecretKey, Signature};
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::settlement_terms::EscrowReceipt;
use auction::spec::{EarlyClose, Time};
use auction::wire::encode;
use settlement::auctions::{Attached, BondOrder, BondTerms, NoSaleRecord, VoidRecord};
use settlement::goods::GoodsKey;
use settlement::journal::{Head, Receipt, SignedHead};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Charter, Code, Currency, Fate, HoldKey, Movement, Part, Request, RequestId,
    SignedRequest, Sum,
};
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::service::auctions::{
    AuctionAnswer, AuctionQuestion, DecisionView, KeyInTransit, Stage, TranscriptPiece,
};
use settlement::service::{
    Answer, CharterParts, Hello, Question, RequestResult, Standing, Submitted,
};

const ID: Digest = Digest([7; 32]);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn charter() -> Charter {
    let key = |seed| key(seed).public();
    Charter::new(key(201), key(202), key(203), 1000).expect("three keys")
}

fn number(number: u128) -> RequestId {
    RequestId::new(number).expect("not reserved")
}

fn owner() -> PublicKey {
    key(1).public()
}

fn requests() -> Vec<SignedRequest> {
    let currency = Currency::from_bytes(*b"EUR\x02").expect("a currency");
    let debit = AccountId::of_owner(&owner(), currency);
    let credit = AccountId::of_owner(&key(2).public(), currency);
    let (amount, reference) = (Sum::new(7).expect("not zero"), ID);
    let movement = Movement { debit, credit, amount, reference };
    let hold = HoldKey { account: debit, id: number(5) };
    let actions = [
        (1, Action::Post(movement)),
        (1, Action::Hold { movement, timeout: Time(99) }),
        (2, Action::PostHold { account: credit, hold, part: Part::Amount(3), reference }),
        (2, Action::VoidHold { account: credit, hold, reference }),
        (1, Action::Cancel { account: debit }),
        (202, Action::Deposit { owner: owner(), currency, amount, reference }),
        (203, Action::OpenEscrow { subject: ID, currency }),
        (1, Action::Withdraw { account: debit, amount, reference }),
    ];
    let signed = actions.map(|(by, action)| {
        let request = Request { id: number(77), until: Time(1_000), action };
        let signed = SignedRequest::sign(&request, &Signer::new(&key(by)), &charter());
        match action {
            Action::Withdraw { .. } => signed.countersign(&Signer::new(&key(202)), &charter()),
            _ => signed,
        }
    });
    signed.into()
}

fn order() -> BondOrder {
    let delivery = OpeningKey::derive(&[4; 32], Purpose::Delivery).sealing_key();
    let terms = BondTerms { auction: ID, bidder: owner(), cover: Level(3), delivery };
    let hold = requests().swap_remove(1).as_bytes().to_vec();
    BondOrder::of_parts(terms, hold, Signature([8; 64]))
}

fn questions() -> Vec<Question> {
    let account = AccountId(ID);
    let signed = |request: &SignedRequest| request.as_bytes().to_vec();
    let goods_key = KeyInTransit::from(&GoodsKey::from_bytes(&[9; 32]));
    let piece = TranscriptPiece { auction: ID, total: 90, offset: 3, bytes: vec![1; 9] };
    let about = [
        AuctionQuestion::Piece { auction: ID, offset: 3, bytes: vec![1; 9] },
        AuctionQuestion::Escrow(ID, goods_key),
        AuctionQuestion::Standing(ID),
        AuctionQuestion::Goods(ID, 1),
        AuctionQuestion::Bond(Box::new(order())),
        AuctionQuestion::Settle(ID, Some(EarlyClose::sign(ID, &key(1)))),
        AuctionQuestion::Receipt(ID),
        AuctionQuestion::HandIn(piece),
    ];
    let mut all = vec![
        Question::Hello,
        Question::Submit(requests().iter().map(signed).collect()),
        Question::Account(account),
        Question::History(account, 1, 9),
        Question::Request(account, number(5)),
        Question::Head,
        Question::Consistency(1, 3),
        Question::Flushed,
    ];
    all.extend(about.map(|one| Question::Auction(Box::new(one))));
    all
}

fn answers() -> Vec<Answer> {
    let head = Head { epoch: 1, size: 2, root: ID, time: Time(4) };
    let head = SignedHead { head, signature: Signature([5; 64]) };
    let entry = requests().swap_remove(0).as_bytes().to_vec();
    let (time, path) = (Time(3), vec![ID; 2]);
    let receipt = Receipt { number: 1, batch: 2, time, entry, head, path };
    let result =
        RequestResult { code: Code::Done, entry: Some(1), repeated: false, balances: None };
    let submitted = Submitted { results: vec![result], receipt: Some(Box::new(receipt.clone())) };
    let (code, fate) = (Code::Done, Fate::Held);
    let standing = Standing { code, fate, receipt: receipt.clone() };
    let price = Amount(9);
    let decision = DecisionView::Sale { winner: owner(), price, fee: price, transcript: ID };
    let payment = settlement::service::auctions::Standing {
        registered: 1,
        closing: Time(1),
        decided_by: Time(2),
        held_until: Time(3),
        stage: Stage::Decided { entry: 1, decision, holds_left: 0 },
    };
    let hello = Hello {
        version: "1".to_owned(),
        now: Time(1),
        charter: CharterParts::from(&charter()),
        head,
    };
    let ticket = auction::bid::BondTicket::sign(ID, owner(), Level(3), Time(9), &key(201));
    let about = [
        AuctionAnswer::Have(9),
        AuctionAnswer::Escrowed(EscrowReceipt::sign(&ID, &key(201))),
        AuctionAnswer::Standing(Box::new(payment)),
        AuctionAnswer::Goods { total: 9, bytes: vec![1; 9] },
        AuctionAnswer::Ticket(Box::new(ticket)),
        AuctionAnswer::Receipt(Some(Box::new(receipt))),
    ];
    let mut all = vec![
        Answer::Hello(Box::new(hello)),
        Answer::Submitted(Box::new(submitted)),
        Answer::Request(Some(Box::new(standing))),
        Answer::Head(head),
        Answer::Consistency(Some(vec![ID; 2])),
        Answer::Busy { retry_after: 9 },
    ];
    all.extend(about.map(|one| Answer::Auction(Box::new(one))));
    all
}

fn attachments() -> Vec<Vec<u8>> {
    let no_sale = NoSaleRecord { auction: ID, transcript: ID, early_close: None };
    let all = [
        Attached::Bond(order()),
        Attached::NoSale(no_sale),
        Attached::Void(VoidRecord { auction: ID }),
    ];
    all.iter().map(Attached::to_bytes).collect()
}

fn main() {
    let requests = requests();
    let requests = requests.iter().map(|request| request.as_bytes().to_vec());
    let questions = questions();
    let questions = questions.iter().map(|question| encode(question).expect("encodes"));
    write("decode_question", requests.chain(questions));
    let answers = answers();
    let answers = answers.iter().map(|answer| encode(answer).expect("encodes"));
    write("decode_answer", answers.chain(attachments()));
}

fn write(target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("the corpus can be made");
    for (i, seed) in seeds.into_iter().enumerate() {
        fs::write(corpus.join(format!("seed-{i}")), seed).expect("a seed can be written");
    }
}
