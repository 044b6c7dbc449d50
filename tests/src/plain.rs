//! The auction in the clear: no shares, no proofs, all bids on the table.

/// What an auction must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Those who may win: all who bid the most.
    pub winners: Vec<String>,
    /// The price, in the smallest unit that the bids are written in.
    pub price: Option<u128>,
    /// Whether the top bid of a second-price auction was tied.
    pub tie: bool,
}

/// The answer for bids in whole units, with a reserve price. Bids below it do not count.
#[must_use]
pub fn answer(bids: &[(String, u128)], second_price: bool, reserve: u128) -> Answer {
    let counted: Vec<_> = bids.iter().filter(|(_, price)| *price >= reserve).collect();
    let mut prices: Vec<u128> = counted.iter().map(|(_, price)| *price).collect();
    prices.sort_unstable_by(|a, b| b.cmp(a));
    let Some(top) = prices.first().copied() else {
        return Answer { winners: Vec::new(), price: None, tie: false };
    };
    let of_the_top = counted.iter().filter(|(_, price)| *price == top);
    let winners: Vec<String> = of_the_top.map(|(bidder, _)| bidder.clone()).collect();
    let second = prices.get(1).copied().unwrap_or(reserve);
    Answer {
        tie: second_price && winners.len() > 1,
        price: Some(if second_price { second } else { top }),
        winners,
    }
}

/// Reads `bidder,price` lines after a header line; prices become whole units of `10^-decimals`.
///
/// # Errors
/// In words, when a line is no such line.
pub fn read(csv: &str, decimals: usize) -> Result<Vec<(String, u128)>, String> {
    let line = |line: &str| {
        let (bidder, price) = line.rsplit_once(',').ok_or(format!("no comma in '{line}'"))?;
        Ok((bidder.trim().trim_matches('"').to_owned(), units(price, decimals)?))
    };
    csv.lines().skip(1).filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// Reads a decimal number as whole units of `10^-decimals`.
///
/// # Errors
/// In words, when the text is no such number.
pub fn units(text: &str, decimals: usize) -> Result<u128, String> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let (kept, cut) = part.split_at(part.len().min(decimals));
    if cut.bytes().any(|digit| digit != b'0') {
        return Err(format!("'{text}' has more than {decimals} decimals"));
    }
    let digits = format!("{whole}{kept:0<decimals$}");
    digits.parse().map_err(|_| format!("'{text}' is no decimal number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer() {
        let bids = read("bidder,price\nann,12.50\nbob,20\ncid,17.05\ndan,20.00\n", 2).unwrap();
        let second = answer(&bids, true, 0);
        assert_eq!(second.winners, ["bob", "dan"]);
        assert_eq!((second.price, second.tie), (Some(2000), true));
        let first = answer(&bids[..3], false, 0);
        assert_eq!(
            (first.winners, first.price, first.tie),
            (vec!["bob".to_owned()], Some(2000), false)
        );
        assert_eq!(answer(&bids[..1], true, 1000).price, Some(1000));
        assert_eq!(answer(&bids, true, 9_999).price, None);
        assert!(units("1.005", 2).is_err());
    }
}
