//! Functions of DataFusion's that a few characters can make give gigabytes, with Postgres's limit to a value's size.
//!
//! What a function gives is in no account of memory until the function is done. So its size is found first, from the
//! arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use regex::Regex;

use crate::error::{Error, SqlState};

/// The most bytes of a value, as in Postgres, and of the values of one batch of rows.
pub(crate) const MOST: u64 = 0x3fff_ffff;
/// The most bytes of a value where memory is short.
static LARGEST: AtomicU64 = AtomicU64::new(MOST);

/// Lets no value have more than a quarter of the memory that the queries of this process may hold, and no batch of values
/// more than all of it: there are copies of each before its reader has it.
pub fn fit_into(memory: usize) {
    LARGEST.store((memory as u64 / 4).clamp(1 << 20, MOST), Ordering::Relaxed);
}

/// Refuses values of so many bytes of which one has `largest`: 54000 where Postgres does, 53200 where memory is short.
pub(crate) fn check_size(what: &str, largest: u64, rows: usize, all: u64) -> Result<(), Error> {
    let most = LARGEST.load(Ordering::Relaxed);
    let most_of_all = most.saturating_mul(4).min(MOST);
    if largest > MOST {
        return Err(too_large(what, largest));
    }
    if largest > most {
        return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory")
            .with_detail(format!("{what} has {largest} bytes, and may have {most}, a quarter of --memory.")));
    }
    let hint = "Set datafusion.execution.batch_size to fewer rows at a time.";
    if all > MOST {
        return Err(too_large(&format!("{what} for {rows} rows"), all).with_hint(hint));
    }
    if all > most_of_all {
        return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory")
            .with_detail(format!(
                "{what} for {rows} rows has {all} bytes, and may have {most_of_all}, as --memory says."
            ))
            .with_hint(hint));
    }
    Ok(())
}

/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;

/// 54000: `what` would have this many bytes.
pub(crate) fn too_large(what: &str, size: u64) -> Error {
    Error::new(SqlState("54000"), "requested length too large")
        .with_detail(format!("{what} has {size} bytes, and may have {MOST}."))
}

/// How the size of what a function gives follows from its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// repeat(text, times)
    Repeat,
    /// lpad(text, characters, fill)
    Pad,
    /// replace(text, from, to)
    Replace,
    /// array_repeat(element, times)
    ArrayRepeat,
    /// array_resize(array, elements, value)
    ArrayResize,
    /// generate_series(first, last, step)
    Series,
    /// concat(value, ..), and overlay(text, text, ..)
    Concat,
    /// concat_ws(separator, value, ..)
    ConcatWith,
    /// regexp_replace(text, pattern, to, flags)
    RegexpReplace,
}

/// The functions, by the names under which DataFusion has them.
const LIMITED: &[(&str, Growth)] = &[
    ("repeat", Growth::Repeat),
    ("lpad", Growth::Pad),
    ("rpad", Growth::Pad),
    ("replace", Growth::Replace),
    ("array_repeat", Growth::ArrayRepeat),
    ("array_resize", Growth::ArrayResize),
    ("generate_series", Growth::Series),
    ("range", Growth::Series),
    ("concat", Growth::Concat),
    ("concat_ws", Growth::ConcatWith),
    ("overlay", Growth::Concat),
    ("regexp_replace", Growth::RegexpReplace),
];

/// A function that refuses (54000) to give more than [`MOST`] bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Limited {
    function: Arc<ScalarUDF>,
    growth: Growth,
}

/// Puts limits on those of the functions that are registered.
pub fn register(registry: &mut dyn FunctionRegistry) -> DfResult<()> {
    for (name, growth) in LIMITED {
        if let Ok(function) = registry.udf(name) {
            let limited = Limited { function, growth: *growth };
            registry.register_udf(Arc::new(ScalarUDF::new_from_impl(limited)))?;
        }
    }
    Ok(())
}

