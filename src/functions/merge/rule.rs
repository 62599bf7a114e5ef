//! What a merge function does, as data: its arguments, how it chooses, which types it takes.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::logical_expr::{DocSection, Documentation, DocumentationBuilder};

use super::length::has_length;
use super::middle::median_type;
use super::order::orderable;
use super::rank::KeySource;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// What an argument is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is merged; always the first argument.
    Value,
    /// When the value was observed.
    Time,
    /// How far the value is trusted: the greater, the more.
    Trust,
    /// How much the value counts.
    Weight,
    /// What a model says of the value, from 0 to 1.
    Score,
    /// A field of the value's row: that it holds something counts. There may be any number of them, the last arguments.
    Field,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name in documentation and errors.
    pub name: &'static str,
    /// What it is for.
    pub role: Role,
}

/// One key of a ranking, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The greatest argument of this role wins; null is the lowest.
    Greatest(Role),
    /// The smallest argument of this role wins; null is the last choice.
    Smallest(Role),
    /// The longest value wins.
    Longest,
    /// The shortest value wins.
    Shortest,
    /// The row wins of which the most [`Role::Field`] arguments hold something; without any, the struct of which the
    /// most fields do.
    MostComplete,
}

/// How a merge function comes by its result.
///
/// [`RowRanking`](super::RowRanking) ranks candidates for all of them: by the keys of a `Ranked` one, by the call's
/// ORDER BY for an `Ordered` one, by value alone for those that count values. Where no input is
/// [returned](MergeRule::returns_input) every candidate contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The row that ranks highest by these keys and then by the greater value.
    Ranked(&'static [Key]),
    /// The row that comes first by the ORDER BY in the call, then by the greater value. The expressions of that ORDER
    /// BY are no arguments; [`RowRanking::ordered`](super::RowRanking::ordered) takes them behind the value.
    Ordered,
    /// The value that most rows have, then the greater.
    Majority,
    /// The value with the greatest sum of weights, then the greater.
    WeightedMajority,
    /// The one value that all rows have.
    Unanimous,
    /// All distinct values, in order.
    AllValues,
    /// A mean, to which every row contributes.
    WeightedAverage,
    /// The value in the middle, or the mean of the two in the middle: every row contributes.
    Median,
}

/// A merge function.
pub struct MergeRule {
    /// Its name in SQL.
    pub name: &'static str,
    /// How it comes by its result.
    pub choice: Choice,
    /// Its arguments; the first is the value. One with the role [`Role::Field`] is the last, and may stand any number
    /// of times.
    pub arguments: &'static [Argument],
    /// How many of the arguments must be given; the others may be left out from the end.
    pub required: usize,
    /// Its documentation.
    pub documentation: fn() -> Documentation,
}

impl fmt::Debug for MergeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MergeRule({})", self.name)
    }
}

impl MergeRule {
    /// Whether the result is one of the values, so that exactly one candidate is chosen. Otherwise every row that has a
    /// value contributes.
    pub fn returns_input(&self) -> bool {
        !matches!(self.choice, Choice::AllValues | Choice::WeightedAverage | Choice::Median)
    }

    /// Whether equal values count as one, which is given back in one way of writing.
    pub fn counts_values(&self) -> bool {
        matches!(self.choice, Choice::Majority | Choice::WeightedMajority | Choice::Unanimous | Choice::AllValues)
    }

    /// The argument at a position of a call.
    pub fn argument(&self, at: usize) -> Option<&Argument> {
        self.arguments.get(at).or_else(|| self.arguments.last().filter(|last| last.role == Role::Field))
    }

    /// The position of the argument that has a role. Null when the function has none.
    pub fn position(&self, role: Role) -> Option<usize> {
        self.arguments.iter().position(|argument| argument.role == role)
    }

    /// Whether DISTINCT means something: of all values the distinct ones are taken anyway, and a median can be one of
    /// distinct values. Elsewhere it would be a mistake.
    pub fn allows_distinct(&self) -> bool {
        matches!(self.choice, Choice::AllValues | Choice::Median)
    }

