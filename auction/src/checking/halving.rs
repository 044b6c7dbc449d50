//! Finding the bad bids of a batch.

use crate::proofs::ProofError;

/// What halving found.
pub(super) struct Halved<T> {
    /// What the check of each part that passed gave; together they hold all but those that failed.
    pub(super) passed: Vec<T>,
    /// Those that failed alone.
    pub(super) failed: Vec<(usize, ProofError)>,
}

/// Checks the whole; halves it when it fails, until those that fail stand alone.
pub(super) fn halve<T>(
    whole: &[usize],
    mut check: impl FnMut(&[usize]) -> Result<T, ProofError>,
) -> Halved<T> {
    let mut halved = Halved { passed: Vec::new(), failed: Vec::new() };
    let mut waiting = vec![whole];
    while let Some(part) = waiting.pop() {
        if part.is_empty() {
            continue;
        }
        match (part, check(part)) {
            (_, Ok(passed)) => halved.passed.push(passed),
            ([alone], Err(error)) => halved.failed.push((*alone, error)),
            (_, Err(_)) => {
                let (left, right) = part.split_at(part.len() / 2);
                waiting.extend([right, left]);
            }
        }
    }
    halved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_pass_and_those_that_fail_alone_are_the_whole() {
        for bad in [0usize, 0b1, 0b100_0000, 0b110_1000, 0b101_0101, 0b111_1111] {
            let whole: Vec<usize> = (10..17).collect();
            let is_bad = |i: usize| bad >> (i - 10) & 1 == 1;
            let halved = halve(&whole, |part| match part.iter().any(|i| is_bad(*i)) {
                true => Err(ProofError::DoesNotHold),
                false => Ok(part.to_vec()),
            });
            let failed: Vec<usize> = halved.failed.iter().map(|(i, _)| *i).collect();
            let (expected, others): (Vec<_>, Vec<_>) = whole.iter().partition(|i| is_bad(**i));
            assert_eq!((failed, halved.passed.concat()), (expected, others));
        }
        assert!(halve(&[], |_| Ok(())).passed.is_empty());
    }
}