/// The function with its limit, where it has one and came another way than by its name: the planner knows some itself.
pub(crate) fn limit(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    if function.inner().downcast_ref::<Limited>().is_some() {
        return None;
    }
    let (_, growth) = LIMITED.iter().find(|(name, _)| *name == function.name())?;
    let limited = Limited { function: Arc::clone(function), growth: *growth };
    Some(Arc::new(ScalarUDF::new_from_impl(limited)))
}

impl ScalarUDFImpl for Limited {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.function.is_strict()
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let function = Arc::new(self.function.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(Limited { function, growth: self.growth }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows =
            if args.args.iter().any(|arg| matches!(arg, ColumnarValue::Array(_))) { args.number_rows } else { 1 };
        let sizes = Sizes::new(&args.args, self.growth)?;
        // The function writes a text that is the same for every row once for each.
        let mut all = if rows > 1 { sizes.constant.saturating_mul(rows as u64) } else { 0 };
        let mut largest = 0;
        for row in 0..rows {
            let size = sizes.of(row);
            largest = largest.max(size);
            all = all.saturating_add(size);
        }
        check_size(&format!("What {} would give", self.name()), largest, rows, all)?;
        self.function.invoke_with_args(args)
    }
}

/// What the sizes of a batch's values follow from.
struct Sizes {
    growth: Growth,
    /// Texts, as far as the arguments are.
    texts: Vec<Option<ArrayRef>>,
    /// Whole numbers, or times in microseconds.
    numbers: Vec<Option<ArrayRef>>,
    /// Steps of a series in time.
    step: Option<ArrayRef>,
    /// Bytes of an element.
    element: u64,
    /// Bytes of the texts that are the same for every row.
    constant: u64,
}

impl Sizes {
    fn new(args: &[ColumnarValue], growth: Growth) -> DfResult<Sizes> {
        let mut sizes = Sizes { growth, texts: vec![], numbers: vec![], step: None, element: 8, constant: 0 };
        for (index, arg) in args.iter().enumerate() {
            let of = arg.data_type();
            // A value for every row is one row here.
            let array = arg.to_array(1)?;
            let (mut text, mut number) = (None, None);
            if matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
                let texts = cast(&array, &DataType::Utf8View)?;
                if matches!(arg, ColumnarValue::Scalar(_)) {
                    sizes.constant +=
                        texts.as_string_view().iter().flatten().map(|text| text.len() as u64).sum::<u64>();
                }
                text = Some(texts);
            } else if of.is_integer() {
                number = Some(cast(&array, &DataType::Int64)?);
            } else if matches!(of, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) {
                let instant = cast(&array, &DataType::Timestamp(TimeUnit::Microsecond, None));
                number = instant.and_then(|instant| cast(&instant, &DataType::Int64)).ok();
            } else if of == DataType::Interval(IntervalUnit::MonthDayNano) {
                sizes.step = Some(Arc::clone(&array));
            }
            if index == 0 && growth == Growth::ArrayRepeat {
                let bytes = array.to_data().get_slice_memory_size()?;
                sizes.element = (bytes / array.len().max(1)) as u64;
            }
            sizes.texts.push(text);
            sizes.numbers.push(number);
        }
        Ok(sizes)
    }

    /// An upper bound, within a few bytes, to what a row's value takes; 0 where an argument is null.
    fn of(&self, row: usize) -> u64 {
        self.size(row).unwrap_or(0)
    }

