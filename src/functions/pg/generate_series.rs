//! `generate_series` of dates is one of `timestamptz`, and a text in quotes among times is a time or the step between them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::error::Result as DfResult;
use datafusion::functions_nested::range::gen_series_udf;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::functions::limited::limit;

/// The function, with its limit.
pub(super) fn udf() -> ScalarUDF {
    let plain = gen_series_udf();
    let function = limit(&plain).unwrap_or(plain);
    ScalarUDF::new_from_impl(GenerateSeries { function, signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GenerateSeries {
    function: Arc<ScalarUDF>,
    signature: Signature,
}

/// The types at which two ends and a step meet; none where no end is a time.
fn of_times(types: &[DataType]) -> Option<Vec<DataType>> {
    let [first, last, _] = types else { return None };
    let is_date = |of: &DataType| matches!(of, DataType::Date32 | DataType::Date64);
    let is_moment = |of: &DataType| matches!(of, DataType::Timestamp(..));
    if ![first, last].into_iter().any(|of| is_date(of) || is_moment(of)) || types.iter().any(DataType::is_null) {
        return None;
    }
    let plain = [first, last].into_iter().any(|of| matches!(of, DataType::Timestamp(_, None)));
    let moment = DataType::Timestamp(TimeUnit::Microsecond, (!plain).then(|| "UTC".into()));
    Some(vec![moment.clone(), moment, DataType::Interval(IntervalUnit::MonthDayNano)])
}

impl ScalarUDFImpl for GenerateSeries {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        if let Some(types) = of_times(types) {
            return Ok(types);
        }
        let field = |of: &DataType| -> FieldRef { Arc::new(Field::new("", of.clone(), true)) };
        let fields: Vec<FieldRef> = types.iter().map(field).collect();
        let fields = fields_with_udf(&fields, self.function.as_ref())?;
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        self.function.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_make_moments() {
        let step = DataType::Interval(IntervalUnit::MonthDayNano);
        let moment = |zone: bool| DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()));
        let dates = of_times(&[DataType::Date32, DataType::Date32, DataType::Utf8]);
        assert_eq!(dates, Some(vec![moment(true), moment(true), step.clone()]));
        let stamps = of_times(&[moment(false), DataType::Date32, step.clone()]);
        assert_eq!(stamps, Some(vec![moment(false), moment(false), step]));
        assert_eq!(of_times(&[DataType::Int64, DataType::Int64, DataType::Int64]), None);
    }
}
