//! The encrypted goods on the bidder's disk before any money is set aside. SETTLEMENT, section
//! "An auction's payment", step 3.

use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::settlement_terms::{Delivery, Goods};
use auction::spec::VerifiedSpec;
use clap::Args;
use settlement::charter_file::CharterFile;
use settlement::goods::measure;

use crate::aside::aside;
use crate::charter::with_server_as_anyone;
use crate::exit::Failure;
use crate::progress::{Counting, note};

/// Whether, and where, the goods are fetched before money is set aside.
#[derive(Debug, Clone, Args)]
pub(crate) struct GoodsArgument {
    /// Directory for the encrypted goods, which are fetched and checked before any money is set
    /// aside [default: the wallet].
    #[arg(long, value_name = "DIR")]
    goods: Option<PathBuf>,
    /// Set the money aside without having the goods: should you win, you rely on the server to
    /// have them then.
    #[arg(long, conflicts_with = "goods")]
    without_goods: bool,
}

impl GoodsArgument {
    /// Makes sure that the encrypted goods of an auction are here, and are those that the seller
    /// offered. What was fetched before is not fetched again, and what is half fetched goes on.
    pub(crate) async fn secure(
        &self,
        wallet: &Path,
        spec: &VerifiedSpec,
        charter: &CharterFile,
    ) -> Result<(), Failure> {
        let Some(terms) = spec.spec().settlement.as_ref().filter(|_| !self.without_goods) else {
            return Ok(());
        };
        // Goods that are sent nobody has before the sale.
        let Delivery::Digital(expected) = terms.delivery else { return Ok(()) };
        let path = place(self.goods.as_deref().unwrap_or(wallet), &spec.id());
        if path.is_file() && are_as_offered(&path, expected).await? {
            return Ok(());
        }
        let part = half(&path);
        download(charter, &spec.id(), &expected, &part).await?;
        if !are_as_offered(&part, expected).await? {
            let failed = |source| Failure::file("remove", &part, source);
            std::fs::remove_file(&part).map_err(failed)?;
            return Err(Failure::Payment(
                "the server does not serve the goods that the seller offered".to_owned(),
                "set no money aside for them, and tell the seller and the server's operator",
            ));
        }
        let failed = |source| Failure::file("keep", &path, source);
        let kept = File::open(&part).and_then(|file| file.sync_all());
        kept.and_then(|()| std::fs::rename(&part, &path)).map_err(failed)?;
        note(&format!(
            "The encrypted goods are at {}, as the seller offered them.",
            path.display()
        ));
        Ok(())
    }
}

/// Where the encrypted goods of an auction lie in a directory.
pub(crate) fn place(dir: &Path, auction: &Digest) -> PathBuf {
    dir.join(format!("{auction}.goods"))
}

/// Where they lie while they are being fetched.
pub(crate) fn half(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".download");
    path.with_file_name(name)
}

/// Fetches goods, in nobody's name, and goes on where an earlier attempt ended.
pub(crate) async fn download(
    charter: &CharterFile,
    auction: &Digest,
    expected: &Goods,
    part: &Path,
) -> Result<(), Failure> {
    let failed = |source| Failure::file("write", part, source);
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let mut file: File = options.open(part).map_err(failed)?;
    let mut have = file.metadata().map_err(failed)?.len();
    if have > expected.bytes {
        file.set_len(0).map_err(failed)?;
        have = 0;
    }
    let progress = Counting::bytes("downloading", expected.bytes);
    let downloaded = with_server_as_anyone(charter, async |client| {
        let told = |done| progress.at(done, expected.bytes);
        Ok(client.download(*auction, expected, have, &mut file, told).await?)
    });
    let downloaded = downloaded.await;
    progress.finish();
    downloaded.map(|_| ())
}

/// Whether a file holds the goods that the seller offered.
async fn are_as_offered(path: &Path, expected: Goods) -> Result<bool, Failure> {
    let file = File::open(path).map_err(|source| Failure::input("read", path, source))?;
    let progress = Counting::bytes("checking", expected.bytes);
    let bar = progress.clone();
    let measured = aside(move || {
        measure(file, &mut |done| {
            bar.at(done, expected.bytes);
            ControlFlow::Continue(())
        })
    });
    let measured = measured.await;
    progress.finish();
    match measured {
        Ok(goods) => Ok(goods == expected),
        Err(error) if error.is_fault_of_goods() => Ok(false),
        Err(source) => Err(Failure::Goods { path: path.display().to_string(), source }),
    }
}
