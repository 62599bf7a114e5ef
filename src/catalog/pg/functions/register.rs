//! Registers what clients call.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::array_bounds_udf::{create_array_lower_udf, create_array_upper_udf};
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::quote_ident_udf::create_parse_ident_udf;

use super::lists::OrEmpty;
use super::spec::CatalogFunction;
use super::{definitions, names, privileges, session, text};
use crate::catalog::pg::schema::Catalog;
use crate::catalog::pg::statics::Statics;
use crate::catalog::pg::view::CatalogView;

/// Every scalar function of the catalog.
pub fn scalar_functions(view: Arc<dyn CatalogView>) -> Vec<ScalarUDF> {
    let catalog = Catalog::new(view);
    let mut functions: Vec<ScalarUDF> =
        [session::SPECS, names::SPECS, privileges::SPECS, definitions::SPECS, text::SPECS]
            .into_iter()
            .flatten()
            .map(|spec| ScalarUDF::new_from_impl(CatalogFunction::new(spec, Arc::clone(&catalog))))
            .collect();
    functions.extend([
        ScalarUDF::new_from_impl(OrEmpty::new()),
        create_array_upper_udf(),
        create_array_lower_udf(),
        create_parse_ident_udf(),
    ]);
    functions
}

/// Registers the catalog's functions in a context; it replaces DataFusion's `version()`. Sessions that are made from
/// the context's state share them.
pub fn register_functions(context: &SessionContext, view: Arc<dyn CatalogView>) -> Result<()> {
    for function in scalar_functions(view) {
        context.register_udf(function);
    }
    let keywords = Arc::clone(&Statics::get()?.keywords);
    context.register_udtf("pg_get_keywords", keywords);
    CoerceIntArgsToBigInt::widen(context);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog::definitions::Definitions;

    #[derive(Debug)]
    struct Nothing;

    impl CatalogView for Nothing {
        fn definitions(&self) -> Arc<Definitions> {
            Arc::new(Definitions::default())
        }
    }

    #[test]
    fn names_are_given_once() {
        let functions = scalar_functions(Arc::new(Nothing));
        let names: BTreeSet<&str> = functions.iter().map(ScalarUDF::name).collect();
        assert_eq!(names.len(), functions.len());
    }
}
