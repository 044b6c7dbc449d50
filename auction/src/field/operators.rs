//! The operators of a field element, by value, by reference and assigning.

use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::limbs;
use super::montgomery::{Fe, add_order_if, montgomery_product, subtract, subtract_order_once};

impl Add for Fe {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        // Both are below l < 2^253: no carry leaves the top limb.
        let mut sum = self.0;
        limbs::add(&mut sum, &other.0);
        Self(subtract_order_once(&sum))
    }
}

impl Sub for Fe {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        let (difference, borrow) = subtract(&self.0, &other.0);
        Self(add_order_if(&difference, borrow))
    }
}

impl Mul for Fe {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        Self(montgomery_product(&self.0, &other.0))
    }
}

impl Neg for Fe {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

/// The operator for references and the assigning one, from the one by value.
macro_rules! by_reference {
    ($operator:ident, $method:ident, $assign:ident, $assign_method:ident) => {
        impl $operator<&Fe> for Fe {
            type Output = Fe;
            #[inline]
            fn $method(self, other: &Fe) -> Fe {
                $operator::$method(self, *other)
            }
        }
        impl $operator<Fe> for &Fe {
            type Output = Fe;
            #[inline]
            fn $method(self, other: Fe) -> Fe {
                $operator::$method(*self, other)
            }
        }
        impl $operator<&Fe> for &Fe {
            type Output = Fe;
            #[inline]
            fn $method(self, other: &Fe) -> Fe {
                $operator::$method(*self, *other)
            }
        }
        impl $assign for Fe {
            #[inline]
            fn $assign_method(&mut self, other: Fe) {
                *self = $operator::$method(*self, other);
            }
        }
        impl $assign<&Fe> for Fe {
            #[inline]
            fn $assign_method(&mut self, other: &Fe) {
                *self = $operator::$method(*self, *other);
            }
        }
    };
}
by_reference!(Add, add, AddAssign, add_assign);
by_reference!(Sub, sub, SubAssign, sub_assign);
by_reference!(Mul, mul, MulAssign, mul_assign);

impl Neg for &Fe {
    type Output = Fe;
    #[inline]
    fn neg(self) -> Fe {
        -*self
    }
}

impl Sum for Fe {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, |sum, term| sum + term)
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{big, edge_and_random_integers, order, scalar_of};
    use super::*;

    #[test]
    fn operations_equal_big_integers_and_dalek() {
        let values = edge_and_random_integers("operators");
        for a in &values {
            let (x, fx) = (scalar_of(a), Fe::from_scalar(&scalar_of(a)));
            assert!(big(&fx.0) < order());
            assert_eq!(fx.to_scalar(), x);
            assert_eq!(fx.square().to_scalar(), scalar_of(&(a * a)));
            assert_eq!(fx.double().to_scalar(), scalar_of(&(a + a)));
            assert_eq!((-fx).to_scalar(), -x);
            assert_eq!(-&fx, -fx);
            for b in &values {
                let (y, fy) = (scalar_of(b), Fe::from_scalar(&scalar_of(b)));
                let minus_b = order() - b % order();
                let expected =
                    [scalar_of(&(a + b)), scalar_of(&(a + minus_b)), scalar_of(&(a * b))];
                assert_eq!(expected, [x + y, x - y, x * y]);
                let (rx, ry) = (&fx, &fy);
                for results in [
                    [fx + fy, fx - fy, fx * fy],
                    [fx + ry, fx - ry, fx * ry],
                    [rx + fy, rx - fy, rx * fy],
                    [rx + ry, rx - ry, rx * ry],
                ] {
                    assert!(results.iter().all(|fe| big(&fe.0) < order()));
                    assert_eq!(results.map(Fe::to_scalar), expected);
                }
                assert_eq!(fx == fy, x == y);
            }
        }
    }

    #[test]
    fn assignment_and_sum_agree_with_the_operators() {
        let (a, b) = (Fe::from_u64(77), -Fe::from_u64(5));
        let mut c = a;
        c += b;
        c *= &a;
        c -= &b;
        c += &a;
        c -= a;
        c *= b;
        assert_eq!(c, ((a + b) * a - b) * b);
        assert_eq!([a, b, c].into_iter().sum::<Fe>(), a + b + c);
    }
}
