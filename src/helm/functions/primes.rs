//! Primes for RSA keys: a sieve leaves few candidates, and only those are tested. The crate's own search sieves little and
//! takes several times as long.

use super::keys::Dice;
use super::montgomery::{Base, Modulus};
use crate::helm::template::Random;
use rsa::BigUint;
use rsa::rand_core::RngCore as _;
use std::sync::LazyLock;

/// The public exponent of every key.
pub(super) const EXPONENT: u32 = 65_537;

/// How many odd numbers are sieved at a time.
const WINDOW: usize = 1 << 13;

/// The sieve knows the primes below this. Three of them fit into a word.
const SMALL: usize = 1 << 18;

/// Rounds of Miller and Rabin's test to a random base: for random numbers of 1024 bits five leave a doubt below 2^-112
/// (FIPS 186-5, B.1).
const ROUNDS: usize = 5;

/// A random prime of so many bits, the two highest set, that goes with the exponent.
pub(super) fn prime(random: &mut Random, bits: usize) -> BigUint {
    static SMALL_PRIMES: LazyLock<Vec<u64>> = LazyLock::new(small_primes);
    loop {
        let start = odd_start(random, bits);
        let sieved = sieve(&start, &SMALL_PRIMES);
        for i in (0..WINDOW).filter(|i| !sieved[*i]) {
            let candidate = &start + BigUint::from(2 * i as u64);
            if candidate.bits() == bits && is_prime(&candidate, random) {
                return candidate;
            }
        }
    }
}

fn odd_start(random: &mut Random, bits: usize) -> BigUint {
    let mut bytes = vec![0; bits / 8];
    Dice(random).fill_bytes(&mut bytes);
    if let [first, .., last] = &mut bytes[..] {
        *first |= 0xc0;
        *last |= 1;
    }
    BigUint::from_bytes_be(&bytes)
}

fn small_primes() -> Vec<u64> {
    let mut composite = vec![false; SMALL];
    let mut primes = Vec::new();
    for n in (3..SMALL).step_by(2) {
        if !composite[n] {
            primes.push(n as u64);
            (n * n..SMALL).step_by(n).for_each(|m| composite[m] = true);
        }
    }
    primes
}

/// Which of `start`, `start + 2`, … have a small factor, or are 1 more than a multiple of the exponent.
fn sieve(start: &BigUint, primes: &[u64]) -> Vec<bool> {
    let mut out = vec![false; WINDOW];
    let bytes = start.to_bytes_be();
    let words: Vec<u64> = bytes.rchunks(8).map(|w| w.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))).collect();
    let remainder = |divisor: u64| {
        words.iter().rev().fold(0, |n, word| ((u128::from(n) << 64 | u128::from(*word)) % u128::from(divisor)) as u64)
    };
    let mut strike = |prime: u64, remainder: u64, rest: u64| {
        // The smallest i with start + 2i ≡ rest (mod prime); 2 has the inverse (prime + 1) / 2.
        let first = (prime + rest - remainder % prime) % prime * prime.div_ceil(2) % prime;
        (first as usize..WINDOW).step_by(prime as usize).for_each(|i| out[i] = true);
    };
    // Long divisions are what this costs: one for three primes.
    for several in primes.chunks(3) {
        let remainder = remainder(several.iter().product());
        several.iter().for_each(|p| strike(*p, remainder, 0));
    }
    let exponent = u64::from(EXPONENT);
    strike(exponent, remainder(exponent), 1);
    out
}

/// Miller and Rabin's test of an odd number above 1, to base 2 first, where most composites fail.
fn is_prime(n: &BigUint, random: &mut Random) -> bool {
    let top = n - BigUint::from(1u32);
    let twos = top.trailing_zeros().unwrap_or(0);
    let odd = &top >> twos;
    let mut modulus = Modulus::new(n);
    let (one, minus_one) = (modulus.one(), modulus.minus_one());
    let mut passes = |base: Base| {
        let mut power = modulus.power(base, &odd);
        if power == one || power == minus_one {
            return true;
        }
        (1..twos).any(|_| {
            power = modulus.square(&power);
            power == minus_one
        })
    };
    passes(Base::Two) && (0..ROUNDS).all(|_| passes(Base::of(random.next_u64() | 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_primes_and_knows_composites() {
        let mut random = Random::new([7; 32]);
        for (n, expected) in [(1_000_003u64, true), (1_000_001, false), (561, false), (2_147_483_647, true)] {
            assert_eq!(is_prime(&BigUint::from(n), &mut random), expected, "{n}");
        }
        let found = prime(&mut random, 256);
        assert!(found.bits() == 256 && is_prime(&found, &mut random));
        assert_ne!(&found % EXPONENT, BigUint::from(1u32));
    }
}
