//! `replace_outliers(v, method, threshold, with) OVER ..`: a value, and another where it lies too far from the others.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, i256};
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::{Call, Spec};
use super::list::SECTION;
use super::numbers::{Numbers, common_type, double_column, doubles, exact, exact_column, mean_type, number, rescaled};
use super::outliers::{Judged, constant_text, refused, value_and_rule};
use super::statistics::Middle;
use crate::error::{Error, Result};
use crate::functions::clean::scalar::is_text;

/// `replace_outliers`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and in the place of what `is_outlier` finds too far away the mean or the median of the other \
         values of the partition, or a number. With `'mean'` and `'median'` the type is that of `fill_mean`; with a \
         number it is the one that holds both.",
        "replace_outliers(v, method, threshold, with)",
    )
    .with_argument("v", "The value, a number.")
    .with_argument("method", "`'zscore'`, `'iqr'` or `'mad'`, as for `is_outlier`.")
    .with_argument("threshold", "How far is too far, as for `is_outlier`. NULL is the method's usual one.")
    .with_argument(
        "with",
        "`'mean'` or `'median'` of those values that are no outliers, the same in all rows of a partition (22023 \
         else); or a number, which may be another one in each row.",
    )
    .with_sql_example(
        "\
```sql
SELECT n, replace_outliers(v, 'iqr', 1.5, 'median') OVER () AS v
FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 90)) AS t(n, v) ORDER BY n DESC LIMIT 2;
```
```text
 n |   v
---+--------
 5 | 2.5000
 4 | 4.0000
```",
    )
    .with_related_udf("is_outlier")
    .build();
    Spec { name: "replace_outliers", accepts, returns: Some(returns), body: replaced }.udf(documentation)
}

fn accepts(given: &[DataType]) -> Option<Vec<DataType>> {
    let [rule @ .., with] = given else { return None };
    if rule.len() != 3 {
        return None;
    }
    let mut types = value_and_rule(rule)?;
    types.push(match with {
        DataType::Null => types.first()?.clone(),
        with if is_text(with) => DataType::Utf8View,
        with => number(with)?,
    });
    Some(types)
}

fn returns(types: &[DataType]) -> Option<DataType> {
    let [value, _, _, with] = types else { return None };
    if is_text(with) { mean_type(value) } else { common_type(value, with) }
}

fn replaced(call: &Call<'_>) -> Result<ArrayRef> {
    let judged = Judged::of(call)?;
    let (column, with) = (call.column(0)?, call.column(3)?);
    let outlier = judged.outliers();
    let with = if is_text(with.data_type()) { With::Middle(middle(call)?) } else { With::Numbers(with) };
    match exact(call.returns) {
        Some((_, to)) => {
            let Numbers::Exact(values, from) = Numbers::read(column)? else {
                return Err(Error::internal("exact numbers that are not"));
            };
            let others: Vec<Option<i256>> = match with {
                With::Middle(middle) => {
                    let kept = values.iter().zip(&outlier).filter(|(_, outlier)| !**outlier);
                    let mut kept: Vec<i256> = kept.filter_map(|(value, _)| *value).collect();
                    vec![middle.exact(&mut kept, from, to)?; values.len()]
                }
                With::Numbers(with) => match Numbers::read(with)? {
                    Numbers::Exact(others, of) => others
                        .into_iter()
                        .map(|other| other.map(|other| rescaled(other, of, to)).transpose())
                        .collect::<Result<Vec<_>>>()?,
                    Numbers::Double(_) => return Err(Error::internal("exact numbers that are not")),
                },
            };
            let values = values.into_iter().zip(outlier).zip(others).map(|((value, outlier), other)| {
                if outlier { Ok(other) } else { value.map(|value| rescaled(value, from, to)).transpose() }
            });
            exact_column(values.collect::<Result<Vec<_>>>()?, call.returns)
        }
        None => {
            let others: Vec<Option<f64>> = match with {
                With::Middle(middle) => {
                    let kept = judged.values.iter().zip(&outlier).filter(|(_, outlier)| !**outlier);
                    let mut kept: Vec<f64> = kept.filter_map(|(value, _)| *value).collect();
                    vec![middle.double(&mut kept); judged.values.len()]
                }
                With::Numbers(with) => doubles(with)?,
            };
            let values = judged.values.iter().zip(outlier).zip(others);
            Ok(double_column(values.map(|((value, outlier), other)| if outlier { other } else { *value }).collect()))
        }
    }
}

/// What stands in the place of outliers.
enum With<'a> {
    Middle(Middle),
    Numbers(&'a ArrayRef),
}

fn middle(call: &Call<'_>) -> Result<Middle> {
    let word = constant_text(call, 3, "the replacement")?;
    match word.map(|word| word.trim().to_ascii_lowercase()).as_deref() {
        Some("mean") => Ok(Middle::Mean),
        Some("median") => Ok(Middle::Median),
        None if call.rows == 0 => Ok(Middle::Mean),
        _ => Err(refused(format!("{} cannot replace with \"{}\"", call.name, word.unwrap_or("NULL")))
            .with_hint("Use 'mean', 'median' or a number.")),
    }
}
