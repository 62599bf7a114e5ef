//! `character(n)` among other texts. Its values are held without the blanks that fill them, so that they compare, group
//! and sort without them. What remains is done here: a literal beside one is read as one, a cast to text gives a plain
//! text, and what looks at the value as it is shown (LIKE, regular expressions, a few functions) is given the blanks.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, Like, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::output;
use crate::catalog::blanks::{with_blanks, without_blanks};
use crate::catalog::types::PgType;
use crate::error::Error;

/// Functions that take a value as it is shown.
const SHOWN: &[&str] = &[
    "concat",
    "concat_ws",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "octet_length",
    "to_json",
    "to_jsonb",
];

/// Settles what an expression does with the blanks of its operands.
pub(super) fn settle(expr: &mut Expr, schema: &DFSchema) {
    match expr {
        // Such a cast would hand on that its value is a character(n).
        Expr::Cast(Cast { expr: inner, field })
            if *field.data_type() == PgType::Text.arrow()
                && PgType::of_field(field) == PgType::Text
                && length(inner, schema).is_some() =>
        {
            *expr = text(std::mem::take(inner.as_mut()), Form::AsHeld);
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom => read([left.as_mut(), right.as_mut()], schema),
            Operator::RegexMatch
            | Operator::RegexIMatch
            | Operator::RegexNotMatch
            | Operator::RegexNotIMatch
            | Operator::LikeMatch
            | Operator::ILikeMatch
            | Operator::NotLikeMatch
            | Operator::NotILikeMatch => show(left, schema),
            _ => {}
        },
        Expr::Between(Between { expr, low, high, .. }) => {
            read([expr.as_mut(), low.as_mut(), high.as_mut()], schema);
        }
        Expr::InList(InList { expr, list, .. }) => {
            read(std::iter::once(expr.as_mut()).chain(list.iter_mut()), schema);
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, .. }) => {
            let whens = when_then_expr.iter_mut().map(|(when, _)| when.as_mut());
            read(std::iter::once(operand.as_mut()).chain(whens), schema);
        }
        Expr::Like(Like { expr, .. }) | Expr::SimilarTo(Like { expr, .. }) => show(expr, schema),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            if func.name() == "nullif" {
                read(args.iter_mut(), schema);
            } else if SHOWN.contains(&func.name()) {
                args.iter_mut().for_each(|arg| show(arg, schema));
                if matches!(func.name(), "concat" | "concat_ws") {
                    args.iter_mut().for_each(|arg| show_truth(arg, schema));
                }
            }
        }
        _ => {}
    }
}

/// The type of an expression that may be one of these; none where that is plain to see.
fn kind(expr: &Expr, schema: &DFSchema) -> Option<PgType> {
    match expr {
        Expr::Column(column) => Some(PgType::of_field(schema.field(schema.maybe_index_of_column(column)?))),
        Expr::Alias(alias) => kind(&alias.expr, schema),
        // Its field would be that of its value.
        Expr::Cast(Cast { field, .. }) => Some(PgType::of_field(field)),
        Expr::Literal(_, None) | Expr::BinaryExpr(_) | Expr::Case(_) => None,
        expr => Some(PgType::of_field(&expr.to_field(schema).ok()?.1)),
    }
}

/// Branches of a UNION of which one has a `character(n)`: the others' texts are ones too.
pub(super) fn unite(inputs: Vec<Arc<LogicalPlan>>) -> DfResult<Vec<Arc<LogicalPlan>>> {
    let kinds: Vec<Vec<PgType>> = inputs
        .iter()
        .map(|input| input.schema().fields().iter().map(|field| PgType::of_field(field)).collect())
        .collect();
    let is_text = |kind: &PgType| matches!(kind, PgType::Text | PgType::Varchar(_));
    let filled = |at: usize| kinds.iter().any(|kinds| matches!(kinds.get(at), Some(PgType::Bpchar(_))));
    let united = inputs.iter().zip(&kinds).map(|(input, kinds)| -> DfResult<Arc<LogicalPlan>> {
        let cut: Vec<bool> = kinds.iter().enumerate().map(|(at, kind)| is_text(kind) && filled(at)).collect();
        if !cut.contains(&true) {
            return Ok(Arc::clone(input));
        }
        let items = input.schema().columns().into_iter().zip(cut).map(|(column, cut)| {
            let (relation, name) = (column.relation.clone(), column.name.clone());
            let column = Expr::Column(column);
            if cut { text(column, Form::Cut).alias_qualified(relation, name) } else { column }
        });
        let items: Vec<Expr> = items.collect();
        Ok(Arc::new(LogicalPlanBuilder::from(input.as_ref().clone()).project(items)?.build()?))
    });
    united.collect()
}

