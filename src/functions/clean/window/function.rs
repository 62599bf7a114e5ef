//! The shape that these functions share: a partition's columns in, one value for each of its rows out.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{Documentation, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

use crate::error::{Error, Result};
use crate::functions::clean::scalar::no_such_function;

/// What a function is given for one partition.
pub(super) struct Call<'a> {
    /// The function's name.
    pub name: &'static str,
    /// The arguments, as they were coerced.
    pub columns: &'a [ArrayRef],
    /// How many rows there are.
    pub rows: usize,
    /// The result's type.
    pub returns: &'a DataType,
}

impl Call<'_> {
    /// The argument at a position.
    pub(super) fn column(&self, at: usize) -> Result<&ArrayRef> {
        self.columns
            .get(at)
            .ok_or_else(|| Error::internal(format!("{} was called without its argument {}", self.name, at + 1)))
    }
}

/// A result's type from the arguments'; none when there is none for them.
pub(super) type Returns = fn(&[DataType]) -> Option<DataType>;

/// One function over a partition.
pub(super) struct Spec {
    /// Its name.
    pub name: &'static str,
    /// The types that arguments of these types are brought to; none when it does not take them.
    pub accepts: fn(&[DataType]) -> Option<Vec<DataType>>,
    /// The result's type, from the arguments as they were brought to their types. None: the first argument's, with all
    /// that its field says.
    pub returns: Option<Returns>,
    /// The partition's results.
    pub body: fn(&Call<'_>) -> Result<ArrayRef>,
}

impl Spec {
    /// The function as DataFusion registers it.
    pub(super) fn udf(self, documentation: Documentation) -> WindowUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        WindowUDF::new_from_impl(Columns { spec: Arc::new(self), signature, documentation })
    }

    fn result(&self, fields: &[FieldRef]) -> DfResult<FieldRef> {
        let first = fields.first().ok_or_else(|| Error::internal(format!("{} without arguments", self.name)))?;
        let Some(returns) = self.returns else { return Ok(Arc::clone(first)) };
        let types: Vec<DataType> = fields.iter().map(|field| field.data_type().clone()).collect();
        let returned = returns(&types).ok_or_else(|| no_such_function(self.name, &types))?;
        Ok(Arc::new(Field::new(self.name, returned, true)))
    }
}

/// A window function that cleans. Its name says which: two of the same name are the same function.
pub(super) struct Columns {
    spec: Arc<Spec>,
    signature: Signature,
    documentation: Documentation,
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("name", &self.spec.name).finish()
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for Columns {}

impl Hash for Columns {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl WindowUDFImpl for Columns {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> DfResult<Box<dyn PartitionEvaluator>> {
        let returns = self.spec.result(args.input_fields())?.data_type().clone();
        Ok(Box::new(Evaluator { spec: Arc::clone(&self.spec), arguments: args.input_exprs().len(), returns }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> DfResult<FieldRef> {
        let field = self.spec.result(args.input_fields())?;
        Ok(Arc::new(field.as_ref().clone().with_name(args.name()).with_nullable(true)))
    }

    fn coerce_types(&self, given: &[DataType]) -> DfResult<Vec<DataType>> {
        let plain: Vec<DataType> = given
            .iter()
            .map(|given| match given {
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                given => given.clone(),
            })
            .collect();
        Ok((self.spec.accepts)(&plain).ok_or_else(|| no_such_function(self.spec.name, given))?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

struct Evaluator {
    spec: Arc<Spec>,
    arguments: usize,
    returns: DataType,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("name", &self.spec.name).finish()
    }
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> DfResult<ArrayRef> {
        // Behind the arguments stand the values of ORDER BY.
        let columns = values.get(..self.arguments).unwrap_or(values);
        let call = Call { name: self.spec.name, columns, rows: num_rows, returns: &self.returns };
        let results = (self.spec.body)(&call)?;
        if results.len() != num_rows || results.data_type() != &self.returns {
            let given = format!("{} rows of {} for {num_rows} of {}", results.len(), results.data_type(), self.returns);
            return Err(Error::internal(format!("{} gave {given}", self.spec.name)).into());
        }
        Ok(results)
    }
}
