//! Values with the types that they were bound as.

use datafusion::common::ParamValues;
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// A parameter's value and the type that the client, or the statement, gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// What it is; a null has the type's Arrow type.
    pub value: ScalarValue,
    /// Its type. A numeric's own digits are those of the value.
    pub kind: PgType,
}

impl Parameter {
    /// NULL of a type.
    pub fn null(kind: &PgType) -> Result<Parameter> {
        Ok(Parameter { value: ScalarValue::try_from(&kind.arrow())?, kind: kind.clone() })
    }

    /// The type to plan with: a numeric has the digits of its value, so that none is cut off.
    pub(in crate::engine) fn planned(&self) -> PgType {
        if is_numeric(&self.kind) { PgType::of_arrow(&self.value.data_type()) } else { self.kind.clone() }
    }

    /// The value as a literal that says its type where the Arrow type alone does not.
    pub(in crate::engine) fn literal(self) -> ScalarAndMetadata {
        let field = self.kind.field("", true);
        let says =
            !is_numeric(&self.kind) && !field.metadata().is_empty() && *field.data_type() == self.value.data_type();
        ScalarAndMetadata::new(self.value, says.then(|| FieldMetadata::from(&field)))
    }
}

fn is_numeric(kind: &PgType) -> bool {
    match kind {
        PgType::Numeric(_) => true,
        PgType::Array(element) => is_numeric(element),
        _ => false,
    }
}

/// Gives the parameters their values.
pub(in crate::engine) fn bind(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan> {
    bind_all(plan, values.into_iter().map(ScalarAndMetadata::from).collect())
}

/// Gives the parameters their values, which keep the types that they were bound as.
pub(in crate::engine) fn bind_typed(plan: LogicalPlan, parameters: Vec<Parameter>) -> Result<LogicalPlan> {
    bind_all(plan, parameters.into_iter().map(Parameter::literal).collect())
}

fn bind_all(plan: LogicalPlan, values: Vec<ScalarAndMetadata>) -> Result<LogicalPlan> {
    let wanted = plan.get_parameter_names()?.len();
    if values.is_empty() && wanted == 0 {
        return Ok(plan);
    }
    if values.len() < wanted {
        return Err(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${}", values.len() + 1)));
    }
    Ok(plan.with_param_values(ParamValues::List(values))?)
}
