//! Powers modulo an odd number, as the test for primes needs them: Montgomery's multiplication over words of 64 bits
//! (P. L. Montgomery, "Modular multiplication without trial division", 1985, in the order that Koç, Acar and Kaliski call CIOS).
//! Not in constant time: what is tested is thrown away, or is used by somebody who renders a chart on their own machine.

use rsa::BigUint;

/// An odd number above 1 to reckon by.
pub(super) struct Modulus {
    words: Vec<u64>,
    /// The inverse of its lowest word modulo 2^64, negated.
    inverse: u64,
    /// 1 as a residue.
    one: Residue,
    /// Room for a product.
    room: Vec<u64>,
}

/// A number below the modulus, times 2^(64 · words): words from the lowest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Residue(Vec<u64>);

/// What is brought to a power.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// 2.
    Two,
    /// A word through 2^64, which as a factor costs as little as doubling.
    Word(u64),
}

impl Modulus {
    /// Reckons by that number, which must be odd.
    pub fn new(n: &BigUint) -> Modulus {
        let words = words(n, n.bits().div_ceil(64));
        let low = words[0];
        // Newton's iteration: three bits are right at first, and twice as many after each step.
        let inverse = (0..5).fold(low, |x, _| x.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(x))));
        let one = Residue(self::words(&((BigUint::from(1u32) << (64 * words.len())) % n), words.len()));
        let room = vec![0; 2 * words.len() + 2];
        Modulus { words, inverse: inverse.wrapping_neg(), one, room }
    }

    /// 1.
    pub fn one(&self) -> Residue {
        self.one.clone()
    }

    /// -1.
    pub fn minus_one(&self) -> Residue {
        let mut words = self.words.clone();
        subtract(&mut words, &self.one.0);
        Residue(words)
    }

    /// A base to a power.
    pub fn power(&mut self, base: Base, exponent: &BigUint) -> Residue {
        let mut power = self.one.clone();
        for byte in exponent.to_bytes_be() {
            for bit in (0..8).rev() {
                self.square(&mut power);
                if byte >> bit & 1 == 1 {
                    match base {
                        Base::Two => self.double(&mut power),
                        Base::Word(word) => self.scale(&mut power, word),
                    }
                }
            }
        }
        power
    }

    /// The square.
    pub fn square(&mut self, a: &mut Residue) {
        // The primes of the usual keys have 16 words; with a length that is known the loops are unrolled, which saves a fifth.
        let is_over = match self.words.len() {
            16 => self.square_of(&mut a.0, 16),
            len => self.square_of(&mut a.0, len),
        };
        self.reduce(a, is_over);
    }

    /// The square of so many words, up to one modulus too much; whether a bit stands above the highest word.
    #[inline(always)]
    fn square_of(&mut self, a: &mut [u64], len: usize) -> bool {
        let (a, words) = (&mut a[..len], &self.words[..len]);
        let room = &mut self.room[..2 * len + 1];
        room.fill(0);
        // What stands beside the diagonal, then doubled, then what stands on it.
        for (i, &factor) in a.iter().enumerate() {
            let mut carry = 0;
            let (row, rest) = room[2 * i + 1..].split_at_mut(len - i - 1);
            for (word, &other) in row.iter_mut().zip(&a[i + 1..]) {
                (*word, carry) = step(*word, factor, other, carry);
            }
            rest[0] = carry;
        }
        let (mut carry, mut high) = (0, 0);
        for (pair, &factor) in room.chunks_exact_mut(2).zip(a.iter()) {
            let doubled = [pair[0] << 1 | high, pair[1] << 1 | pair[0] >> 63];
            high = pair[1] >> 63;
            let product = u128::from(factor) * u128::from(factor);
            let low = u128::from(doubled[0]) + (product & u128::from(u64::MAX)) + u128::from(carry);
            let top = u128::from(doubled[1]) + (product >> 64) + (low >> 64);
            (pair[0], pair[1], carry) = (low as u64, top as u64, (top >> 64) as u64);
        }
        let mut over = 0;
        for i in 0..len {
            let factor = room[i].wrapping_mul(self.inverse);
            let mut carry = 0;
            let (row, rest) = room[i..].split_at_mut(len);
            for (word, &n) in row.iter_mut().zip(words) {
                (*word, carry) = step(*word, factor, n, carry);
            }
            let sum = u128::from(rest[0]) + u128::from(carry) + u128::from(over);
            (rest[0], over) = (sum as u64, (sum >> 64) as u64);
        }
        a.copy_from_slice(&room[len..2 * len]);
        over == 1
    }

    /// Twice that.
    fn double(&self, a: &mut Residue) {
        let mut carry = 0;
        for word in &mut a.0 {
            let next = *word >> 63;
            *word = *word << 1 | carry;
            carry = next;
        }
        self.reduce(a, carry == 1);
    }

    /// `a` times a word, through 2^64.
    fn scale(&self, a: &mut Residue, word: u64) {
        let mut carry = 0;
        for digit in &mut a.0 {
            (*digit, carry) = step(0, word, *digit, carry);
        }
        let top = carry;
        let factor = a.0[0].wrapping_mul(self.inverse);
        let (_, mut carry) = step(a.0[0], factor, self.words[0], 0);
        for at in 1..self.words.len() {
            (a.0[at - 1], carry) = step(a.0[at], factor, self.words[at], carry);
        }
        let (sum, is_over) = top.overflowing_add(carry);
        if let Some(last) = a.0.last_mut() {
            *last = sum;
        }
        self.reduce(a, is_over);
    }

    /// Takes the modulus off once where that is to be done; `is_over` is a bit above the highest word.
    fn reduce(&self, a: &mut Residue, is_over: bool) {
        if is_over || !is_below(&a.0, &self.words) {
            subtract(&mut a.0, &self.words);
        }
    }
}

