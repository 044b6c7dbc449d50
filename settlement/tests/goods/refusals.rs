//! Damaged, forged and foreign goods are refused: by checksum and length where the spec is
//! honest, and by the tags where whoever altered the goods could also choose the checksum.

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use rand::{RngExt as _, SeedableRng as _};
use settlement::goods::{
    CHUNK_BYTES, GoodsError, GoodsKey, check, check_with_key, measure, open, unwatched,
};

use crate::seller::{
    Fixed, HEADER, KEY_HASH, PREFIX, SEALED_CHUNK, file, key, sealed, sealed_with,
};

/// What checking by the honest terms says, without the key and with it: the same.
fn refused(bytes: &[u8], key: &GoodsKey, goods: &Goods) -> GoodsError {
    let without = check(bytes, goods, &mut unwatched).unwrap_err();
    assert!(without.is_fault_of_goods(), "{without}");
    let mut out = Vec::new();
    let with = open(bytes, &mut out, key, goods, &mut unwatched).unwrap_err();
    assert!(with.is_fault_of_goods(), "{with}");
    assert!(check_with_key(bytes, key, goods, &mut unwatched).is_err());
    without
}

/// What opening says when the terms were made to fit the altered goods.
fn refused_under_forged_terms(bytes: &[u8], key: &GoodsKey) -> Option<GoodsError> {
    let terms = measure(bytes, &mut unwatched).ok()?;
    assert!(check(bytes, &terms, &mut unwatched).is_ok());
    let error = check_with_key(bytes, key, &terms, &mut unwatched).unwrap_err();
    assert!(error.is_fault_of_goods(), "{error}");
    Some(error)
}

fn chunk_of(bytes: &[u8], index: usize) -> &[u8] {
    let rest = &bytes[HEADER + index * SEALED_CHUNK..];
    &rest[..SEALED_CHUNK.min(rest.len())]
}

#[test]
fn every_bit_of_the_header_counts() {
    let (key, text) = (key(1), file(100));
    let (bytes, goods) = sealed(&text, &key);
    for bit in 0..8 * HEADER {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let error = refused(&altered, &key, &goods);
        match bit / 8 {
            0..8 => assert!(matches!(error, GoodsError::NotGoods), "{error}"),
            8..10 => assert!(matches!(error, GoodsError::Version { .. }), "{error}"),
            // 10 to 17 the file's length: another one, above the limit or not.
            10..18 => assert!(
                matches!(error, GoodsError::Length { .. } | GoodsError::TooLongByHeader { .. }),
                "{error}"
            ),
            18..22 => assert!(matches!(error, GoodsError::ChunkBytes { .. }), "{error}"),
            at if PREFIX.contains(&at) => {
                assert!(matches!(error, GoodsError::Checksum { .. }), "{error}");
                let error = refused_under_forged_terms(&altered, &key).unwrap();
                assert!(matches!(error, GoodsError::Damaged { chunk: 0 }), "{error}");
            }
            at => {
                assert!(KEY_HASH.contains(&at));
                assert!(matches!(error, GoodsError::SealedUnderOther { .. }), "{error}");
                let error = refused_under_forged_terms(&altered, &key).unwrap();
                assert!(matches!(error, GoodsError::WrongKey { .. }), "{error}");
            }
        }
    }
}

#[test]
fn flipped_bits_are_found_wherever_they_are() {
    let (key, text) = (key(1), file(3 * CHUNK_BYTES + 100));
    let (bytes, goods) = sealed(&text, &key);
    let seed = rand::random();
    println!("seed {seed}");
    let mut places = rand::rngs::StdRng::seed_from_u64(seed);
    for _ in 0..100 {
        let mut altered = bytes.clone();
        let at = places.random_range(HEADER..bytes.len());
        altered[at] ^= 1 << places.random_range(0..8u32);
        assert!(matches!(
            check(&altered[..], &goods, &mut unwatched),
            Err(GoodsError::Checksum { .. })
        ));
        let chunk = ((at - HEADER) / SEALED_CHUNK) as u32;
        let error = refused_under_forged_terms(&altered, &key).unwrap();
        assert!(matches!(error, GoodsError::Damaged { chunk: got } if got == chunk), "{error}");
        // What was let out before belongs to whole chunks.
        let mut out = Vec::new();
        open(&altered[..], &mut out, &key, &goods, &mut unwatched).unwrap_err();
        assert!(out == text[..chunk as usize * CHUNK_BYTES]);
    }
}

#[test]
fn chunks_have_one_order() {
    let key = key(1);
    let (bytes, goods) = sealed(&file(4 * CHUNK_BYTES), &key);
    let chunk = |index| chunk_of(&bytes, index);
    let made_of = |order: [usize; 4]| {
        let chunks = order.map(chunk).concat();
        [&bytes[..HEADER], &chunks].concat()
    };
    assert_eq!(made_of([0, 1, 2, 3]), bytes);
    for (order, wrong) in [
        ([1, 0, 2, 3], 0),
        ([0, 1, 3, 2], 2),
        ([0, 0, 2, 3], 1),
        ([0, 1, 2, 2], 3),
        ([3, 1, 2, 0], 0),
    ] {
        let altered = made_of(order);
        assert!(matches!(refused(&altered, &key, &goods), GoodsError::Checksum { .. }));
        let error = refused_under_forged_terms(&altered, &key).unwrap();
        assert!(matches!(error, GoodsError::Damaged { chunk } if chunk == wrong), "{error}");
    }
}

