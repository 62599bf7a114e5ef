//! Which values lie too far from the others.

use datafusion::arrow::array::{AsArray, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};

use super::function::Call;
use super::numbers::{doubles, number};
use super::statistics::{mean, order, quantile};
use crate::error::{Error, Result, SqlState};
use crate::functions::clean::scalar::is_text;

/// What makes the median absolute deviation of normally distributed values their standard deviation: 1 over the
/// normal distribution's third quartile.
const NORMAL: f64 = 1.482_602_218_505_602;

/// How distance is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// In standard deviations from the mean.
    ZScore,
    /// In interquartile ranges beyond the quartiles (Tukey's fences).
    Iqr,
    /// In median absolute deviations from the median, scaled as standard deviations.
    Mad,
}

/// The least and the greatest value that is not too far away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fences {
    pub low: f64,
    pub high: f64,
    /// How far off the fences may be: a value that lies on one of them is not beyond it because 3.33 + 1.11 is a little
    /// less than 4.44 in floating point.
    pub slack: f64,
}

/// The slack beside the greater fence.
const SLACK: f64 = 1e-12;

impl Fences {
    /// NaN is nowhere, so it is too far away; and so is what is infinite, which beside the greatest numbers the slack
    /// would reach.
    pub(super) fn hold(self, value: f64) -> bool {
        value.is_finite() && self.low - self.slack <= value && value <= self.high + self.slack
    }
}

impl Method {
    fn parse(name: &str, word: &str) -> Result<Method> {
        match word.trim().to_ascii_lowercase().as_str() {
            "zscore" => Ok(Method::ZScore),
            "iqr" => Ok(Method::Iqr),
            "mad" => Ok(Method::Mad),
            _ => Err(refused(format!("{name} does not know the method \"{word}\""))
                .with_hint("Use 'zscore', 'iqr' or 'mad'.")),
        }
    }

    fn usual(self) -> f64 {
        match self {
            Method::ZScore => 3.0,
            Method::Iqr => 1.5,
            Method::Mad => 3.5,
        }
    }

    /// The fences around finite values. None when there are too few to say anything.
    pub(super) fn fences(self, values: &[f64], threshold: f64) -> Option<Fences> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(order);
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        if first == last {
            return Some(Fences { low: first, high: last, slack: 0.0 });
        }
        let between = |low: f64, high: f64| Fences { low, high, slack: SLACK * low.abs().max(high.abs()) };
        let around = |middle: f64, reach: f64| between(middle - reach, middle + reach);
        let fences = match self {
            Method::ZScore => {
                let mean = mean(&sorted)?;
                let squares: f64 = sorted.iter().map(|value| (value - mean) * (value - mean)).sum();
                let deviation = (squares / (sorted.len() - 1) as f64).sqrt();
                around(mean, threshold * deviation)
            }
            Method::Iqr => {
                let (low, high) = (quantile(&sorted, 0.25)?, quantile(&sorted, 0.75)?);
                let reach = threshold * (high - low);
                between(low - reach, high + reach)
            }
            Method::Mad => {
                let median = quantile(&sorted, 0.5)?;
                let mut away: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
                away.sort_unstable_by(order);
                around(median, threshold * NORMAL * quantile(&away, 0.5)?)
            }
        };
        // Distances that have left the range of floating point say nothing.
        (fences.low.is_finite() && fences.high.is_finite()).then_some(fences)
    }
}

/// `v, method` and perhaps `threshold`, brought to their types.
pub(super) fn value_and_rule(given: &[DataType]) -> Option<Vec<DataType>> {
    let (value, rule) = given.split_first()?;
    let (method, threshold) = rule.split_first()?;
    if !is_text(method) || threshold.len() > 1 {
        return None;
    }
    let mut types = vec![number(value)?, DataType::Utf8View];
    for threshold in threshold {
        if !is_text(threshold) {
            number(threshold)?;
        }
        types.push(DataType::Float64);
    }
    Some(types)
}

/// A partition's values with their fences.
pub(super) struct Judged {
    /// The values in floating point.
    pub values: Vec<Option<f64>>,
    fences: Option<Fences>,
}

