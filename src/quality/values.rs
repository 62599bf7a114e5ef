//! `onerow_text_values(text, count)` and its kin: the most frequent values of a column with their counts, their
//! patterns, and what they look like. They are part of what `profile` plans.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, Int64Builder, ListArray, ListBuilder, StringViewArray, StringViewBuilder,
    StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use super::likely::{likely_type, pattern};
use crate::catalog::types::PgType;
use crate::error::Error;

/// How many of the most frequent values patterns and types are found from.
pub(super) const SAMPLED: usize = 1000;

/// How many values and patterns are told.
const TOLD: usize = 10;

/// How values that are as frequent are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Order {
    /// By bytes; they are texts, which have patterns.
    Text,
    /// As numbers.
    Number,
    /// By the bytes of the text that is shown for them.
    Other,
}

impl Order {
    /// The function of values in this order.
    pub fn function(self) -> &'static str {
        match self {
            Order::Text => "onerow_text_values",
            Order::Number => "onerow_number_values",
            Order::Other => "onerow_other_values",
        }
    }
}

/// The functions, for every session.
pub fn functions() -> impl Iterator<Item = AggregateUDF> {
    [Order::Text, Order::Number, Order::Other].into_iter().map(|order| {
        let signature = Signature::exact(vec![DataType::Utf8View, DataType::Int64], Volatility::Immutable);
        AggregateUDF::new_from_impl(Values { order, signature })
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Values {
    order: Order,
    signature: Signature,
}

fn texts_field() -> FieldRef {
    Arc::new(PgType::Text.field("item", true))
}

fn counts_field() -> FieldRef {
    Arc::new(PgType::Int8.field("item", true))
}

fn texts_type() -> DataType {
    DataType::List(texts_field())
}

fn counts_type() -> DataType {
    DataType::List(counts_field())
}

/// The parts of the result.
fn parts() -> Fields {
    Fields::from(vec![
        Field::new("values", texts_type(), true),
        Field::new("counts", counts_type(), true),
        Field::new("patterns", texts_type(), true),
        Field::new("pattern_counts", counts_type(), true),
        Field::new("likely", DataType::Utf8View, true),
        Field::new("different", DataType::Int64, true),
    ])
}

impl AggregateUDFImpl for Values {
    fn name(&self) -> &str {
        self.order.function()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Struct(parts()))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(Error::unsupported(format!("DISTINCT is not supported in {}", self.name())).into());
        }
        Ok(Box::new(Counted { order: self.order, counts: HashMap::new(), bytes: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let field =
            |name: &str, data_type: DataType| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        Ok(vec![field("values", texts_type()), field("counts", counts_type())])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// How many rows have each value.
#[derive(Debug)]
struct Counted {
    order: Order,
    counts: HashMap<Box<str>, i64>,
    /// What the texts take.
    bytes: usize,
}

impl Counted {
    fn add(&mut self, text: &str, count: i64) {
        if let Some(there) = self.counts.get_mut(text) {
            *there = there.saturating_add(count);
        } else {
            self.bytes += text.len();
            self.counts.insert(text.into(), count);
        }
    }

    /// The most frequent values: of those that are as frequent the lesser first.
    fn ranked(&self) -> Vec<(&str, i64)> {
        let mut ranked: Vec<(&str, i64)> = self.counts.iter().map(|(text, count)| (text.as_ref(), *count)).collect();
        let before = |a: &(&str, i64), b: &(&str, i64)| {
            b.1.cmp(&a.1).then_with(|| match self.order {
                Order::Number => numbers(a.0, b.0),
                Order::Text | Order::Other => a.0.cmp(b.0),
            })
        };
        if ranked.len() > SAMPLED {
            ranked.select_nth_unstable_by(SAMPLED, before);
            ranked.truncate(SAMPLED);
        }
        ranked.sort_unstable_by(before);
        ranked
    }
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let [texts, counts] = values else { return Err(misused()) };
        let texts = cast(texts, &DataType::Utf8View)?;
        let (Some(texts), Some(counts)) = (texts.as_string_view_opt(), counts.as_primitive_opt::<Int64Type>()) else {
            return Err(misused());
        };
        for (text, count) in texts.iter().zip(counts) {
            if let Some(text) = text {
                self.add(text, count.unwrap_or(0));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let [texts, counts] = states else { return Err(misused()) };
        let (Some(texts), Some(counts)) = (texts.as_list_opt::<i32>(), counts.as_list_opt::<i32>()) else {
            return Err(misused());
        };
        for (texts, counts) in texts.iter().zip(counts.iter()) {
            let (Some(texts), Some(counts)) = (texts, counts) else { continue };
            let texts = cast(&texts, &DataType::Utf8View)?;
            let (Some(texts), Some(counts)) = (texts.as_string_view_opt(), counts.as_primitive_opt::<Int64Type>())
            else {
                return Err(misused());
            };
            for (text, count) in texts.iter().zip(counts) {
                if let (Some(text), Some(count)) = (text, count) {
                    self.add(text, count);
                }
            }
        }
        Ok(())
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let texts: StringViewArray = self.counts.keys().map(|text| Some(text.as_ref())).collect();
        let counts = Int64Array::from_iter_values(self.counts.values().copied());
        Ok(vec![one_list(texts_field(), Arc::new(texts))?, one_list(counts_field(), Arc::new(counts))?])
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let ranked = self.ranked();
        let (values, counts) = lists(ranked.iter().take(TOLD).copied());
        let (patterns, pattern_counts, likely) = if self.order == Order::Text {
            let mut patterns: HashMap<String, i64> = HashMap::new();
            for (text, count) in &ranked {
                let of_all = patterns.entry(pattern(text)).or_default();
                *of_all = of_all.saturating_add(*count);
            }
            let mut patterns: Vec<(&str, i64)> = patterns.iter().map(|(text, count)| (text.as_str(), *count)).collect();
            patterns.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            let (patterns, counts) = lists(patterns.into_iter().take(TOLD));
            (patterns, counts, likely_type(ranked.iter().map(|(text, _)| *text)))
        } else {
            (no_list(texts_field()), no_list(counts_field()), None)
        };
        let different = i64::try_from(self.counts.len()).unwrap_or(i64::MAX);
        let columns: Vec<ArrayRef> = vec![
            values,
            counts,
            patterns,
            pattern_counts,
            Arc::new(StringViewArray::from(vec![likely])),
            Arc::new(Int64Array::from(vec![different])),
        ];
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(parts(), columns, None)?)))
    }

    fn size(&self) -> usize {
        let entry = size_of::<(Box<str>, i64)>() + 1;
        // What is told at the end points to all of them once more.
        size_of::<Self>() + self.bytes + self.counts.capacity() * entry + self.counts.len() * size_of::<(&str, i64)>()
    }
}

fn misused() -> datafusion::error::DataFusionError {
    Error::internal("values were given in another type").into()
}

/// A list of one element each.
fn lists<'a>(pairs: impl Iterator<Item = (&'a str, i64)>) -> (ArrayRef, ArrayRef) {
    let mut texts = ListBuilder::new(StringViewBuilder::new()).with_field(texts_field());
    let mut counts = ListBuilder::new(Int64Builder::new()).with_field(counts_field());
    for (text, count) in pairs {
        texts.values().append_value(text);
        counts.values().append_value(count);
    }
    texts.append(true);
    counts.append(true);
    (Arc::new(texts.finish()), Arc::new(counts.finish()))
}

fn no_list(item: FieldRef) -> ArrayRef {
    datafusion::arrow::array::new_null_array(&DataType::List(item), 1)
}

fn one_list(item: FieldRef, values: ArrayRef) -> DfResult<ScalarValue> {
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(item, offsets, values, None)?)))
}

