//! The goods and their key go to the settlement server before anything is announced; physical goods
//! are registered. SETTLEMENT, section "An auction's payment", step 1; "Physical goods", step 1.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::settlement_terms::{Delivery, Goods};
use auction::spec::{SignedSpec, UnescrowedSpec};
use settlement::charter_file::CharterFile;
use settlement::goods::{self, GoodsKey};

use crate::aside::aside;
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::goods::key_file;
use crate::progress::Counting;

/// The encrypted goods and the key that opens them.
pub(super) struct GoodsFiles {
    goods: PathBuf,
    key: GoodsKey,
    bytes: u64,
}

impl GoodsFiles {
    /// Looks at the files that the seller named.
    pub(super) fn new(goods: &Path, key: &Path) -> Result<Self, Failure> {
        let unreadable = |source| Failure::input("read", goods, source);
        let bytes = std::fs::metadata(goods).map_err(unreadable)?.len();
        Ok(Self { goods: goods.to_owned(), key: key_file::load(key)?, bytes })
    }

    /// Reads all of the goods and says what the spec has to name; refuses a key that does not
    /// open them.
    pub(super) async fn measure(&self) -> Result<Goods, Failure> {
        let (path, key_hash) = (self.goods.clone(), self.key.hash());
        let progress = Counting::new("reading", self.bytes);
        let bar = progress.clone();
        let measured = aside(move || {
            let file = File::open(&path).map_err(|source| Failure::input("read", &path, source))?;
            let mut told = |done| {
                bar.at(done, done.max(1));
                ControlFlow::Continue(())
            };
            goods::measure(BufReader::new(file), &mut told).map_err(|error| {
                Failure::usage(
                    format!("{}: {error}", path.display()),
                    "name a file that 'gavel goods seal' made",
                )
            })
        });
        let measured: Result<Goods, Failure> = measured.await;
        progress.finish();
        let measured = measured?;
        if measured.key_hash != key_hash {
            return Err(Failure::usage(
                format!("the goods key does not open {}", self.goods.display()),
                "name the key file that 'gavel goods seal' wrote with these goods",
            ));
        }
        Ok(measured)
    }
}

/// Deposits goods and key; gives the spec with the server's escrow receipt. May be repeated.
pub(super) async fn deposit(
    signed: SignedSpec,
    seller: &SecretKey,
    charter: &CharterFile,
    files: &GoodsFiles,
) -> Result<SignedSpec, Failure> {
    let spec = checked(&signed)?;
    let total = match spec.spec().settlement.as_ref().map(|terms| &terms.delivery) {
        Some(Delivery::Digital(goods)) => goods.bytes,
        Some(Delivery::Physical(_)) | None => 0,
    };
    let unreadable = |source| Failure::input("read", &files.goods, source);
    let mut file = File::open(&files.goods).map_err(unreadable)?;
    let progress = Counting::new("depositing", total);
    let receipt = with_server(seller, charter, async |client| {
        let told = |done| progress.at(done, total);
        Ok(client.escrow(&signed, &mut file, &files.key, told).await?)
    });
    let receipt = receipt.await;
    progress.finish();
    Ok(signed.with_escrow(receipt?))
}

/// Registers physical goods; gives the spec with the server's escrow receipt. May be repeated.
pub(super) async fn register(
    signed: SignedSpec,
    seller: &SecretKey,
    charter: &CharterFile,
) -> Result<SignedSpec, Failure> {
    checked(&signed)?;
    let receipt =
        with_server(seller, charter, async |client| Ok(asking(client.register(&signed)).await?));
    let receipt = receipt.await?;
    Ok(signed.with_escrow(receipt))
}

/// Checks the terms here: they are the seller's own fault, before anything is sent.
fn checked(signed: &SignedSpec) -> Result<UnescrowedSpec, Failure> {
    let checked = signed.clone().verify_before_escrow();
    checked.map_err(|error| Failure::usage(error.to_string(), "mend the terms; nothing was sent"))
}
