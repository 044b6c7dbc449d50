//! Uploads that are under way, of which there are only so many: who gets on keeps his place, and who
//! stalls gives way to whoever comes later.

use std::time::{Duration, Instant};

use auction::keys::PublicKey;
use auction::layout::Digest;

/// After so long without a piece an upload gives way to one that comes later.
pub(super) const SILENCE: Duration = Duration::from_secs(60);
/// After so long it does so in any case.
const LONG: Duration = Duration::from_secs(3600);

/// How many may be under way at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) of_all: usize,
    /// Of one key.
    pub(super) of_one: usize,
}

/// How an upload gets on.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnderWay {
    pub(super) id: Digest,
    /// Whose it is.
    pub(super) of: PublicKey,
    pub(super) begun: Instant,
    /// When the last piece came.
    pub(super) touched: Instant,
    /// A piece is being written, or all of it is being checked.
    pub(super) busy: bool,
}

impl Places {
    /// Which uploads must give way for one more of this key; nothing, where those that are under
    /// way get on and there is no place.
    pub(super) fn who_gives_way(
        &self,
        under_way: &[UnderWay],
        key: &PublicKey,
        now: Instant,
    ) -> Option<Vec<Digest>> {
        let mut stalled: Vec<&UnderWay> =
            under_way.iter().filter(|one| one.is_stalled(now)).collect();
        stalled.sort_unstable_by_key(|one| (one.begun, one.id));
        let own = under_way.iter().filter(|one| one.of == *key).count();
        let mut gone = Vec::new();
        if own >= self.of_one {
            gone.push(stalled.iter().find(|one| one.of == *key)?.id);
        }
        if under_way.len() - gone.len() >= self.of_all {
            gone.push(stalled.iter().find(|one| !gone.contains(&one.id))?.id);
        }
        Some(gone)
    }
}

impl UnderWay {
    fn is_stalled(&self, now: Instant) -> bool {
        let since = |moment| now.saturating_duration_since(moment);
        !self.busy && (since(self.touched) >= SILENCE || since(self.begun) >= LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places = Places { of_all: 4, of_one: 2 };

    #[test]
    fn who_gets_on_keeps_his_place_and_who_stalls_gives_way_to_others() {
        let start = Instant::now();
        let seller = |n: u8| PublicKey([n; 32]);
        let auction = |n: u8| Digest([n; 32]);
        // Two of seller 0, two of seller 1.
        let mut deposits: Vec<UnderWay> = (0..4)
            .map(|n| {
                let begun = start + Duration::from_millis(n.into());
                let (auction, seller) = (auction(n), seller(n / 2));
                UnderWay { id: auction, of: seller, begun, touched: begun, busy: false }
            })
            .collect();
        let gives_way = |deposits: &[UnderWay], of, later| {
            PLACES.who_gives_way(deposits, &seller(of), start + later)
        };
        let soon = Duration::from_secs(1);
        assert_eq!(gives_way(&deposits, 0, soon), None);
        assert_eq!(gives_way(&deposits, 5, soon), None);
        assert_eq!(gives_way(&deposits[1..], 5, soon), Some(vec![]));
        // His own first; of others the one who began first.
        let late = SILENCE + soon;
        assert_eq!(gives_way(&deposits, 1, late), Some(vec![auction(2)]));
        assert_eq!(gives_way(&deposits, 5, late), Some(vec![auction(0)]));
        deposits[0].busy = true;
        assert_eq!(gives_way(&deposits, 5, late), Some(vec![auction(1)]));
        deposits.iter_mut().for_each(|deposit| deposit.touched = start + late);
        assert_eq!(gives_way(&deposits, 0, late), None);
        // Nobody drips for ever.
        let after = LONG + soon;
        deposits.iter_mut().for_each(|deposit| deposit.touched = start + after);
        assert_eq!(gives_way(&deposits, 5, after), Some(vec![auction(1)]));
    }
}