    /// The types that arguments of these types are cast to. What cannot be used stays, for [`MergeRule::check`] to
    /// refuse.
    pub fn coerce(&self, types: &[DataType]) -> Vec<DataType> {
        let average = self.choice == Choice::WeightedAverage;
        let mut coerced: Vec<DataType> = types
            .iter()
            .enumerate()
            .map(|(at, data_type)| match self.argument(at).map(|argument| argument.role) {
                Some(Role::Value) if self.choice == Choice::Median => coerce_time(data_type),
                Some(Role::Value) if !average => coerce_value(data_type),
                Some(Role::Time) => coerce_time(data_type),
                Some(Role::Field) => data_type.clone(),
                Some(_) => coerce_number(data_type),
                None => data_type.clone(),
            })
            .collect();
        let numbers = coerced.iter().all(is_number);
        if average && numbers && coerced.contains(&DataType::Float64) {
            coerced.fill(DataType::Float64);
        }
        coerced
    }

    /// Makes sure that the function can be called with arguments of these coerced types: an error names the argument
    /// (42804), or the function when their number is wrong (42883).
    pub fn check(&self, types: &[DataType]) -> Result<()> {
        let name = self.name;
        if types.len() < self.required || (!types.is_empty() && self.argument(types.len() - 1).is_none()) {
            let given: Vec<String> = types.iter().map(type_name).collect();
            let message = format!("function {name}({}) does not exist", given.join(", "));
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
                .with_hint(format!("It is called as {}.", (self.documentation)().syntax_example)));
        }
        for (at, data_type) in types.iter().enumerate() {
            let Some(argument) = self.argument(at) else { continue };
            let (fits, wanted) = match argument.role {
                Role::Value if self.choice == Choice::WeightedAverage => (is_number(data_type), "a number"),
                Role::Value if self.choice == Choice::Median => {
                    (median_type(data_type).is_some(), "a number, a date, a timestamp or an interval")
                }
                Role::Value if self.counts_fields() && types.len() == 1 => (
                    matches!(data_type, DataType::Struct(_)) && orderable(data_type),
                    "a struct where no fields follow",
                ),
                Role::Value if self.measures_length() => {
                    (has_length(data_type) && orderable(data_type), "text, bytes, an array or a struct")
                }
                Role::Value => (orderable(data_type), "of a type whose values have an order"),
                Role::Time => (is_time(data_type), "a timestamp, a date, a time or a number"),
                Role::Trust | Role::Weight => (is_number(data_type), "a number"),
                Role::Score => (*data_type == DataType::Float64, "the name of a model, in quotes"),
                Role::Field => (true, "a field"),
            };
            if !fits {
                let given = type_name(data_type);
                let message = format!("argument {} of {name} must be {wanted}, not {given}", argument.name);
                let error = Error::new(SqlState::DATATYPE_MISMATCH, message);
                return Err(match argument.role {
                    Role::Time => error.with_hint(format!("Cast it, for example {}::timestamptz.", argument.name)),
                    Role::Trust | Role::Weight => {
                        error.with_hint(format!("Cast it, for example {}::numeric.", argument.name))
                    }
                    Role::Value if self.measures_length() => {
                        error.with_hint(format!("Cast it, for example {}::text.", argument.name))
                    }
                    Role::Value if self.counts_fields() && types.len() == 1 => error.with_hint(
                        "Name the fields that make a row complete, for example most_complete(v, street, city).",
                    ),
                    Role::Score => {
                        error.with_hint(format!("It is called as {}.", (self.documentation)().syntax_example))
                    }
                    Role::Value | Role::Field => error,
                });
            }
        }
        Ok(())
    }

    /// The error for DISTINCT where it means nothing (0A000).
    pub fn refuse_distinct(&self) -> Error {
        Error::unsupported(format!("DISTINCT is not supported for {}", self.name))
            .with_detail("A merge function already says which of several values wins.")
            .with_hint("Leave DISTINCT out.")
    }

    fn measures_length(&self) -> bool {
        matches!(self.choice, Choice::Ranked([Key::Longest | Key::Shortest, ..]))
    }

    fn counts_fields(&self) -> bool {
        matches!(self.choice, Choice::Ranked([Key::MostComplete, ..]))
    }

    /// The error for a call without the ORDER BY that chooses (42601).
    pub(super) fn lacks_order(&self) -> Error {
        Error::new(SqlState::SYNTAX_ERROR, format!("{} needs an ORDER BY", self.name))
            .with_hint(format!("It is called as {}.", (self.documentation)().syntax_example))
    }

    /// The keys of a ranking for arguments of these types, those whose argument is left out not among them.
    pub(super) fn key_sources(&self, types: &[DataType]) -> Vec<(Key, KeySource)> {
        let Choice::Ranked(keys) = self.choice else { return Vec::new() };
        keys.iter()
            .filter_map(|key| {
                let source = match key {
                    Key::Greatest(role) | Key::Smallest(role) => {
                        let at = self.position(*role)?;
                        let data_type = types.get(at)?.clone();
                        KeySource::Column { at, smallest: matches!(key, Key::Smallest(_)), data_type }
                    }
                    Key::Longest => KeySource::Length { smallest: false },
                    Key::Shortest => KeySource::Length { smallest: true },
                    Key::MostComplete => KeySource::Filled { fields: types.len().saturating_sub(1) },
                };
                Some((*key, source))
            })
            .collect()
    }

    /// The result's type for arguments of coerced types.
    pub(super) fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        let types: Vec<DataType> = arguments.iter().map(|field| field.data_type().clone()).collect();
        self.check(&types)?;
        let Some(value) = arguments.first() else {
            return Err(Error::internal(format!("{} was given no arguments", self.name)));
        };
        Ok(Arc::new(match self.choice {
            Choice::WeightedAverage => Field::new(self.name, DataType::Float64, true),
            Choice::Median => {
                let data_type = value.data_type();
                Field::new(self.name, median_type(data_type).unwrap_or_else(|| data_type.clone()), true)
            }
            Choice::AllValues => Field::new(self.name, DataType::List(item_of(value)), true),
            _ => Field::new(self.name, value.data_type().clone(), true).with_metadata(value.metadata().clone()),
        }))
    }
}

