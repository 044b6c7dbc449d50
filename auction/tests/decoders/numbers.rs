//! Amounts as people write them, and ladders of prices.

use auction::money::{Amount, Currency, Decimal};
use auction::prices::{Level, PriceLadder};
use proptest::prelude::*;

use crate::runner;

#[test]
fn amounts() {
    let text = prop_oneof![
        "\\PC{0,70}",
        "[0-9]{0,25}\\.?[0-9]{0,12}",
        "[ +\\-0-9.,eE_]{0,12}",
        "[0-9]{60,70}",
    ];
    runner(4_000)
        .run(&(text, 0..=9u8), |(text, decimals)| {
            let currency = Currency::new("EUR", decimals).unwrap();
            let decimal = Decimal::parse(&text);
            if let Ok(amount) = currency.parse(&text) {
                let written = currency.format(amount);
                prop_assert_eq!(currency.parse(&written), Ok(amount));
                prop_assert!(decimal.unwrap().significant_decimals() <= u32::from(decimals));
            }
            Ok(())
        })
        .unwrap();
    runner(1_000)
        .run(&(any::<u64>(), 0..=9u8), |(minor, decimals)| {
            let currency = Currency::new("EUR", decimals).unwrap();
            prop_assert_eq!(currency.parse(&currency.format(Amount(minor))), Ok(Amount(minor)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn ladders() {
    let number = || prop_oneof![0..40u64, any::<u64>(), Just(u64::MAX)];
    let even = (number(), number(), prop_oneof![0..40u32, any::<u32>(), Just(16_384)]).prop_map(
        |(min, tick, levels)| PriceLadder::Even { min: Amount(min), tick: Amount(tick), levels },
    );
    let listed = prop::collection::vec(number().prop_map(Amount), 0..20);
    let sorted = listed.clone().prop_map(|mut prices| {
        prices.sort();
        prices
    });
    let ladder = prop_oneof![
        even,
        listed.prop_map(PriceLadder::Listed),
        sorted.prop_map(PriceLadder::Listed)
    ];
    runner(4_000)
        .run(&(ladder, number(), any::<u32>()), |(ladder, price, level)| {
            // Received and not yet checked: no panic.
            let (found, at) = (ladder.level_of(Amount(price)), ladder.price(Level(level)));
            if ladder.check().is_err() {
                return Ok(());
            }
            let levels = ladder.levels();
            prop_assert_eq!(at.is_some(), (1..=levels).contains(&level));
            if let Ok(level) = found {
                prop_assert_eq!(ladder.price(level), Some(Amount(price)));
            }
            let level = Level(1 + level % levels);
            let price = ladder.price(level).unwrap();
            prop_assert_eq!(ladder.level_of(price), Ok(level));
            if level.0 > 1 {
                prop_assert!(ladder.price(Level(level.0 - 1)).unwrap() < price);
            }
            Ok(())
        })
        .unwrap();
}