    fn size(&self, row: usize) -> Option<u64> {
        match self.growth {
            Growth::Repeat => Some((self.text(0, row)?.len() as u64).saturating_mul(self.count(1, row)?)),
            Growth::Pad => {
                let (text, fill) = (self.text(0, row)?, self.text(2, row).unwrap_or(" "));
                let each = if text.is_ascii() && fill.is_ascii() { 1 } else { 4 };
                let length = self.count(1, row)?;
                // A text without anything to fill with is only cut.
                let length = if fill.is_empty() { length.min(text.len() as u64) } else { length };
                Some(length.saturating_mul(each))
            }
            Growth::Replace => {
                let (text, from, to) = (self.text(0, row)?, self.text(1, row)?, self.text(2, row)?);
                if from.is_empty() || to.len() <= from.len() {
                    return Some(text.len() as u64);
                }
                let found = text.matches(from).count() as u64;
                let more = (to.len() - from.len()) as u64;
                Some((text.len() as u64).saturating_add(found.saturating_mul(more)))
            }
            Growth::Concat => Some(self.together(0, row)),
            Growth::ConcatWith => {
                let between = self.text(0, row)?.len() as u64;
                let count = self.texts.len().saturating_sub(2) as u64;
                Some(self.together(1, row).saturating_add(between.saturating_mul(count)))
            }
            Growth::RegexpReplace => {
                let (text, pattern, to) = (self.text(0, row)?, self.text(1, row)?, self.text(2, row)?);
                let flags = self.text(3, row).unwrap_or("");
                // A match before every character, which each `\1` of the replacement repeats, and one after them.
                let (length, references) = (text.len() as u64, to.matches(['\\', '$']).count() as u64);
                let often = if flags.contains('g') { length.saturating_add(1) } else { 1 };
                let bound = length
                    .saturating_mul(references.saturating_add(1))
                    .saturating_add(often.saturating_mul(to.len() as u64));
                Some(if bound > MOST { replaced(text, pattern, to, flags).unwrap_or(bound) } else { bound })
            }
            Growth::ArrayRepeat | Growth::ArrayResize => Some(self.count(1, row)?.saturating_mul(self.element.max(8))),
            Growth::Series => {
                let (first, last, (down, step)) = match self.numbers.len() {
                    1 => (0, self.number(0, row)?, (false, 1)),
                    2 => (self.number(0, row)?, self.number(1, row)?, (false, 1)),
                    _ => (self.number(0, row)?, self.number(1, row)?, self.step(row)?),
                };
                // A step of nothing is the function's to refuse.
                if step == 0 || (down && first < last) || (!down && first > last) {
                    return Some(0);
                }
                Some((first.abs_diff(last) / step).saturating_add(1).saturating_mul(8))
            }
        }
    }

    /// The bytes of all texts from one on, nulls left out.
    fn together(&self, from: usize, row: usize) -> u64 {
        let texts = (from..self.texts.len()).filter_map(|index| self.text(index, row));
        texts.fold(0, |all: u64, text| all.saturating_add(text.len() as u64))
    }

    fn text(&self, index: usize, row: usize) -> Option<&str> {
        let texts = self.texts.get(index)?.as_ref()?.as_string_view();
        let row = if texts.len() == 1 { 0 } else { row };
        (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row))
    }

    fn number(&self, index: usize, row: usize) -> Option<i64> {
        let numbers = self.numbers.get(index)?.as_ref()?.as_primitive::<Int64Type>();
        let row = if numbers.len() == 1 { 0 } else { row };
        (row < numbers.len() && numbers.is_valid(row)).then(|| numbers.value(row))
    }

    /// A number of characters, times or elements.
    fn count(&self, index: usize, row: usize) -> Option<u64> {
        Some(u64::try_from(self.number(index, row)?).unwrap_or(0))
    }

    /// The step of a series: whether it goes down, and by how much.
    fn step(&self, row: usize) -> Option<(bool, u64)> {
        let Some(steps) = &self.step else {
            return self.number(2, row).map(|step| (step < 0, step.unsigned_abs()));
        };
        let steps = steps.as_primitive::<IntervalMonthDayNanoType>();
        let row = if steps.len() == 1 { 0 } else { row };
        let step = (row < steps.len() && steps.is_valid(row)).then(|| steps.value(row))?;
        let days = u64::from(step.months.unsigned_abs()) * 30 + u64::from(step.days.unsigned_abs());
        let down = step.months < 0 || step.days < 0 || step.nanoseconds < 0;
        Some((down, days.saturating_mul(DAY).saturating_add(step.nanoseconds.unsigned_abs() / 1_000)))
    }
}

