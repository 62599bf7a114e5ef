//! Parameters whose values are not known while a plan is made that many executions share.
//!
//! Such a parameter carries a sample: the value that it has in the execution that the plan is made for. A source is
//! asked what it would do with the sample, so that filters travel to where they are likely to be of use. What it says
//! is not relied on: a filter with a parameter is looked at again here, until its value is known.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::scalar::ScalarValue;

/// The metadata of a parameter's field that holds its sample.
const SAMPLE: &str = "onerow.sample";

/// The parameter with a sample; none for one whose value is not a text or a whole number, or whose type is not known.
pub fn with(parameter: &Placeholder, value: &ScalarValue) -> Option<Placeholder> {
    let field = parameter.field.as_ref()?;
    let sample = match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            text.clone()
        }
        ScalarValue::Int16(Some(number)) => number.to_string(),
        ScalarValue::Int32(Some(number)) => number.to_string(),
        ScalarValue::Int64(Some(number)) => number.to_string(),
        _ => return None,
    };
    let mut metadata = field.metadata().clone();
    metadata.insert(SAMPLE.to_string(), sample);
    let field = field.as_ref().clone().with_metadata(metadata);
    Some(Placeholder::new_with_field(parameter.id.clone(), Some(Arc::new(field))))
}

fn of(parameter: &Placeholder) -> Option<ScalarValue> {
    let field = parameter.field.as_ref()?;
    let sample = field.metadata().get(SAMPLE)?;
    Some(match field.data_type() {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => ScalarValue::Utf8View(Some(sample.clone())),
        DataType::Int16 => ScalarValue::Int16(Some(sample.parse().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(sample.parse().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(sample.parse().ok()?)),
        _ => return None,
    })
}

/// An expression with the samples in the places of its parameters; none when it has no parameter with a sample.
pub fn filled(expr: &Expr) -> DfResult<Option<Expr>> {
    if !expr.exists(|e| Ok(matches!(e, Expr::Placeholder(parameter) if of(parameter).is_some())))? {
        return Ok(None);
    }
    let filled = expr.clone().transform(|e| match &e {
        Expr::Placeholder(parameter) => Ok(match of(parameter) {
            Some(value) => Transformed::yes(Expr::Literal(value, None)),
            None => Transformed::no(e),
        }),
        _ => Ok(Transformed::no(e)),
    });
    filled.data().map(Some)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn samples_stand_for_parameters() {
        let parameter =
            |data_type| Placeholder::new_with_field("$1".into(), Some(Arc::new(Field::new("", data_type, true))));
        let text = with(&parameter(DataType::Utf8View), &ScalarValue::Utf8View(Some("x".into()))).unwrap();
        let filter = col("a").eq(Expr::Placeholder(text));
        let expected = col("a").eq(Expr::Literal(ScalarValue::Utf8View(Some("x".into())), None));
        assert_eq!(filled(&filter).unwrap(), Some(expected));
        let number = with(&parameter(DataType::Int32), &ScalarValue::Int32(Some(-7))).unwrap();
        assert_eq!(filled(&col("a").eq(Expr::Placeholder(number))).unwrap(), Some(col("a").eq(lit(-7))));
        assert_eq!(filled(&col("a").eq(lit(1))).unwrap(), None);
        assert_eq!(filled(&col("a").eq(Expr::Placeholder(parameter(DataType::Int32)))).unwrap(), None);
        assert!(with(&parameter(DataType::Int32), &ScalarValue::Int32(None)).is_none());
    }
}