/// The element of a list of values; it carries the name of their Postgres type.
pub(super) fn item_of(value: &FieldRef) -> FieldRef {
    Arc::new(Field::new("item", value.data_type().clone(), true).with_metadata(value.metadata().clone()))
}

fn type_name(data_type: &DataType) -> String {
    PgType::of_arrow(data_type).to_string()
}

fn is_number(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(_, _))
}

fn is_time(data_type: &DataType) -> bool {
    let timed = matches!(
        data_type,
        DataType::Timestamp(_, _)
            | DataType::Date32
            | DataType::Date64
            | DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond)
    );
    timed || is_number(data_type)
}

fn coerce_value(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => coerce_value(value),
        DataType::RunEndEncoded(_, value) => coerce_value(value.data_type()),
        // As Postgres reads an untyped NULL.
        DataType::Null => DataType::Utf8View,
        DataType::Interval(IntervalUnit::DayTime) => DataType::Interval(IntervalUnit::MonthDayNano),
        other => other.clone(),
    }
}

fn coerce_time(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Time32(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Dictionary(_, value) => coerce_time(value),
        DataType::RunEndEncoded(_, value) => coerce_time(value.data_type()),
        other => coerce_number(other),
    }
}

fn coerce_number(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        // A number that does not fit is an error of the cast.
        DataType::Decimal256(_, scale @ 0..=38) => DataType::Decimal128(38, *scale),
        DataType::Dictionary(_, value) => coerce_number(value),
        DataType::RunEndEncoded(_, value) => coerce_number(value.data_type()),
        other => other.clone(),
    }
}

/// The first argument of every merge function.
pub(super) const VALUE: Argument = Argument { name: "v", role: Role::Value };
/// The timestamp argument.
pub(super) const TIME: Argument = Argument { name: "ts", role: Role::Time };
/// The trust argument.
pub(super) const TRUST: Argument = Argument { name: "trust", role: Role::Trust };
/// The weight argument.
pub(super) const WEIGHT: Argument = Argument { name: "w", role: Role::Weight };

/// Begins a merge function's documentation, which goes on with its arguments.
pub(super) fn describe(description: &str, syntax: &str, example: &str) -> DocumentationBuilder {
    let section = DocSection {
        include: true,
        label: "Merge Functions",
        description: Some(
            "Aggregates that make one value of the values several sources have for it. Nulls are no candidates, and no \
             result depends on the order of rows.",
        ),
    };
    Documentation::builder(section, description, syntax).with_sql_example(format!("```sql\n{}\n```", example.trim()))
}