impl Judged {
    /// Judges the first argument by the method and the threshold that follow. Errors: 22023 for those.
    pub(super) fn of(call: &Call<'_>) -> Result<Judged> {
        let values = doubles(call.column(0)?)?;
        let Some(method) = constant_text(call, 1, "the method")? else {
            if call.rows == 0 {
                return Ok(Judged { values, fences: None });
            }
            return Err(refused(format!("the method of {} is NULL", call.name)));
        };
        let method = Method::parse(call.name, method)?;
        let threshold = constant_double(call, 2, "the threshold")?.unwrap_or_else(|| method.usual());
        if !threshold.is_finite() || threshold < 0.0 {
            return Err(refused(format!("the threshold of {} must be a number that is not negative", call.name)));
        }
        let held: Vec<f64> = values.iter().flatten().copied().collect();
        Ok(Judged { fences: method.fences(&held, threshold), values })
    }

    /// Whether a value is too far away. Where there are no fences only what is not finite is.
    pub(super) fn is_outlier(&self, value: f64) -> bool {
        match self.fences {
            Some(fences) => !fences.hold(value),
            None => !value.is_finite(),
        }
    }

    /// Whether the value of each row is too far away; a row without one is not.
    pub(super) fn outliers(&self) -> Vec<bool> {
        self.values.iter().map(|value| value.is_some_and(|value| self.is_outlier(value))).collect()
    }

    /// The fence that a value lies beyond; none for NaN, and where there are no fences.
    pub(super) fn fence(&self, value: f64) -> Option<Fence> {
        let fences = self.fences?;
        if fences.hold(value) || value.is_nan() {
            None
        } else if value < fences.low {
            Some(Fence::Low(fences.low, fences.slack))
        } else {
            Some(Fence::High(fences.high, fences.slack))
        }
    }
}

/// A fence that a value lies beyond, and its slack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fence {
    Low(f64, f64),
    High(f64, f64),
}

/// A text argument that must be the same in all rows of a partition; none when it is NULL or left out.
pub(super) fn constant_text<'a>(call: &'a Call<'_>, at: usize, what: &str) -> Result<Option<&'a str>> {
    let Some(column) = call.columns.get(at) else { return Ok(None) };
    let column: &StringViewArray =
        column.as_string_view_opt().ok_or_else(|| Error::internal(format!("{what} of {} is no text", call.name)))?;
    same(column.iter(), call, what)
}

/// A `double precision` argument that must be the same in all rows of a partition; none when it is NULL or left out.
pub(super) fn constant_double(call: &Call<'_>, at: usize, what: &str) -> Result<Option<f64>> {
    let Some(column) = call.columns.get(at) else { return Ok(None) };
    let column = column
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| Error::internal(format!("{what} of {} is no number", call.name)))?;
    same(column.iter(), call, what)
}

fn same<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>, call: &Call<'_>, what: &str) -> Result<Option<T>> {
    let Some(first) = values.next() else { return Ok(None) };
    if values.all(|value| value == first) {
        Ok(first)
    } else {
        Err(refused(format!("{what} of {} must be the same in all rows of a partition", call.name)))
    }
}

/// 22023
pub(super) fn refused(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_of_each_method() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0];
        let iqr = Method::Iqr.fences(&values, 1.5).unwrap();
        assert_eq!((iqr.low, iqr.high), (-1.5, 8.5));
        let cents = Method::Iqr.fences(&[-50.0, 1.11, 2.22, 3.33, 4.44], 0.5).unwrap();
        assert!(cents.hold(4.44) && !cents.hold(4.45));
        let mad = Method::Mad.fences(&values, 3.5).unwrap();
        assert!((mad.high - (3.5 + 3.5 * NORMAL * 1.5)).abs() < 1e-12);
        let z = Method::ZScore.fences(&values, 2.0).unwrap();
        assert!(!z.hold(100.0) && z.hold(5.0) && !z.hold(f64::NAN));
        assert_eq!(Method::ZScore.fences(&[0.1; 10], 3.0), Some(Fences { low: 0.1, high: 0.1, slack: 0.0 }));
        assert_eq!(Method::Iqr.fences(&[], 1.5), None);
        assert_eq!(Method::ZScore.fences(&[f64::MAX, f64::MIN], 3.0), None);
    }
}