/// `word + a·b + carry`, as its low and its high half.
#[inline]
fn step(word: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(word) + u128::from(a) * u128::from(b) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

fn is_below(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (word, other) in a.iter_mut().zip(b) {
        let (rest, first) = word.overflowing_sub(*other);
        let (rest, second) = rest.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (rest, first | second);
    }
}

/// The words of a number, from the lowest.
pub(super) fn words(n: &BigUint, len: usize) -> Vec<u64> {
    let mut words: Vec<u64> = n
        .to_bytes_le()
        .chunks(8)
        .map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        .collect();
    words.resize(len, 0);
    words
}

#[cfg(test)]
mod tests {
    use super::super::keys::Dice;
    use super::*;
    use crate::helm::template::Random;
    use rsa::rand_core::RngCore as _;

    #[test]
    fn powers_are_those_of_the_slow_way() {
        let mut random = Random::new([3; 32]);
        let mut number = |bits: usize| {
            let mut bytes = vec![0; bits.div_ceil(8)];
            Dice(&mut random).fill_bytes(&mut bytes);
            bytes[0] |= 0x80;
            BigUint::from_bytes_be(&bytes)
        };
        for bits in [8, 64, 72, 128, 520, 1024, 1032, 2048] {
            for all_ones in [false, true] {
                let one = BigUint::from(1u32);
                let n = if all_ones { (&one << bits) - &one } else { number(bits) | &one };
                let mut modulus = Modulus::new(&n);
                let back = |residue: &Residue| {
                    let words = residue.0.iter().rev().fold(BigUint::from(0u32), |n, w| (n << 64) + BigUint::from(*w));
                    // By dividing by 2 as often as the residue was doubled.
                    let half = (&n + &one) >> 1;
                    words * half.modpow(&BigUint::from(64 * residue.0.len() as u64), &n) % &n
                };
                // 2^-64 by the modulus, as a power of a half.
                let through = ((&n + &one) >> 1).modpow(&BigUint::from(64u32), &n);
                let word = |word: u64| (Base::Word(word), BigUint::from(word) * &through);
                for (base, same) in [(Base::Two, BigUint::from(2u32)), word(0), word(1), word(3), word(u64::MAX)] {
                    for exponent in [BigUint::from(0u32), one.clone(), BigUint::from(65_537u32), number(bits)] {
                        let mut power = modulus.power(base, &exponent);
                        let expected = same.modpow(&exponent, &n);
                        assert_eq!(back(&power), expected, "{same}^{exponent} by {n}");
                        modulus.square(&mut power);
                        assert_eq!(back(&power), &expected * &expected % &n);
                    }
                }
                assert_eq!((back(&modulus.one()), back(&modulus.minus_one())), (&one % &n, &n - &one));
            }
        }
    }
}
