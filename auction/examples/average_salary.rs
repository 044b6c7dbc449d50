//! The average salary of a department, without anyone learning a salary.
//!
//! The first example of Tygar, "Atomicity versus Anonymity" (VLDB 1998), section 6.2: each
//! person splits a salary into one share for each of three accumulators, additive modulo `M`;
//! the accumulators add up what they get and report only their sums. Any two of the three shares
//! say nothing: they are uniform, whatever the salary. The auction of this crate stands on the
//! same idea, with vectors in place of numbers and proofs in place of trust.
//!
//! `cargo run -p auction --example average_salary [M]`

#![expect(clippy::print_stdout, reason = "a program that shows a sum")]

use num_bigint::BigUint;
use rand::Rng as _;

/// Splits `secret` into `accumulators` shares that add up to it modulo `modulus`.
fn split(secret: &BigUint, accumulators: usize, modulus: &BigUint) -> Vec<BigUint> {
    let mut shares: Vec<BigUint> = (1..accumulators).map(|_| uniform_below(modulus)).collect();
    let sum: BigUint = shares.iter().sum();
    // The last share is what is missing, modulo M: sum is below accumulators * M.
    shares.push((secret + modulus * accumulators - sum) % modulus);
    shares
}

/// A uniform number below `modulus`: draws with the modulus' number of bits until one fits.
fn uniform_below(modulus: &BigUint) -> BigUint {
    let bits = modulus.bits();
    loop {
        let mut bytes = vec![0; bits.div_ceil(8) as usize];
        rand::rng().fill_bytes(&mut bytes);
        if let (Some(top), 1..) = (bytes.last_mut(), bits % 8) {
            *top &= (1 << (bits % 8)) - 1;
        }
        let number = BigUint::from_bytes_le(&bytes);
        if number < *modulus {
            return number;
        }
    }
}

fn main() {
    let modulus: BigUint = match std::env::args().nth(1).map(|text| text.parse()) {
        Some(Ok(modulus)) => modulus,
        Some(Err(_)) => return eprintln!("usage: average_salary [M], a whole number"),
        // The paper's: much greater than everyone's salaries together.
        None => BigUint::from(1_000_000_000_000u64),
    };
    let salaries = [48_000u32, 61_500, 39_250, 75_000, 52_250].map(BigUint::from);
    if salaries.iter().sum::<BigUint>() >= modulus {
        return eprintln!("M must be greater than all salaries together, or the sum wraps around");
    }

    let mut accumulators = vec![BigUint::ZERO; 3];
    for salary in &salaries {
        for (sum, share) in accumulators.iter_mut().zip(split(salary, 3, &modulus)) {
            *sum = (&*sum + share) % &modulus;
        }
    }

    for (k, sum) in accumulators.iter().enumerate() {
        println!("accumulator {k} reports {sum}");
    }
    let total = accumulators.iter().sum::<BigUint>() % &modulus;
    println!("together {total}, so the average of {} salaries is", salaries.len());
    println!("{}", total / salaries.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_for_any_modulus() {
        for modulus in [1u64, 2, 97, 1 << 16, 1_000_000_000_000, u64::MAX] {
            let modulus = BigUint::from(modulus);
            for accumulators in 1..=5 {
                let secret = uniform_below(&modulus);
                let shares = split(&secret, accumulators, &modulus);
                assert!(shares.iter().all(|share| *share < modulus));
                assert_eq!(shares.iter().sum::<BigUint>() % &modulus, secret);
            }
        }
    }
}
