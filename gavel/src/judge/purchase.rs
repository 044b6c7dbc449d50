//! `gavel judge` of a purchase. SETTLEMENT, section "Purchase of digital goods".

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use auction::money::Amount;
use serde::Serialize;
use settlement::charter_file::CharterFile;
use settlement::goods::{
    Existing, GoodsError, GoodsKey, check_with_key, checksum_of_item, measure, open_file, unwatched,
};
use settlement::judge::auction::Found;
use settlement::judge::purchase::{Brought, Case, Judgement, Subject, judge};
use settlement::purchases::{Delivery, HeldItem, PurchaseReceipt, SignedOffer};

use super::found as word_for;
use crate::aside::aside;
use crate::exit::Failure;
use crate::goods::key_file;
use crate::money_text::written;
use crate::offer::load_offer;
use crate::output::{self, columns};
use crate::progress::Waiting;
use crate::time;

/// Longest file of a receipt that is read, in bytes.
const MAX_RECEIPT: u64 = 1 << 20;

/// The files that somebody brings.
pub(super) struct Files {
    pub(super) charter: CharterFile,
    pub(super) offer: Option<PathBuf>,
    pub(super) receipt: Option<PathBuf>,
    pub(super) goods: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    /// Where to write what was delivered, for a person to see.
    pub(super) out: Option<PathBuf>,
}

#[derive(Serialize)]
struct View {
    /// Whether nothing fails.
    holds: bool,
    /// Whether everything that was owed was shown, too.
    complete: bool,
    description: Option<String>,
    price: Option<String>,
    currency: Option<String>,
    customer: Option<String>,
    merchant: Option<String>,
    paid: Option<String>,
    findings: Vec<FindingView>,
    /// What was delivered, for a person to see.
    out: Option<String>,
}

#[derive(Serialize)]
struct FindingView {
    /// `offered`, `ordered`, `paid`, `goods`, `key` or `content`.
    subject: &'static str,
    /// `holds`, `fails`, `not-shown`, `not-owed` or `to-be-seen`.
    found: &'static str,
    words: String,
}

/// Runs the command.
pub(super) async fn run(files: Files, json: bool) -> Result<(), Failure> {
    let waiting = Waiting::new("verifying signatures, goods and key");
    let judged = aside(move || judged(&files)).await;
    drop(waiting);
    let (judgement, out) = judged?;
    let view = View::of(&judgement, out);
    let said = output::either(json, &view, || view.in_words());
    if view.holds { said } else { said.and(Err(Failure::Said)) }
}

fn judged(files: &Files) -> Result<(Judgement, Option<PathBuf>), Failure> {
    let charter = &files.charter.charter;
    let offer = files.offer.as_deref().map(load_offer).transpose()?;
    let receipt = files.receipt.as_deref().map(load_receipt).transpose()?;
    let key = match &files.key {
        Some(path) => Some(key_file::load(path)?),
        None => receipt.as_ref().and_then(PurchaseReceipt::key).map(copy_of),
    };
    let held = is_held(offer.as_ref(), receipt.as_ref(), &files.charter);
    let goods = match &files.goods {
        None => Brought::Nothing,
        Some(path) => brought(path, held)?,
    };
    let opened = match (&files.goods, &goods, &key) {
        (Some(path), Brought::Encrypted(goods), Some(key)) => {
            Some(check_with_key(open(path)?, key, goods, &mut unwatched))
        }
        _ => None,
    };
    let case = Case {
        charter,
        offer: offer.as_ref(),
        receipt: receipt.as_ref(),
        goods,
        key_hash: key.as_ref().map(GoodsKey::hash),
        opened,
    };
    let judgement = judge(&case);
    let out = match (&files.out, judgement.found(Subject::Content)) {
        (Some(out), Some(Found::ToBeSeen)) => {
            write_content(files, &goods, key.as_ref(), out)?;
            Some(out.clone())
        }
        _ => None,
    };
    Ok((judgement, out))
}

/// Reads a receipt; nothing in it is verified.
fn load_receipt(path: &Path) -> Result<PurchaseReceipt, Failure> {
    use std::io::Read as _;
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_RECEIPT).read_to_end(&mut bytes).map_err(unreadable)?;
    PurchaseReceipt::from_bytes(&bytes).map_err(|error| {
        let what = format!("{}: {error}", path.display());
        Failure::usage(what, "name a file that 'gavel buy' or 'gavel receipt --purchase' wrote")
    })
}

fn copy_of(key: &GoodsKey) -> GoodsKey {
    GoodsKey::from_bytes(key.expose())
}

