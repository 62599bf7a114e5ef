//! By what a plan is found again.

use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use crate::catalog::types::PgType;

/// A query with all that its plan depends on but the state of the catalog. Two that are equal have the same plan: the
/// query is compared as it was parsed, letter by letter in what it names and holds, not as it would be printed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Asked {
    /// The query. Literals that were taken out are parameters, numbered after the client's.
    pub query: SqlStatement,
    /// For each literal that was taken out, whether it was written as a number.
    pub numbers: Vec<bool>,
    /// The types of the client's parameters.
    pub kinds: Vec<PgType>,
    /// The settings that are not as they are at first.
    pub settings: Vec<(String, String)>,
    /// Through whose eyes names are resolved.
    pub role: String,
}

/// A query that a client wants to know the columns of, with the types that it gave the parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct DescribedKey {
    /// The query.
    pub query: SqlStatement,
    /// The types that the client gave.
    pub hints: Vec<Option<PgType>>,
    /// The settings that are not as they are at first.
    pub settings: Vec<(String, String)>,
    /// Through whose eyes names are resolved.
    pub role: String,
}
