//! The rows that a model is learned from, column by column.

use std::cmp::Ordering;
use std::collections::HashMap;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;

use super::feature::FeatureKind;
use super::tree::Value;
use crate::error::{Error, Result};

/// One feature of all rows.
#[derive(Clone, Debug)]
pub(super) enum Column {
    /// Numbers; there is one NaN and one zero.
    Number(Vec<Option<f64>>),
    /// Truth values.
    Boolean(Vec<Option<bool>>),
    /// Categories by their position in `names`, which are in order of their bytes once all rows are there.
    Text {
        /// The category of each row.
        codes: Vec<Option<u32>>,
        /// The categories.
        names: Vec<String>,
    },
}

/// Labelled rows. Those whose label is NULL are left out.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) names: Vec<String>,
    pub(super) kinds: Vec<FeatureKind>,
    pub(super) columns: Vec<Column>,
    pub(super) labels: Vec<bool>,
    /// The categories of each column that are known so far.
    codes: Vec<HashMap<String, u32>>,
    /// About how many bytes the categories take.
    bytes: usize,
}

impl Table {
    /// No rows yet.
    pub fn new(features: &[(String, FeatureKind)]) -> Table {
        let column = |kind: &FeatureKind| match kind {
            FeatureKind::Number => Column::Number(vec![]),
            FeatureKind::Boolean => Column::Boolean(vec![]),
            FeatureKind::Text => Column::Text { codes: vec![], names: vec![] },
        };
        Table {
            names: features.iter().map(|(name, _)| name.clone()).collect(),
            kinds: features.iter().map(|(_, kind)| *kind).collect(),
            columns: features.iter().map(|(_, kind)| column(kind)).collect(),
            labels: vec![],
            codes: vec![HashMap::new(); features.len()],
            bytes: 0,
        }
    }

    /// How many labelled rows there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// About how many bytes the categories of texts take: as many as there are different ones, however long.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds rows: the label is the first column, and the features follow, each of the type of its kind.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some((labels, columns)) = batch.columns().split_first() else { return Err(no_such(0)) };
        let labels = labels.as_boolean_opt().ok_or_else(|| no_such(0))?;
        if columns.len() != self.columns.len() {
            return Err(no_such(columns.len()));
        }
        let rows: Vec<usize> = (0..batch.num_rows()).filter(|row| labels.is_valid(*row)).collect();
        self.labels.extend(rows.iter().map(|row| labels.value(*row)));
        let given = columns.iter().zip(&mut self.columns).zip(&mut self.codes).enumerate();
        for (at, ((given, column), known)) in given {
            match column {
                Column::Number(values) => {
                    let given = given.as_primitive_opt::<Float64Type>().ok_or_else(|| no_such(at + 1))?;
                    values.extend(rows.iter().map(|row| given.is_valid(*row).then(|| plain(given.value(*row)))));
                }
                Column::Boolean(values) => {
                    let given = given.as_boolean_opt().ok_or_else(|| no_such(at + 1))?;
                    values.extend(rows.iter().map(|row| given.is_valid(*row).then(|| given.value(*row))));
                }
                Column::Text { codes, names } => {
                    let given = given.as_string_view_opt().ok_or_else(|| no_such(at + 1))?;
                    for row in &rows {
                        if given.is_null(*row) {
                            codes.push(None);
                            continue;
                        }
                        let text = given.value(*row);
                        let code = match known.get(text) {
                            Some(code) => *code,
                            None => {
                                let next = u32::try_from(names.len())
                                    .map_err(|_| Error::internal("a model has too many categories"))?;
                                // By its code, and by its name.
                                self.bytes += 2 * (text.len() + size_of::<String>()) + size_of::<u32>();
                                names.push(text.to_string());
                                known.insert(text.to_string(), next);
                                next
                            }
                        };
                        codes.push(Some(code));
                    }
                }
            }
        }
        Ok(())
    }

    /// Numbers the categories in order of their bytes, so that the order in which rows came shows nowhere.
    pub(super) fn settled(mut self) -> Table {
        for column in &mut self.columns {
            let Column::Text { codes, names } = column else { continue };
            let mut order: Vec<(String, usize)> = std::mem::take(names).into_iter().zip(0..).collect();
            order.sort();
            let mut places = vec![0; order.len()];
            for (place, (_, code)) in (0..).zip(&order) {
                if let Some(known) = places.get_mut(*code) {
                    *known = place;
                }
            }
            *names = order.into_iter().map(|(name, _)| name).collect();
            for code in codes.iter_mut().flatten() {
                *code = places.get(*code as usize).copied().unwrap_or_default();
            }
        }
        self.codes = vec![];
        self
    }

    /// One feature of one row.
    pub(super) fn value(&self, column: usize, row: usize) -> Value<'_> {
        match self.columns.get(column) {
            Some(Column::Number(values)) => values.get(row).copied().flatten().map_or(Value::Unknown, Value::Number),
            Some(Column::Boolean(values)) => values.get(row).copied().flatten().map_or(Value::Unknown, Value::Boolean),
            Some(Column::Text { codes, names }) => {
                let code = codes.get(row).copied().flatten();
                let name = code.and_then(|code| names.get(code as usize));
                name.map_or(Value::Unknown, |name| Value::Text(name))
            }
            None => Value::Unknown,
        }
    }

    /// Whether a row's label is true.
    pub(super) fn label(&self, row: usize) -> bool {
        self.labels.get(row).copied().unwrap_or_default()
    }

    /// The order of two rows by all that is known of them; equal rows are the same for every purpose.
    pub(super) fn compare(&self, a: usize, b: usize) -> Ordering {
        for column in &self.columns {
            let order = match column {
                Column::Number(values) => match (values.get(a).copied().flatten(), values.get(b).copied().flatten()) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    (a, b) => a.is_some().cmp(&b.is_some()),
                },
                Column::Boolean(values) => values.get(a).cmp(&values.get(b)),
                Column::Text { codes, .. } => codes.get(a).cmp(&codes.get(b)),
            };
            if order.is_ne() {
                return order;
            }
        }
        self.label(a).cmp(&self.label(b))
    }
}

/// One NaN, which is above every number, and one zero.
fn plain(number: f64) -> f64 {
    if number.is_nan() { f64::NAN.abs() } else { number + 0.0 }
}

fn no_such(column: usize) -> Error {
    Error::internal(format!("column {column} of a model's rows is not of its type"))
}
