//! A tree as a function: its features in, the share of right rows at the leaf out.
//!
//! The function holds the tree, so that a plan with a call of it needs no catalog: it is what stands in the place of the
//! model's name once a call of `tree_choice` is planned.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::feature::FeatureKind;
use super::learn::Trained;
use super::tree::{Tree, Value};
use crate::catalog::definitions::quote_identifier;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// How `tree_choice` is called with a model, for hints.
pub fn usage(model: &str, tree: &Tree) -> String {
    let model = model.replace('\'', "''");
    let mut words = vec!["value".to_string(), format!("'{model}'")];
    for feature in &tree.features {
        words.push(format!("{} {}", quote_identifier(&feature.name), feature.kind.pg_name()));
    }
    format!("tree_choice({})", words.join(", "))
}

/// The score of a row by a tree.
pub struct TreeScore {
    name: String,
    /// The model's name as it is written in SQL, and as messages show it between quotes.
    model: String,
    shown: String,
    trained: Arc<Trained>,
    signature: Signature,
}

impl TreeScore {
    /// The function of a model's tree; `model` is the model's name as it is written in SQL, `shown` the same without
    /// quotes, for messages.
    pub fn new(model: &str, shown: &str, trained: Arc<Trained>) -> TreeScore {
        TreeScore {
            name: format!("tree {model}"),
            model: model.to_string(),
            shown: shown.to_string(),
            trained,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn tree(&self) -> &Tree {
        &self.trained.tree
    }

    fn hint(&self) -> String {
        format!("It is called as {}.", usage(&self.model, self.tree()))
    }

    /// 42883 where the number of features is another.
    pub fn check_count(&self, given: usize) -> Result<()> {
        let features = self.tree().features.len();
        if given == features {
            return Ok(());
        }
        let words = if features == 1 { "1 feature".to_string() } else { format!("{features} features") };
        let message = format!("model \"{}\" takes {words}, not {given}", self.shown);
        Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).with_hint(self.hint()))
    }

    /// 42804 where a feature is of another type.
    fn check(&self, given: &[DataType]) -> Result<()> {
        self.check_count(given.len())?;
        for (feature, given) in self.tree().features.iter().zip(given) {
            if !fits(given, feature.kind) {
                let (wanted, given) = (feature.kind.pg_name(), PgType::of_arrow(given));
                let message =
                    format!("feature \"{}\" of model \"{}\" is {wanted}, not {given}", feature.name, self.shown);
                return Err(Error::new(SqlState::DATATYPE_MISMATCH, message).with_hint(self.hint()));
            }
        }
        Ok(())
    }
}

/// Whether values of a type can be brought to what a feature is; an untyped NULL can always.
fn fits(given: &DataType, kind: FeatureKind) -> bool {
    *given == DataType::Null || FeatureKind::of_type(given) == Some(kind)
}

impl fmt::Debug for TreeScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeScore({})", self.model)
    }
}

impl PartialEq for TreeScore {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && (Arc::ptr_eq(&self.trained, &other.trained) || self.trained == other.trained)
    }
}

impl Eq for TreeScore {}

impl Hash for TreeScore {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// One feature of a batch.
enum Given<'a> {
    Number(&'a Float64Array),
    Boolean(&'a BooleanArray),
    Text(&'a StringViewArray),
}

impl<'a> Given<'a> {
    fn of(column: &'a ArrayRef) -> Option<Given<'a>> {
        match column.data_type() {
            DataType::Float64 => column.as_primitive_opt::<Float64Type>().map(Given::Number),
            DataType::Boolean => column.as_boolean_opt().map(Given::Boolean),
            DataType::Utf8View => column.as_string_view_opt().map(Given::Text),
            _ => None,
        }
    }

    fn value(&self, row: usize) -> Value<'a> {
        match self {
            Given::Number(numbers) if numbers.is_valid(row) => Value::Number(numbers.value(row)),
            Given::Boolean(truths) if truths.is_valid(row) => Value::Boolean(truths.value(row)),
            Given::Text(texts) if texts.is_valid(row) => Value::Text(texts.value(row)),
            _ => Value::Unknown,
        }
    }
}

impl ScalarUDFImpl for TreeScore {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Float64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        self.check(&given)?;
        Ok(Arc::new(Field::new(&self.name, DataType::Float64, false)))
    }

    fn coerce_types(&self, given: &[DataType]) -> DfResult<Vec<DataType>> {
        // What does not fit stays: `return_field_from_args` refuses it, and its errors reach the client as they are.
        let brought = |(at, given): (usize, &DataType)| match self.tree().features.get(at) {
            Some(feature) if fits(given, feature.kind) => feature.kind.arrow(),
            _ => given.clone(),
        };
        Ok(given.iter().enumerate().map(brought).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<DfResult<Vec<_>>>()?;
        let given = columns.iter().map(Given::of).collect::<Option<Vec<_>>>();
        let given = given.ok_or_else(|| Error::internal(format!("model {} was given other types", self.model)))?;
        let tree = self.tree();
        let score =
            |row| tree.leaf(|feature| given.get(feature).map_or(Value::Unknown, |given| given.value(row))).share();
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::Float64(Some(score(0)))));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from_iter_values((0..rows).map(score)))))
    }
}
