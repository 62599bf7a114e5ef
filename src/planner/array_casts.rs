//! Casts between types of arrays: every member is cast as a value by itself is.
//!
//! Arrow's cast of arrays would cut numbers where Postgres rounds them, and write texts by rules of its own.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::each;
use super::one_cast::OneCast;
use crate::error::Error;

/// Puts [`MemberCast`] in the place of casts of arrays whose members are not cast by Arrow's rules.
#[derive(Debug, Default)]
pub struct ArrayCasts;

impl AnalyzerRule for ArrayCasts {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> DfResult<LogicalPlan> {
        let rewrite = |node| each::expression(node, |e, schema| by_member(e, schema, config));
        Ok(plan.transform_up_with_subqueries(rewrite)?.data)
    }

    fn name(&self) -> &str {
        "array_casts"
    }
}

fn by_member(expr: Expr, schema: &DFSchema, config: &ConfigOptions) -> DfResult<Transformed<Expr>> {
    let Expr::Cast(Cast { expr: inner, field }) = &expr else { return Ok(Transformed::no(expr)) };
    let (Ok(DataType::List(from)), DataType::List(to)) = (inner.get_type(schema), field.data_type()) else {
        return Ok(Transformed::no(expr));
    };
    // What has more dimensions than the type is another matter.
    if matches!(from.data_type(), DataType::List(_) | DataType::Null) != matches!(to.data_type(), DataType::List(_)) {
        return Ok(Transformed::no(expr));
    }
    let member = OneCast::planned(&from, Arc::clone(to), config)?;
    if member.is_plain() {
        return Ok(Transformed::no(expr));
    }
    let function = MemberCast { member, to: Arc::clone(field), signature: Signature::any(1, Volatility::Immutable) };
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![inner.as_ref().clone()],
    ))))
}

/// Casts every member of an array.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MemberCast {
    member: OneCast,
    /// An array type.
    to: FieldRef,
    signature: Signature,
}

impl MemberCast {
    fn cast_all(&self, arrays: &ArrayRef) -> DfResult<ListArray> {
        let wrong = || Error::internal(format!("no cast of the members of {}", arrays.data_type()));
        let (Some(lists), DataType::List(item)) = (arrays.as_list_opt::<i32>(), self.to.data_type()) else {
            return Err(wrong().into());
        };
        let offsets = lists.offsets();
        let (Some(first), Some(last)) = (offsets.first().copied(), offsets.last().copied()) else {
            return Err(wrong().into());
        };
        // These may be a part of more arrays, whose members are none of theirs.
        let (Ok(start), Ok(length)) = (usize::try_from(first), usize::try_from(last - first)) else {
            return Err(wrong().into());
        };
        let members = self.member.of(&self.member.rows(lists.values().slice(start, length))?)?;
        let members = match members.data_type() == item.data_type() {
            true => members,
            false => cast(&members, item.data_type())?,
        };
        let offsets: ScalarBuffer<i32> = offsets.iter().map(|offset| offset - first).collect();
        let nulls = lists.nulls().cloned();
        Ok(ListArray::try_new(Arc::clone(item), OffsetBuffer::new(offsets), members, nulls)?)
    }
}

impl ScalarUDFImpl for MemberCast {
    fn name(&self) -> &str {
        "member_cast"
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(Field::clone(&self.to).with_name("member_cast").with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            // Taken out as a scalar, a list would lose what its members' field tells of their type.
            Some(ColumnarValue::Scalar(value)) => {
                let done = self.cast_all(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(done))))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(Arc::new(self.cast_all(values)?))),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int32Array;
    use datafusion::arrow::datatypes::{Float64Type, Int32Type};

    use super::*;
    use crate::catalog::types::PgType;

    #[test]
    fn members_of_a_part_are_cast_alone() {
        let numbers = ListArray::from_iter_primitive::<Float64Type, _, _>([
            Some(vec![Some(1e300)]),
            Some(vec![Some(1.5), None, Some(2.5)]),
            None,
            Some(vec![]),
        ]);
        let DataType::List(from) = numbers.data_type().clone() else { panic!() };
        let to = Arc::new(PgType::Array(Box::new(PgType::Int4)).field("to", true));
        let DataType::List(item) = to.data_type().clone() else { panic!() };
        let member = OneCast::planned(&from, item, &ConfigOptions::default()).unwrap();
        assert!(!member.is_plain());
        let function = MemberCast { member, to, signature: Signature::any(1, Volatility::Immutable) };
        let all: ArrayRef = Arc::new(numbers);
        assert!(function.cast_all(&all).is_err());
        let part = function.cast_all(&all.slice(1, 3)).unwrap();
        let first = part.value(0);
        assert_eq!(first.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(2), None, Some(2)]));
        assert!(part.is_null(1) && part.value(2).is_empty());
    }
}
