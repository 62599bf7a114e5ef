//! What comes of a row's broken rules: the list of them, reasons, trust. Functions of the plans made here alone: what
//! they say of each rule is part of them, and no user can call them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Builder, ListBuilder, StringViewArray, StringViewBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::catalog::types::PgType;
use crate::error::Error;

/// What is made of the broken rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Made {
    /// The numbers of the broken rules, from 0.
    Broken,
    /// A text for each broken rule.
    Reasons(Vec<String>),
    /// The product of the broken rules' factors, each as its bits.
    Trust(Vec<u64>),
    /// Of a rule's number: its text.
    Text(Vec<String>),
}

/// The numbers of the rules that are broken; `broken` says of each whether it is, null for no.
pub(super) fn broken_rules(broken: Vec<Expr>) -> Expr {
    Outcome::call("broken_rules", Made::Broken, broken)
}

/// The texts of the rules that are broken.
pub(super) fn reasons(broken: Vec<Expr>, texts: Vec<String>) -> Expr {
    Outcome::call("rule_reasons", Made::Reasons(texts), broken)
}

/// What the broken rules leave of the trust in a row.
pub(super) fn trust(broken: Vec<Expr>, factors: &[f64]) -> Expr {
    Outcome::call("rule_trust", Made::Trust(factors.iter().map(|factor| factor.to_bits()).collect()), broken)
}

/// The text of the rule of a number.
pub(super) fn text_of(name: &'static str, number: Expr, texts: Vec<String>) -> Expr {
    Outcome::call(name, Made::Text(texts), vec![number])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Outcome {
    name: &'static str,
    made: Made,
    signature: Signature,
}

impl Outcome {
    fn call(name: &'static str, made: Made, args: Vec<Expr>) -> Expr {
        let signature = match args.len() {
            0 => Signature::nullary(Volatility::Immutable),
            count => Signature::any(count, Volatility::Immutable),
        };
        let function = Arc::new(ScalarUDF::new_from_impl(Outcome { name, made, signature }));
        Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
    }
}

impl ScalarUDFImpl for Outcome {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(match self.made {
            Made::Broken => PgType::Array(Box::new(PgType::Int4)).arrow(),
            Made::Reasons(_) => PgType::Array(Box::new(PgType::Text)).arrow(),
            Made::Trust(_) => DataType::Float64,
            Made::Text(_) => DataType::Utf8View,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<DfResult<Vec<ArrayRef>>>()?;
        let made: ArrayRef = match &self.made {
            Made::Broken => {
                let broken = booleans(&arrays)?;
                let mut list = ListBuilder::new(Int32Builder::new()).with_field(item(PgType::Int4));
                for row in 0..rows {
                    for (number, _) in (0..).zip(&broken).filter(|(_, column)| is_true(column, row)) {
                        list.values().append_value(number);
                    }
                    list.append(true);
                }
                Arc::new(list.finish())
            }
            Made::Reasons(texts) => {
                let broken = booleans(&arrays)?;
                let mut list = ListBuilder::new(StringViewBuilder::new()).with_field(item(PgType::Text));
                for row in 0..rows {
                    for (text, _) in texts.iter().zip(&broken).filter(|(_, column)| is_true(column, row)) {
                        list.values().append_value(text);
                    }
                    list.append(true);
                }
                Arc::new(list.finish())
            }
            Made::Trust(factors) => {
                let broken = booleans(&arrays)?;
                let left = (0..rows).map(|row| {
                    let factors = factors.iter().zip(&broken).filter(|(_, column)| is_true(column, row));
                    factors.map(|(factor, _)| f64::from_bits(*factor)).product::<f64>()
                });
                Arc::new(Float64Array::from_iter_values(left))
            }
            Made::Text(texts) => {
                let numbers = arrays.first().and_then(|array| array.as_primitive_opt::<Int32Type>());
                let Some(numbers) = numbers else { return Err(self.misused().into()) };
                let text = |number: Option<i32>| usize::try_from(number?).ok().and_then(|number| texts.get(number));
                Arc::new(numbers.iter().map(text).collect::<StringViewArray>())
            }
        };
        Ok(ColumnarValue::Array(made))
    }
}

impl Outcome {
    fn misused(&self) -> Error {
        Error::internal(format!("{} was given values of another type", self.name))
    }
}

fn item(kind: PgType) -> Arc<Field> {
    Arc::new(kind.field("item", true))
}

fn booleans(arrays: &[ArrayRef]) -> DfResult<Vec<&BooleanArray>> {
    let typed = arrays.iter().map(|array| {
        array.as_boolean_opt().ok_or_else(|| Error::internal("a rule gave another value than a boolean").into())
    });
    typed.collect()
}

fn is_true(column: &BooleanArray, row: usize) -> bool {
    column.is_valid(row) && column.value(row)
}