#[test]
fn dropped_and_doubled_chunks_are_found_even_where_the_length_is_mended() {
    let key = key(1);
    let (bytes, goods) = sealed(&file(3 * CHUNK_BYTES), &key);
    let (a, b, c) = (chunk_of(&bytes, 0), chunk_of(&bytes, 1), chunk_of(&bytes, 2));
    let variants: [&[&[u8]]; 7] =
        [&[a, b], &[a, c], &[b, c], &[a], &[a, a, b, c], &[a, b, c, c], &[a, b, c, a]];
    for chunks in variants {
        let plain = [&bytes[..HEADER], &chunks.concat()].concat();
        let error = refused(&plain, &key, &goods);
        if chunks.len() < 3 {
            assert!(matches!(error, GoodsError::CutOff { .. }), "{error}");
        } else {
            assert!(matches!(error, GoodsError::GoesOn { .. }), "{error}");
        }
        let mut mended = plain;
        let length = (chunks.len() * CHUNK_BYTES) as u64;
        mended[10..18].copy_from_slice(&length.to_le_bytes());
        assert!(matches!(refused(&mended, &key, &goods), GoodsError::Length { .. }));
        let error = refused_under_forged_terms(&mended, &key).unwrap();
        assert!(matches!(error, GoodsError::Damaged { .. }), "{error}");
    }
}

#[test]
fn the_end_is_where_it_was_made() {
    let key = key(1);
    let (bytes, goods) = sealed(&file(2 * CHUNK_BYTES + 10), &key);
    let bounds = [HEADER, HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK];
    let cuts = bounds.iter().flat_map(|bound| [bound - 1, *bound, bound + 1]);
    for cut in cuts.chain([0, 1, 50_000, 100_000, bytes.len() - 16, bytes.len() - 1]) {
        let error = refused(&bytes[..cut], &key, &goods);
        assert!(matches!(error, GoodsError::CutOff { .. }), "{cut}: {error}");
    }
    for more in [&[0][..], &[0; 16], &[7; 100_000], &bytes] {
        let error = refused(&[&bytes, more].concat(), &key, &goods);
        assert!(matches!(error, GoodsError::GoesOn { .. }), "{error}");
    }
}

#[test]
fn goods_of_one_prefix_cannot_be_lengthened_or_shortened_by_each_other() {
    // Same key and nonces, which no seller makes: lengths and last chunks still tell.
    let (key, text, prefix) = (key(1), file(3 * CHUNK_BYTES), [9; 19]);
    let (short, _) = sealed_with(&text[..2 * CHUNK_BYTES], &key, &mut Fixed(&prefix));
    let (long, _) = sealed_with(&text, &key, &mut Fixed(&prefix));
    let longer = [&long[..HEADER], chunk_of(&short, 0), chunk_of(&short, 1), chunk_of(&long, 2)];
    let error = refused_under_forged_terms(&longer.concat(), &key).unwrap();
    assert!(matches!(error, GoodsError::Damaged { chunk: 0 }), "{error}");
    let shorter = [&short[..HEADER], chunk_of(&long, 0), chunk_of(&long, 1)];
    let error = refused_under_forged_terms(&shorter.concat(), &key).unwrap();
    assert!(matches!(error, GoodsError::Damaged { chunk: 0 }), "{error}");
}

#[test]
fn another_key_opens_nothing() {
    let (own, other) = (key(1), key(2));
    let (bytes, goods) = sealed(&file(100), &own);
    let wrong = check_with_key(&bytes[..], &other, &goods, &mut unwatched).unwrap_err();
    assert!(matches!(wrong, GoodsError::WrongKey { .. }), "{wrong}");
    // Terms that promise the other key for these goods.
    let promised = Goods { key_hash: other.hash(), ..goods };
    let wrong = check_with_key(&bytes[..], &other, &promised, &mut unwatched).unwrap_err();
    assert!(matches!(wrong, GoodsError::SealedUnderOther { .. }), "{wrong}");
    // And a header that does so as well.
    let mut altered = bytes;
    altered[KEY_HASH].copy_from_slice(&other.hash().0);
    for key in [&own, &other] {
        let wrong = refused_under_forged_terms(&altered, key).unwrap();
        assert!(
            matches!(wrong, GoodsError::WrongKey { .. } | GoodsError::Damaged { chunk: 0 }),
            "{wrong}"
        );
    }
}

#[test]
fn terms_that_differ_in_anything_are_not_met() {
    let key = key(1);
    let (bytes, goods) = sealed(&file(100), &key);
    let wrong = [
        Goods { checksum: Digest([0; 32]), ..goods },
        Goods { bytes: goods.bytes + 1, ..goods },
        Goods { bytes: goods.bytes - 1, ..goods },
        Goods { key_hash: Digest([0; 32]), ..goods },
    ];
    for terms in wrong {
        refused(&bytes, &key, &terms);
    }
    assert!(matches!(check(&b"MZ"[..], &goods, &mut unwatched), Err(GoodsError::CutOff { .. })));
    let other = measure(&[0x7f; 500][..], &mut unwatched);
    assert!(matches!(other, Err(GoodsError::NotGoods)));
}
