//! `coalesce(..)`, in which a literal in quotes is of the type that the other arguments have.
//!
//! It is DataFusion's own, which finds no common type for a date, a time, an interval or a boolean and a text. That a text
//! with a type of its own is none of these is checked where the query is planned.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::functions::core::coalesce::CoalesceFunc;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// `coalesce`
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Coalesce { inner: CoalesceFunc::new() })
}

/// The types that arguments of these types are cast to.
pub(crate) fn meeting(inner: &CoalesceFunc, types: &[DataType]) -> Result<Vec<DataType>> {
    inner.coerce_types(types).or_else(|error| {
        let typed: Vec<DataType> = types.iter().filter(|of| !of.is_string() && !of.is_null()).cloned().collect();
        if typed.is_empty() || typed.len() == types.len() {
            return Err(error);
        }
        let to = inner.coerce_types(&typed)?.into_iter().next().ok_or(error)?;
        Ok(vec![to; types.len()])
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Coalesce {
    inner: CoalesceFunc,
}

impl ScalarUDFImpl for Coalesce {
    fn name(&self) -> &str {
        "coalesce"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        let (first, rest) = args.split_first()?;
        Some((vec![first], rest.iter().collect()))
    }

    fn short_circuits(&self) -> bool {
        true
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        meeting(&self.inner, types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_the_others_are() {
        let met = |types: &[DataType]| meeting(&CoalesceFunc::new(), types).ok();
        assert_eq!(met(&[DataType::Date32, DataType::Utf8]), Some(vec![DataType::Date32; 2]));
        assert_eq!(met(&[DataType::Utf8View, DataType::Boolean]), Some(vec![DataType::Boolean; 2]));
        assert_eq!(met(&[DataType::Date32, DataType::Boolean]), None);
    }
}
