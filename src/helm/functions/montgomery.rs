//! Powers modulo an odd number, as the test for primes needs them: Montgomery's multiplication (P. L. Montgomery, "Modular
//! multiplication without trial division", 1985) over limbs of 61 bits, so that the products of a column are added up in 128
//! bits and carried on once. There is so much room above the modulus that nothing is taken off on the way (C. D. Walter,
//! "Montgomery exponentiation needs no final subtractions", 1999).
//! Not in constant time: what is tested is thrown away, or is used by somebody who renders a chart on their own machine.

use rsa::BigUint;

/// Bits of a limb.
const BITS: u32 = 61;

/// A limb of ones.
const MASK: u64 = (1 << BITS) - 1;

/// Bits there are above the modulus, at least: with four of them the square of what is below four times the modulus is below
/// twice of it again.
const ROOM: usize = 4;

/// How many limbs the primes of the usual keys have.
const USUAL: usize = 17;

/// An odd number above 1 to reckon by.
pub(super) struct Modulus {
    limbs: Vec<u64>,
    /// The inverse of its lowest limb modulo 2^61, negated.
    inverse: u64,
    /// 1 as a residue.
    one: Residue,
    /// Room for a product: what its columns sum up to.
    columns: Vec<u128>,
}

/// A number times 2^(61 · limbs), modulo the modulus: limbs from the lowest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Residue(Vec<u64>);

/// What is brought to a power.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// 2.
    Two,
    /// A limb through 2^61, which as a factor costs as little as doubling.
    Limb(u64),
}

impl Base {
    /// Of a word, its lowest 61 bits.
    pub fn of(word: u64) -> Base {
        Base::Limb(word & MASK)
    }
}

impl Modulus {
    /// Reckons by that number, which must be odd and have at most 3,800 bits: so many products fit into a column.
    pub fn new(n: &BigUint) -> Modulus {
        let len = (n.bits() + ROOM).div_ceil(BITS as usize);
        let limbs = limbs(n, len);
        let low = limbs[0];
        // Newton's iteration: three bits are right at first, and twice as many after each step.
        let inverse = (0..5).fold(low, |x, _| x.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(x))));
        let one = Residue(self::limbs(&((BigUint::from(1u32) << (BITS as usize * len)) % n), len));
        Modulus { limbs, inverse: inverse.wrapping_neg() & MASK, one, columns: vec![0; 2 * len] }
    }

    /// 1.
    pub fn one(&self) -> Residue {
        self.one.clone()
    }

    /// -1.
    pub fn minus_one(&self) -> Residue {
        let mut limbs = self.limbs.clone();
        subtract(&mut limbs, &self.one.0);
        Residue(limbs)
    }

    /// A base to a power.
    pub fn power(&mut self, base: Base, exponent: &BigUint) -> Residue {
        let Residue(mut power) = self.one();
        for byte in exponent.to_bytes_be() {
            for bit in (0..8).rev() {
                self.square_of(&mut power);
                if byte >> bit & 1 == 1 {
                    match base {
                        Base::Two => double(&mut power),
                        Base::Limb(limb) => self.scale(&mut power, limb),
                    }
                }
            }
        }
        self.reduced(power)
    }

    /// The square.
    pub fn square(&mut self, a: &Residue) -> Residue {
        let Residue(mut a) = a.clone();
        self.square_of(&mut a);
        self.reduced(a)
    }

    /// Of what is below four times the modulus the square, below twice of it.
    fn square_of(&mut self, a: &mut [u64]) {
        match (<&mut [u64; USUAL]>::try_from(&mut *a), <&[u64; USUAL]>::try_from(&*self.limbs)) {
            (Ok(a), Ok(n)) => usual::square(a, n, self.inverse),
            _ => self.square_by_rows(a),
        }
    }

    fn square_by_rows(&mut self, a: &mut [u64]) {
        let (columns, n) = (&mut self.columns[..2 * a.len()], &self.limbs[..a.len()]);
        columns.fill(0);
        for (i, &factor) in a.iter().enumerate() {
            let (square, beside) = (times(factor, factor), &mut columns[2 * i..]);
            beside[0] += square;
            for (column, &other) in beside[1..].iter_mut().zip(&a[i + 1..]) {
                *column += times(factor, 2 * other);
            }
        }
        // The products that follow take as much room again.
        let mut carry = 0;
        for column in columns.iter_mut() {
            carry += *column;
            (*column, carry) = (carry & u128::from(MASK), carry >> BITS);
        }
        for i in 0..n.len() {
            let row = &mut columns[i..=i + n.len()];
            let factor = (row[0] as u64).wrapping_mul(self.inverse) & MASK;
            for (column, &limb) in row.iter_mut().zip(n) {
                *column += times(factor, limb);
            }
            row[1] += row[0] >> BITS;
        }
        let mut carry = 0;
        for (limb, column) in a.iter_mut().zip(&columns[n.len()..]) {
            carry += column;
            (*limb, carry) = (carry as u64 & MASK, carry >> BITS);
        }
    }

    /// Of what is below twice the modulus so many times, through 2^61: below three times of it.
    fn scale(&self, a: &mut [u64], limb: u64) {
        let low = times(limb, a[0]);
        let factor = (low as u64).wrapping_mul(self.inverse) & MASK;
        let mut carry = (low + times(factor, self.limbs[0])) >> BITS;
        for at in 1..a.len() {
            carry += times(limb, a[at]) + times(factor, self.limbs[at]);
            (a[at - 1], carry) = (carry as u64 & MASK, carry >> BITS);
        }
        if let Some(last) = a.last_mut() {
            *last = carry as u64;
        }
    }

    /// Takes the modulus off as often as that can be done.
    fn reduced(&self, mut a: Vec<u64>) -> Residue {
        while !a.iter().rev().lt(self.limbs.iter().rev()) {
            subtract(&mut a, &self.limbs);
        }
        Residue(a)
    }
}