/// Two numbers as they are shown, by their value; NaN is the greatest. Digits are compared as such, since a double does
/// not hold them all.
fn numbers(a: &str, b: &str) -> Ordering {
    fn split(text: &str) -> Option<(bool, &str, &str)> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        (plain(whole) && plain(part)).then(|| (negative, whole.trim_start_matches('0'), part.trim_end_matches('0')))
    }
    let float = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let (Some(x), Some(y)) = (split(a), split(b)) else {
        return float(a).total_cmp(&float(b)).then_with(|| a.cmp(b));
    };
    let size = |(_, whole, part): (bool, &'_ str, &'_ str), (_, other, other_part): (bool, &'_ str, &'_ str)| {
        whole.len().cmp(&other.len()).then_with(|| whole.cmp(other)).then_with(|| part.cmp(other_part))
    };
    match (x.0, y.0) {
        (false, false) => size(x, y),
        (true, true) => size(y, x),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut texts =
            vec!["10", "9", "-10", "-9", "0", "0.5", "9.25", "9.3", "99999999999999999998", "99999999999999999999"];
        texts.sort_by(|a, b| numbers(a, b));
        assert_eq!(
            texts,
            ["-10", "-9", "0", "0.5", "9", "9.25", "9.3", "10", "99999999999999999998", "99999999999999999999"]
        );
        let mut floats = vec!["NaN", "1e+300", "-Infinity", "2", "Infinity"];
        floats.sort_by(|a, b| numbers(a, b));
        assert_eq!(floats, ["-Infinity", "2", "1e+300", "Infinity", "NaN"]);
    }

    #[test]
    fn parts_make_the_whole() {
        let whole = || Counted { order: Order::Text, counts: HashMap::new(), bytes: 0 };
        let rows = |texts: &[Option<&str>]| -> Vec<ArrayRef> {
            vec![Arc::new(StringViewArray::from(texts.to_vec())), Arc::new(Int64Array::from(vec![1; texts.len()]))]
        };
        let (left, right) = ([Some("b"), None, Some("a"), Some("Ş1")], [Some("b"), Some("c"), Some("")]);
        let mut once = whole();
        once.update_batch(&rows(&left)).unwrap();
        once.update_batch(&rows(&right)).unwrap();
        let mut merged = whole();
        for part in [&left[..], &right[..]] {
            let mut counted = whole();
            counted.update_batch(&rows(part)).unwrap();
            let state: Vec<ArrayRef> = counted.state().unwrap().iter().map(|s| s.to_array().unwrap()).collect();
            merged.merge_batch(&state).unwrap();
        }
        assert_eq!(once.evaluate().unwrap(), merged.evaluate().unwrap());
        assert_eq!(once.ranked(), [("b", 2), ("", 1), ("a", 1), ("c", 1), ("Ş1", 1)]);
        assert!(once.size() > whole().size());
    }
}