/// The length of a `character(n)`, none inside for one without; none for another type.
fn length(expr: &Expr, schema: &DFSchema) -> Option<Option<u32>> {
    match kind(expr, schema)? {
        PgType::Bpchar(length) => Some(length),
        _ => None,
    }
}

/// Literals in quotes beside a `character(n)` are ones too.
fn read<'a>(exprs: impl IntoIterator<Item = &'a mut Expr>, schema: &DFSchema) {
    let mut exprs: Vec<&mut Expr> = exprs.into_iter().collect();
    let ends_blank = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().is_some_and(|text| text.ends_with(' ')),
        _ => false,
    };
    let is_varchar = |expr: &Expr| matches!(kind(expr, schema), Some(PgType::Varchar(_)));
    if !exprs.iter().any(|expr| ends_blank(expr) || is_varchar(expr))
        || !exprs.iter().any(|expr| length(expr, schema).is_some())
    {
        return;
    }
    for expr in &mut exprs {
        // So is a varchar; only a text is not.
        if is_varchar(expr) {
            **expr = text(std::mem::take(*expr), Form::Cut);
            continue;
        }
        if let Expr::Literal(value, metadata) = &**expr
            && let Some(text) = value.try_as_str().flatten()
        {
            let text = text.trim_end_matches(' ').to_string();
            **expr = Expr::Literal(ScalarValue::Utf8View(Some(text)), metadata.clone());
        }
    }
}

/// Fills a `character(n)` with its blanks.
fn show(expr: &mut Expr, schema: &DFSchema) {
    if let Some(Some(length)) = length(expr, schema) {
        *expr = text(std::mem::take(expr), Form::Filled(length));
    }
}

/// A boolean among texts is `t` or `f`; only a cast to text makes it `true` or `false`.
fn show_truth(expr: &mut Expr, schema: &DFSchema) {
    if matches!(expr.get_type(schema), Ok(DataType::Boolean)) {
        *expr = output::shown(std::mem::take(expr), DataType::Utf8View);
    }
}

fn text(expr: Expr, form: Form) -> Expr {
    let function = PlainText { form, signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// A `character(n)` without its blanks, as it is held.
    AsHeld,
    /// One with its blanks.
    Filled(u32),
    /// Another text as a `character(n)`: without the blanks at its end.
    Cut,
}

/// A `character(n)` as a text, or a text as one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PlainText {
    form: Form,
    signature: Signature,
}

impl ScalarUDFImpl for PlainText {
    fn name(&self) -> &str {
        "character_text"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| format!("CAST({e} AS text)")).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(match self.form {
            Form::Cut => PgType::Bpchar(None).field("character_text", true),
            _ => Field::new("character_text", DataType::Utf8View, true),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let formed = |texts: &ArrayRef| match self.form {
            Form::AsHeld => with_blanks(texts, 0),
            Form::Filled(length) => with_blanks(texts, usize::try_from(length).unwrap_or(usize::MAX)),
            Form::Cut => without_blanks(texts),
        };
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&formed(&value.to_array()?), 0)?))
            }
            Some(ColumnarValue::Array(texts)) => Ok(ColumnarValue::Array(formed(texts))),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Schema;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn settled(mut expr: Expr) -> String {
        let fields = vec![PgType::Bpchar(Some(3)).field("c", true), PgType::Text.field("t", true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        settle(&mut expr, &schema);
        expr.to_string()
    }

    #[test]
    fn a_literal_beside_one_loses_its_blanks() {
        assert_eq!(settled(col("c").eq(lit("a "))), "c = Utf8View(\"a\")");
        assert_eq!(settled(col("t").eq(lit("a "))), "t = Utf8(\"a \")");
        assert_eq!(settled(col("c").eq(col("t"))), "c = t");
        assert_eq!(
            settled(col("c").in_list(vec![lit("b "), lit("a")], false)),
            "c IN ([Utf8View(\"b\"), Utf8View(\"a\")])"
        );
    }

    #[test]
    fn like_sees_the_blanks() {
        assert_eq!(settled(col("c").like(lit("a%"))), "character_text(c) LIKE Utf8(\"a%\")");
        assert_eq!(settled(col("t").like(lit("a%"))), "t LIKE Utf8(\"a%\")");
    }
}
