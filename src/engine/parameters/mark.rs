//! Marks: functions that stand for a parameter while its type is looked for. A mark's other arguments are the
//! expressions beside the parameter, and its type is what follows from theirs.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// More than one operator would do (42725).
pub(super) const AMBIGUOUS: SqlState = SqlState("42725");

/// What follows for a parameter from the types of what is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// The same type: most operators.
    Same,
    /// The type in which it is compared: `varchar` is compared as text.
    Compare,
    /// The type that all of them can be: the branches of CASE, the arguments of coalesce.
    Common,
    /// An array of it: the right side of `= ANY ($1)`.
    Array,
    /// An element of it: the left side of `$1 = ANY (..)`.
    Element,
    /// The other side of `+`.
    Add,
    /// The other side of `*` and `/`.
    Scale,
    /// The other side of `||`.
    Concat,
}

impl Rule {
    pub const ALL: [Rule; 8] =
        [Rule::Same, Rule::Compare, Rule::Common, Rule::Array, Rule::Element, Rule::Add, Rule::Scale, Rule::Concat];

    /// What its function is called in a marked statement.
    pub fn function(self) -> &'static str {
        match self {
            Rule::Same => "onerow_parameter_same",
            Rule::Compare => "onerow_parameter_compare",
            Rule::Common => "onerow_parameter_common",
            Rule::Array => "onerow_parameter_array",
            Rule::Element => "onerow_parameter_element",
            Rule::Add => "onerow_parameter_add",
            Rule::Scale => "onerow_parameter_scale",
            Rule::Concat => "onerow_parameter_concat",
        }
    }

    fn named(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.function() == name)
    }

    /// The function to register for it.
    pub fn udf(self) -> Arc<ScalarUDF> {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Mark { rule: self, signature }))
    }

    /// The parameter's type. Fails (42725) where Postgres finds more than one operator.
    fn apply(self, beside: &[PgType]) -> Result<PgType> {
        let first = beside.first().map_or(PgType::Text, bare);
        Ok(match (self, first) {
            (Rule::Common, _) => beside.iter().map(bare).reduce(common).unwrap_or(PgType::Text),
            (Rule::Compare, kind) => compared(kind),
            (Rule::Array, PgType::Array(_)) => PgType::Text,
            (Rule::Array, kind) => PgType::Array(Box::new(compared(kind))),
            (Rule::Element, PgType::Array(element)) => compared(*element),
            (Rule::Element, _) => PgType::Text,
            (Rule::Add, PgType::Date) => {
                return Err(Error::new(AMBIGUOUS, "operator is not unique: date + unknown").with_hint(
                    "Could not choose a best candidate operator. You might need to add explicit type casts.",
                ));
            }
            (Rule::Add, PgType::Timestamp | PgType::TimestampTz | PgType::Time) => PgType::Interval,
            (Rule::Scale, PgType::Interval) => PgType::Float8,
            (Rule::Concat, kind @ (PgType::Array(_) | PgType::Jsonb | PgType::Bytea)) => kind,
            (Rule::Concat, _) => PgType::Text,
            (Rule::Same | Rule::Add | Rule::Scale, kind) => kind,
        })
    }
}

/// A type without its modifier: parameters have none. Rows cannot be parameters.
pub(super) fn bare(kind: &PgType) -> PgType {
    match kind {
        PgType::Numeric(_) => PgType::Numeric(None),
        PgType::Varchar(_) => PgType::Varchar(None),
        PgType::Bpchar(_) => PgType::Bpchar(None),
        PgType::Record | PgType::Vector(_) => PgType::Text,
        PgType::Array(element) => PgType::Array(Box::new(bare(element))),
        other => other.clone(),
    }
}

/// There are no operators of `varchar`: it is compared as text.
fn compared(kind: PgType) -> PgType {
    match kind {
        PgType::Varchar(_) => PgType::Text,
        PgType::Array(element) => PgType::Array(Box::new(compared(*element))),
        other => other,
    }
}

