//! Aggregates of DataFusion's with something else in one place: what they say of themselves is what it says.

/// In an implementation of `AggregateUDFImpl`, for a type with a field `function` of DataFusion's: all but how rows are
/// accumulated, and in what order.
macro_rules! delegated {
    () => {
        fn name(&self) -> &str {
            self.function.name()
        }

        fn signature(&self) -> &::datafusion::logical_expr::Signature {
            self.function.signature()
        }

        fn return_type(
            &self,
            types: &[::datafusion::arrow::datatypes::DataType],
        ) -> ::datafusion::error::Result<::datafusion::arrow::datatypes::DataType> {
            self.function.return_type(types)
        }

        fn is_nullable(&self) -> bool {
            self.function.is_nullable()
        }

        fn state_fields(
            &self,
            args: ::datafusion::logical_expr::function::StateFieldsArgs,
        ) -> ::datafusion::error::Result<Vec<::datafusion::arrow::datatypes::FieldRef>> {
            self.function.state_fields(args)
        }

        fn groups_accumulator_supported(&self, args: ::datafusion::logical_expr::function::AccumulatorArgs) -> bool {
            self.function.groups_accumulator_supported(args)
        }

        fn coerce_types(
            &self,
            types: &[::datafusion::arrow::datatypes::DataType],
        ) -> ::datafusion::error::Result<Vec<::datafusion::arrow::datatypes::DataType>> {
            self.function.coerce_types(types)
        }

        fn default_value(
            &self,
            of: &::datafusion::arrow::datatypes::DataType,
        ) -> ::datafusion::error::Result<::datafusion::scalar::ScalarValue> {
            self.function.default_value(of)
        }

        fn is_descending(&self) -> Option<bool> {
            self.function.is_descending()
        }

        fn value_from_stats(
            &self,
            statistics: &::datafusion::logical_expr::StatisticsArgs,
        ) -> Option<::datafusion::scalar::ScalarValue> {
            self.function.value_from_stats(statistics)
        }

        fn set_monotonicity(
            &self,
            of: &::datafusion::arrow::datatypes::DataType,
        ) -> ::datafusion::logical_expr::SetMonotonicity {
            self.function.inner().set_monotonicity(of)
        }

        fn documentation(&self) -> Option<&::datafusion::logical_expr::Documentation> {
            self.function.documentation()
        }
    };
}

pub(super) use delegated;
