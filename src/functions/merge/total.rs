//! Sums that do not depend on the order of their terms.
//!
//! Whole numbers and decimals are summed in 128 bits. Doubles are summed without rounding, as an expansion: a list of
//! doubles that do not overlap and whose exact sum is the exact sum of the terms (Shewchuk, "Adaptive Precision
//! Floating-Point Arithmetic", 1997). A double spans 2100 bits, so an expansion has at most some forty parts; two or
//! three are usual.

use std::cmp::Ordering;

use super::numbers::Number;

/// A running sum.
#[derive(Clone, Debug)]
pub(super) enum Total {
    /// Of whole numbers, or of the digits of decimals of one scale.
    Exact(i128),
    /// Of doubles: the parts of its expansion, the greatest last.
    Double(Vec<f64>),
}

/// The sum left its range, or two kinds of numbers were mixed.
#[derive(Debug)]
pub(super) struct Overflow;

impl Total {
    /// The sum of one number.
    pub(super) fn of(number: Number) -> Self {
        match number {
            Number::Exact(digits) => Total::Exact(digits),
            Number::Double(double) => Total::Double(vec![double]),
        }
    }

    /// Adds a number. An error leaves the sum unusable.
    pub(super) fn add(&mut self, number: Number) -> Result<(), Overflow> {
        match (self, number) {
            (Total::Exact(sum), Number::Exact(digits)) => {
                *sum = sum.checked_add(digits).ok_or(Overflow)?;
                Ok(())
            }
            (Total::Double(parts), Number::Double(double)) => grow(parts, double),
            _ => Err(Overflow),
        }
    }

    /// Numbers whose sum is this one exactly; at least one.
    pub(super) fn parts(self) -> Vec<Number> {
        match self {
            Total::Exact(sum) => vec![Number::Exact(sum)],
            Total::Double(parts) if parts.is_empty() => vec![Number::Double(0.0)],
            Total::Double(parts) => parts.into_iter().map(Number::Double).collect(),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match self {
            Total::Exact(_) => 0,
            Total::Double(parts) => parts.capacity() * size_of::<f64>(),
        }
    }

    /// Compares the exact sums.
    pub(super) fn compare(&self, other: &Total) -> Ordering {
        match (self, other) {
            (Total::Exact(a), Total::Exact(b)) => a.cmp(b),
            (Total::Double(a), Total::Double(b)) => {
                if let ([a], [b]) = (a.as_slice(), b.as_slice()) {
                    return a.partial_cmp(b).unwrap_or(Ordering::Equal);
                }
                // The greatest part outweighs the rest, so it has the sign of the difference.
                let mut difference = a.clone();
                for part in b {
                    if grow(&mut difference, -part).is_err() {
                        return Ordering::Equal;
                    }
                }
                let sign = difference.iter().rev().find(|part| **part != 0.0).copied().unwrap_or(0.0);
                sign.partial_cmp(&0.0).unwrap_or(Ordering::Equal)
            }
            _ => Ordering::Equal,
        }
    }
}

/// Adds a term to an expansion without rounding: each part takes what it can and hands on the error.
fn grow(parts: &mut Vec<f64>, term: f64) -> Result<(), Overflow> {
    let mut carried = term;
    let mut errors = 0;
    for at in 0..parts.len() {
        let (sum, error) = two_sum(carried, parts[at]);
        if error != 0.0 {
            parts[errors] = error;
            errors += 1;
        }
        carried = sum;
    }
    if !carried.is_finite() {
        return Err(Overflow);
    }
    parts.truncate(errors);
    if carried != 0.0 || errors == 0 {
        parts.push(carried);
    }
    Ok(())
}

/// The sum of two doubles, and what rounding it lost (Knuth). The error is NaN when the sum is not finite.
#[inline]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    let of_a = sum - of_b;
    (sum, (a - of_a) + (b - of_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[f64]) -> Total {
        let mut total = Total::Double(Vec::new());
        for term in terms {
            total.add(Number::Double(*term)).unwrap();
        }
        total
    }

    #[test]
    fn doubles_sum_exactly_in_any_order() {
        let there = sum(&[1e100, 1.0, 0.1, 1e-30]);
        let back = sum(&[1e-30, 0.1, 1.0, 1e100]);
        assert_eq!(there.compare(&back), Ordering::Equal);
        assert_eq!(there.compare(&sum(&[1e100, 1.0, 0.1])), Ordering::Greater);
        assert_eq!(sum(&[0.1; 10]).compare(&sum(&[1.0])), Ordering::Greater);
        assert_eq!(sum(&[]).compare(&sum(&[0.0])), Ordering::Equal);
        assert_eq!(sum(&[0.5, 0.25]).compare(&sum(&[0.75])), Ordering::Equal);
    }

    #[test]
    fn overflow_is_an_error() {
        assert!(Total::Exact(i128::MAX).add(Number::Exact(1)).is_err());
        assert!(Total::Double(vec![f64::MAX]).add(Number::Double(f64::MAX)).is_err());
    }
}