/// The square for the primes of the usual keys, column by column. Each column is a function of its own, so that the compiler knows
/// all the places: that takes a fifth less than rows do.
mod usual {
    use super::{BITS, MASK, USUAL, times};

    type Limbs = [u64; USUAL];

    pub(super) fn square(a: &mut Limbs, n: &Limbs, inverse: u64) {
        let mut all = Columns { doubled: a.map(|limb| 2 * limb), a: *a, n, inverse, factors: [0; USUAL], sum: 0 };
        macro_rules! columns {
            ($($at:literal)*) => {{
                $(all.low::<$at>();)*
                $(a[$at] = all.high::<$at>();)*
            }};
        }
        columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    }

    struct Columns<'n> {
        a: Limbs,
        doubled: Limbs,
        n: &'n Limbs,
        inverse: u64,
        /// How often the modulus is added, limb by limb.
        factors: Limbs,
        /// What is carried on.
        sum: u128,
    }

    impl Columns<'_> {
        /// A column of the lower half: the modulus is added so often that nothing is left of it.
        #[inline(always)]
        fn low<const AT: usize>(&mut self) {
            let mut sum = self.products(0, AT);
            for i in 0..AT {
                sum += times(self.factors[i], self.n[AT - i]);
            }
            let factor = (sum as u64).wrapping_mul(self.inverse) & MASK;
            self.factors[AT] = factor;
            self.sum = (sum + times(factor, self.n[0])) >> BITS;
        }

        /// A column of the upper half, and the limb that it is.
        #[inline(always)]
        fn high<const AT: usize>(&mut self) -> u64 {
            let mut sum = self.products(AT + 1, AT + USUAL);
            for i in AT + 1..USUAL {
                sum += times(self.factors[i], self.n[AT + USUAL - i]);
            }
            self.sum = sum >> BITS;
            sum as u64 & MASK
        }

        /// What is carried on, and the products of the number by itself in a column.
        #[inline(always)]
        fn products(&self, first: usize, column: usize) -> u128 {
            let mut sum = self.sum;
            for i in first..column.div_ceil(2) {
                sum += times(self.a[i], self.doubled[column - i]);
            }
            if column.is_multiple_of(2) {
                sum += times(self.a[column / 2], self.a[column / 2]);
            }
            sum
        }
    }
}

#[inline(always)]
fn times(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

/// Of what is below twice the modulus the double.
fn double(a: &mut [u64]) {
    let mut carry = 0;
    for limb in a {
        carry += 2 * *limb;
        (*limb, carry) = (carry & MASK, carry >> BITS);
    }
}

fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = 0;
    for (limb, other) in a.iter_mut().zip(b) {
        let rest = limb.wrapping_sub(other + borrow);
        (*limb, borrow) = (rest & MASK, rest >> 63);
    }
}

/// The limbs of a number, from the lowest.
fn limbs(n: &BigUint, len: usize) -> Vec<u64> {
    let (mut limbs, mut rest, mut bits) = (Vec::with_capacity(len), 0u128, 0);
    for byte in n.to_bytes_le() {
        rest |= u128::from(byte) << bits;
        bits += 8;
        if bits >= BITS {
            limbs.push(rest as u64 & MASK);
            (rest, bits) = (rest >> BITS, bits - BITS);
        }
    }
    limbs.push(rest as u64);
    limbs.resize(len, 0);
    limbs
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
        for bits in [8, 56, 64, 72, 128, 520, 1016, 1024, 1032, 1072, 1080, 2048] {
            for all_ones in [false, true] {
                let one = BigUint::from(1u32);
                let n = if all_ones { (&one << bits) - &one } else { number(bits) | &one };
                let mut modulus = Modulus::new(&n);
                let back = |residue: &Residue| {
                    let limbs = residue.0.iter().rev().fold(BigUint::from(0u32), |n, l| (n << 61) + BigUint::from(*l));
                    assert!(limbs < n);
                    // By dividing by 2 as often as the residue was doubled.
                    let half = (&n + &one) >> 1;
                    limbs * half.modpow(&BigUint::from(61 * residue.0.len() as u64), &n) % &n
                };
                // 2^-61 by the modulus, as a power of a half.
                let through = ((&n + &one) >> 1).modpow(&BigUint::from(61u32), &n);
                let limb = |limb: u64| (Base::of(limb), BigUint::from(limb & MASK) * &through);
                for (base, same) in [(Base::Two, BigUint::from(2u32)), limb(0), limb(1), limb(3), limb(u64::MAX)] {
                    for exponent in [BigUint::from(0u32), one.clone(), BigUint::from(65_537u32), number(bits)] {
                        let power = modulus.power(base, &exponent);
                        let expected = same.modpow(&exponent, &n);
                        assert_eq!(back(&power), expected, "{same}^{exponent} by {n}");
                        assert_eq!(back(&modulus.square(&power)), &expected * &expected % &n);
                    }
                }
                assert_eq!((back(&modulus.one()), back(&modulus.minus_one())), (&one % &n, &n - &one));
            }
        }
    }
}
