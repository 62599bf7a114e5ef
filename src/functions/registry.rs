//! Every function that this program adds to SQL, in one list.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use super::{clean, merge, pg};

/// The scalar functions: those that clean, and those of trust.
pub fn scalars() -> Vec<Arc<ScalarUDF>> {
    clean::all().into_iter().chain(merge::scalars()).map(Arc::new).collect()
}

/// The aggregate functions: those that merge.
pub fn aggregates() -> Vec<Arc<AggregateUDF>> {
    merge::all().into_iter().map(Arc::new).collect()
}

/// The window functions: those that clean a column.
pub fn windows() -> Vec<Arc<WindowUDF>> {
    clean::windows().into_iter().map(Arc::new).collect()
}

/// The functions that Postgres has: some replace DataFusion's of the same name.
pub fn postgres() -> Vec<Arc<ScalarUDF>> {
    pg::all().into_iter().map(Arc::new).collect()
}

/// Registers all of them. It takes no engine, so that a plan that travels to another machine finds them there.
pub fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for function in scalars() {
        registry.register_udf(function)?;
    }
    for function in postgres() {
        registry.register_udf(function)?;
    }
    for function in aggregates() {
        registry.register_udaf(function)?;
    }
    for function in windows().into_iter().chain(pg::ranking::functions()).chain(pg::lagging::functions()) {
        registry.register_udwf(function)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use datafusion::logical_expr::registry::MemoryFunctionRegistry;
    use datafusion::logical_expr::{Documentation, Signature};
    use datafusion::logical_expr_common::signature::Arity;

    use super::*;

    /// What a function must bring: a description, its syntax, every argument, an example, and a file of tests.
    fn check(name: &str, signature: &Signature, documentation: Option<&Documentation>, folder: &str) {
        let documentation = documentation.unwrap_or_else(|| panic!("{name} has no documentation"));
        assert!(!documentation.description.trim().is_empty(), "{name} has no description");
        let syntax = &documentation.syntax_example;
        assert!(syntax.starts_with(&format!("{name}(")), "the syntax of {name} is {syntax}");
        let arguments = documentation.arguments.as_deref().unwrap_or_default();
        assert!(!arguments.is_empty(), "{name} has no arguments");
        if let Arity::Fixed(count) = signature.type_signature.arity() {
            assert!(arguments.len() >= count, "{name} takes {count} arguments and documents {}", arguments.len());
        }
        for (argument, description) in arguments {
            assert!(syntax.contains(argument.as_str()), "the syntax of {name} lacks {argument}");
            assert!(!description.trim().is_empty(), "{argument} of {name} has no description");
        }
        assert!(documentation.sql_example.as_deref().is_some_and(|sql| sql.contains(name)), "{name} has no example");
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/slt/{folder}/{name}.slt"));
        assert!(tests.is_file(), "{} does not exist", tests.display());
    }

    #[test]
    fn every_function_is_documented_and_tested() {
        for function in clean::all() {
            check(function.name(), function.signature(), function.documentation(), "clean");
        }
        for function in merge::scalars() {
            check(function.name(), function.signature(), function.documentation(), "merge");
        }
        for function in aggregates() {
            check(function.name(), function.signature(), function.documentation(), "merge");
        }
        for function in windows() {
            check(function.name(), function.signature(), function.documentation(), "clean");
        }
    }

    #[test]
    fn registers_without_an_engine_and_each_name_once() {
        let mut registry = MemoryFunctionRegistry::new();
        register(&mut registry).unwrap();
        let names: HashSet<String> =
            registry.udfs().into_iter().chain(registry.udafs()).chain(registry.udwfs()).collect();
        let ranked = pg::ranking::functions().len() + pg::lagging::functions().len();
        assert_eq!(names.len(), scalars().len() + postgres().len() + aggregates().len() + windows().len() + ranked);
        assert!(names.contains("normalize_email"));
    }
}
