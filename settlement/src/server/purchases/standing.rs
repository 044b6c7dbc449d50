//! h What became of a purchase, for either side, at any time.

use auction::layout::Digest;

use super::buying::paid;
use super::{Purchases, answered, busy, declined};
use crate::journal::Receipt;
use crate::ledger::{AccountId, Action, Authority, Code, Entry, Fate, RequestId};
use crate::purchases::{Delivery, OrderKey, PurchaseRecord};
use crate::server::desk::Desk;
use crate::server::sight::Asker;
use crate::service::Answer;
use crate::service::auctions::KeyInTransit;
use crate::service::purchases::{Paid, PurchaseAnswer, PurchaseDeclined};

impl Purchases {
    /// How a purchase stands: customer and merchant get receipt and key, the operator the receipt.
    pub(super) async fn standing(
        &self,
        desk: &Desk,
        asker: Asker,
        account: AccountId,
        id: RequestId,
    ) -> Answer {
        let known = desk.look(move |ledger| {
            // Nobody who could not take part makes the server read its journal.
            let known = ledger.account(&account).filter(|_| asker.may_take_part(ledger, &account));
            known.map(|found| found.owner)
        });
        let not_yours = || declined(PurchaseDeclined::NotYours);
        let owner = match known.await {
            Some(Some(owner)) => owner,
            Some(None) => return not_yours(),
            None => return busy(),
        };
        let customer = asker.sees(&owner);
        let record = desk.try_ask(move |keeper| keeper.record(&account, id)).await;
        let Some(record) = record else { return busy() };
        let Some(record) = record else {
            return if customer { answered(PurchaseAnswer::Undecided) } else { not_yours() };
        };
        let receipt = match Self::read(desk, OrderKey { account, id }).await {
            Some(Some(receipt)) => receipt,
            Some(None) => return declined(PurchaseDeclined::Disk),
            None => return busy(),
        };
        let Some(entry) = Entry::decode(&receipt.entry, &self.charter) else {
            return declined(PurchaseDeclined::Disk);
        };
        let ordered = entry.chain.requests().iter().find_map(|one| match one.request().action {
            Action::Purchase(_) if one.request().id == id => Some((one.authority(), one.content())),
            _ => None,
        });
        match ordered {
            Some((Authority::OwnerAndPayee { payee, .. }, order)) => {
                if !customer && !asker.sees(&payee) {
                    return not_yours();
                }
                if record.code != Code::Done {
                    return answered(PurchaseAnswer::Refused(record.code));
                }
                let side = asker.is(&owner) || asker.is(&payee);
                let key = if side { self.open_key(&entry, &order) } else { None };
                paid(Paid { receipt, key })
            }
            _ if !customer => not_yours(),
            _ if record.fate == Fate::Cancelled => {
                answered(PurchaseAnswer::Refused(Code::Cancelled))
            }
            _ => declined(PurchaseDeclined::NotAPurchase),
        }
    }

    /// The goods key in an entry of this server's own journal.
    fn open_key(&self, entry: &Entry, order: &Digest) -> Option<KeyInTransit> {
        let record = PurchaseRecord::read(entry.chain.attachment()?).ok()??;
        let Delivery::Encrypted(goods) = record.offer.terms().delivery else { return None };
        match self.safe.open(order, &record.key?, &goods.key_hash) {
            Ok(key) => Some(KeyInTransit::from(&key)),
            Err(error) => {
                tracing::error!(%order, %error, "put the lost file back into the vault");
                None
            }
        }
    }

    /// The receipt of a decided order. `None` where the journal cannot be asked now; nothing in
    /// it where it cannot be read back.
    pub(super) async fn read(desk: &Desk, name: OrderKey) -> Option<Option<Receipt>> {
        desk.ask(move |keeper| match keeper.receipt(&name.account, name.id) {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::error!(%error, "the entry of a purchase cannot be read back");
                keeper.look(|_| None)
            }
        })
        .await
    }
}