/// An upper bound to the size of a text in which what fits a pattern was replaced, from how often it fits. None for a
/// pattern that is none.
fn replaced(text: &str, pattern: &str, to: &str, flags: &str) -> Option<u64> {
    let inline: String = flags.chars().filter(|flag| *flag != 'g').collect();
    let pattern = if inline.is_empty() { pattern.to_string() } else { format!("(?{inline}){pattern}") };
    let regex = Regex::new(&pattern).ok()?;
    let most = if flags.contains('g') { usize::MAX } else { 1 };
    let (mut count, mut within) = (0_u64, 0_u64);
    for found in regex.find_iter(text).take(most) {
        count += 1;
        within = within.saturating_add(found.len() as u64);
    }
    let references = to.matches(['\\', '$']).count() as u64;
    Some(
        (text.len() as u64)
            .saturating_add(count.saturating_mul(to.len() as u64))
            .saturating_add(within.saturating_mul(references)),
    )
}

#[cfg(test)]
mod tests {
    use datafusion::scalar::ScalarValue;

    use super::*;

    fn size(growth: Growth, args: &[ScalarValue]) -> u64 {
        let args: Vec<_> = args.iter().cloned().map(ColumnarValue::Scalar).collect();
        Sizes::new(&args, growth).unwrap().of(0)
    }

    #[test]
    fn sizes_before_there_are_values() {
        let (text, number) = (|t: &str| ScalarValue::Utf8(Some(t.to_string())), |n: i64| ScalarValue::Int64(Some(n)));
        assert_eq!(size(Growth::Repeat, &[text("ab"), number(3)]), 6);
        assert_eq!(size(Growth::Repeat, &[text("ab"), number(-3)]), 0);
        assert_eq!(size(Growth::Repeat, &[text("abc"), number(i64::MAX)]), u64::MAX);
        assert_eq!(size(Growth::Repeat, &[text("ab"), ScalarValue::Int64(None)]), 0);
        assert_eq!(size(Growth::Pad, &[text("a"), number(1_000), text("xy")]), 1_000);
        assert_eq!(size(Growth::Pad, &[text("a"), number(1_000)]), 1_000);
        assert_eq!(size(Growth::Pad, &[text("a"), number(1_000), text("")]), 1);
        assert_eq!(size(Growth::Replace, &[text("aXaXa"), text("X"), text("123")]), 9);
        assert_eq!(size(Growth::Replace, &[text("aXaXa"), text("X"), text(&"1".repeat(101))]), 205);
        assert_eq!(size(Growth::Concat, &[text("ab"), ScalarValue::Utf8(None), text("c")]), 3);
        assert_eq!(size(Growth::ConcatWith, &[text(", "), text("ab"), text("c")]), 5);
        let long = text(&"ab".repeat(20_000));
        let tens = text(&"0".repeat(100_000));
        assert_eq!(size(Growth::RegexpReplace, &[long.clone(), text("b"), text("0"), text("g")]), 80_001);
        assert!(size(Growth::RegexpReplace, &[long.clone(), text("B"), tens.clone(), text("gi")]) > MOST);
        assert_eq!(size(Growth::RegexpReplace, &[long, text("c"), tens, text("g")]), 40_000);
        assert_eq!(size(Growth::Series, &[number(1), number(10)]), 80);
        assert_eq!(size(Growth::Series, &[number(10), number(1), number(-3)]), 32);
        assert_eq!(size(Growth::Series, &[number(10), number(1)]), 0);
        assert_eq!(size(Growth::Series, &[number(1), number(i64::MAX), number(0)]), 0);
        assert_eq!(size(Growth::Series, &[number(i64::MIN), number(i64::MAX)]), u64::MAX);
        assert!(size(Growth::ArrayRepeat, &[number(1), number(1_000_000_000)]) > MOST);
    }
}