/// Whether the purchase is of an item that the settlement server hands over: then what is brought
/// is that item in the clear.
fn is_held(
    offer: Option<&SignedOffer>,
    receipt: Option<&PurchaseReceipt>,
    charter: &CharterFile,
) -> bool {
    let by_receipt =
        receipt.and_then(|receipt| receipt.without_key().verify(&charter.charter).ok());
    let delivery = match (by_receipt, offer) {
        (Some(paid), _) => Some(paid.offer.terms().delivery),
        (None, offer) => offer.map(|offer| offer.offer().terms().delivery),
    };
    matches!(delivery, Some(Delivery::Held(_)))
}

/// What the goods that somebody brings are found to be.
fn brought(path: &Path, held: bool) -> Result<Brought, Failure> {
    let unreadable = |error: GoodsError| match error {
        GoodsError::Read(source) => Err(Failure::input("read", path, source)),
        _ => Ok(Brought::Neither),
    };
    if held {
        return match checksum_of_item(open(path)?, &mut unwatched) {
            Ok((checksum, bytes)) => Ok(Brought::Item(HeldItem { checksum, bytes })),
            Err(error) => unreadable(error),
        };
    }
    match measure(open(path)?, &mut unwatched) {
        Ok(goods) => Ok(Brought::Encrypted(goods)),
        Err(error) => unreadable(error),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).map_err(|source| Failure::input("read", path, source))?;
    Ok(BufReader::with_capacity(1 << 17, file))
}

fn write_content(
    files: &Files,
    goods: &Brought,
    key: Option<&GoodsKey>,
    out: &Path,
) -> Result<(), Failure> {
    let Some(from) = &files.goods else { return Ok(()) };
    let failed = |source| Failure::Goods { path: out.display().to_string(), source };
    match (goods, key) {
        (Brought::Encrypted(goods), Some(key)) => {
            open_file(from, out, key, goods, Existing::Keep, &mut unwatched).map_err(failed)
        }
        _ => Err(Failure::usage(
            format!("{} is what was delivered", from.display()),
            "look at it; --out is for encrypted goods",
        )),
    }
}

impl View {
    fn of(judgement: &Judgement, out: Option<PathBuf>) -> Self {
        let deal = judgement.deal.as_ref();
        let currency = deal.and_then(|deal| written(deal.currency).ok());
        let price = deal.map(|deal| {
            let price = Amount(deal.price.get());
            currency.as_ref().map_or_else(|| price.0.to_string(), |one| one.format(price))
        });
        Self {
            holds: !judgement.fails(),
            complete: judgement.is_complete(),
            description: deal.map(|deal| deal.description.clone()),
            price,
            currency: currency.map(|currency| currency.code()),
            customer: deal.map(|deal| deal.customer.to_string()),
            merchant: deal.map(|deal| deal.merchant.to_string()),
            paid: deal.and_then(|deal| deal.paid).map(time::utc),
            findings: judgement
                .findings
                .iter()
                .map(|finding| FindingView {
                    subject: subject(finding.subject),
                    found: word_for(finding.found),
                    words: finding.words.clone(),
                })
                .collect(),
            out: out.map(|out| out.display().to_string()),
        }
    }

    fn in_words(&self) -> String {
        let head = match (self.holds, self.complete) {
            (true, true) => "Everything that was owed is proved.",
            (true, false) => "Nothing fails; not everything was shown.",
            (false, _) => "Not everything holds.",
        };
        let mut rows = Vec::new();
        rows.extend(self.description.iter().map(|text| ("Item", text.clone())));
        if let (Some(price), Some(currency)) = (&self.price, &self.currency) {
            rows.push(("Price", format!("{price} {currency}")));
        }
        rows.extend(self.merchant.iter().map(|key| ("Merchant", key.clone())));
        rows.extend(self.customer.iter().map(|key| ("Customer", key.clone())));
        rows.extend(self.paid.iter().map(|time| ("When paid", time.clone())));
        rows.extend(self.findings.iter().map(|finding| {
            let name = match finding.subject {
                "offered" => "Offered",
                "ordered" => "Ordered",
                "paid" => "Paid",
                "goods" => "Goods",
                "key" => "Key",
                _ => "Content",
            };
            (name, format!("{}: {}", finding.found, finding.words))
        }));
        rows.extend(self.out.iter().map(|out| ("To be seen", out.clone())));
        format!("{head}\n{}", columns(&rows))
    }
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Offered => "offered",
        Subject::Ordered => "ordered",
        Subject::Paid => "paid",
        Subject::Goods => "goods",
        Subject::Key => "key",
        Subject::Content => "content",
    }
}