/// The type that two can be, as in Postgres: of numbers and of times the wider, else the first.
fn common(one: PgType, other: PgType) -> PgType {
    let width = |kind: &PgType| match kind {
        PgType::Int2 => Some((0, 0)),
        PgType::Int4 => Some((0, 1)),
        PgType::Int8 => Some((0, 2)),
        PgType::Numeric(_) => Some((0, 3)),
        PgType::Float4 => Some((0, 4)),
        PgType::Float8 => Some((0, 5)),
        PgType::Date => Some((1, 0)),
        PgType::Timestamp => Some((1, 1)),
        PgType::TimestampTz => Some((1, 2)),
        PgType::Bpchar(_) => Some((2, 0)),
        PgType::Varchar(_) => Some((2, 1)),
        PgType::Text => Some((2, 2)),
        _ => None,
    };
    match (width(&one), width(&other)) {
        (Some((family, a)), Some((same, b))) if family == same && b > a => other,
        _ => one,
    }
}

/// A rule as a function. It is only planned, never run.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Mark {
    rule: Rule,
    signature: Signature,
}

impl ScalarUDFImpl for Mark {
    fn name(&self) -> &str {
        self.rule.function()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Err(Error::internal("a parameter's type follows from fields").into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let beside: Vec<PgType> = args.arg_fields.iter().skip(1).map(|field| PgType::of_field(field)).collect();
        Ok(Arc::new(self.rule.apply(&beside)?.field(self.name(), true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        Err(Error::internal("a parameter without a value").into())
    }
}

/// Tells `found` of the type of every mark in a plan, by the number that the mark was given.
pub(super) fn read(plan: &LogicalPlan, mut found: impl FnMut(usize, PgType)) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let mut schema: Option<DFSchema> = None;
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::ScalarFunction(call) = e
                    && let Some(rule) = Rule::named(call.func.name())
                    && let [Expr::Literal(ScalarValue::Int64(Some(number)), _), beside @ ..] = call.args.as_slice()
                    && let Ok(number) = usize::try_from(*number)
                {
                    let schema = schema.get_or_insert_with(|| merge_schema(&node.inputs()));
                    let fields: DfResult<Vec<FieldRef>> =
                        beside.iter().map(|e| e.to_field(&*schema).map(|(_, field)| field)).collect();
                    // What cannot be typed says nothing.
                    if let Ok(fields) = fields {
                        let kinds: Vec<PgType> = fields.iter().map(|field| PgType::of_field(field)).collect();
                        found(number, rule.apply(&kinds)?);
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows() {
        let of = |rule: Rule, beside: &[PgType]| rule.apply(beside).unwrap();
        assert_eq!(of(Rule::Same, &[PgType::Numeric(Some((10, 2)))]), PgType::Numeric(None));
        assert_eq!(of(Rule::Compare, &[PgType::Varchar(Some(5))]), PgType::Text);
        assert_eq!(of(Rule::Array, &[PgType::Int4]), PgType::Array(Box::new(PgType::Int4)));
        assert_eq!(of(Rule::Element, &[PgType::Array(Box::new(PgType::Uuid))]), PgType::Uuid);
        assert_eq!(of(Rule::Add, &[PgType::TimestampTz]), PgType::Interval);
        assert_eq!(of(Rule::Add, &[PgType::Int8]), PgType::Int8);
        assert_eq!(of(Rule::Scale, &[PgType::Interval]), PgType::Float8);
        assert_eq!(of(Rule::Concat, &[PgType::Int4]), PgType::Text);
        assert_eq!(of(Rule::Common, &[PgType::Int4, PgType::Numeric(None), PgType::Int8]), PgType::Numeric(None));
        assert_eq!(of(Rule::Common, &[PgType::Date, PgType::TimestampTz]), PgType::TimestampTz);
        assert_eq!(Rule::Add.apply(&[PgType::Date]).unwrap_err().state(), AMBIGUOUS);
    }
}
