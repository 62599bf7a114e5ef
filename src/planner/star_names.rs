//! `t.*` where FROM has `s.t` without another name: the planner knows such a table by its whole name alone.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, VisitMut,
};

use super::own_level;

/// Gives the stars of a SELECT the whole names of their tables.
pub(super) fn qualify(select: &mut Select) {
    let mut names = Names::default();
    for table in &select.from {
        names.of_joined(table);
    }
    if names.whole.is_empty() {
        return;
    }
    for item in &mut select.projection {
        if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item {
            names.complete(name);
        }
    }
    names.complete_arguments(&mut select.projection);
    names.complete_arguments(&mut select.having);
}

/// The tables of a FROM.
#[derive(Default)]
struct Names {
    /// Those that are called by a name with a schema.
    whole: Vec<ObjectName>,
    /// The plain names of all others.
    plain: Vec<String>,
}

impl Names {
    fn of_joined(&mut self, table: &TableWithJoins) {
        self.of(&table.relation);
        table.joins.iter().for_each(|join| self.of(&join.relation));
    }

    fn of(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, alias: None, args: None, .. } => match name.0.as_slice() {
                [one] => self.plain.extend(one.as_ident().map(folded)),
                _ => self.whole.push(name.clone()),
            },
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. } => self.plain.push(folded(&alias.name)),
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.of_joined(table_with_joins),
            _ => {}
        }
    }

    /// Puts a table's whole name in the place of its last part, where one table alone is called by it.
    fn complete(&self, name: &mut ObjectName) {
        let [part] = name.0.as_slice() else { return };
        let Some(wanted) = part.as_ident().map(folded).filter(|wanted| !self.plain.contains(wanted)) else { return };
        let last = |whole: &&ObjectName| whole.0.last().and_then(|part| part.as_ident()).map(folded);
        let mut found = self.whole.iter().filter(|whole| last(whole).as_ref() == Some(&wanted));
        if let (Some(whole), None) = (found.next(), found.next()) {
            *name = whole.clone();
        }
    }

    /// The same for `count(t.*)`; not in subqueries, which have a FROM of their own.
    fn complete_arguments(&self, part: &mut impl VisitMut) {
        let _ = own_level::visit_mut::<()>(part, |expr| {
            if let Expr::Function(function) = expr
                && let FunctionArguments::List(list) = &mut function.args
            {
                for argument in &mut list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = argument {
                        self.complete(name);
                    }
                }
            }
            ControlFlow::Continue(())
        });
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::{SetExpr, Statement};
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    fn qualified(sql: &str) -> String {
        let mut parsed = Parser::parse_sql(&PgDialect, sql).unwrap();
        let Some(Statement::Query(query)) = parsed.first_mut() else { panic!("{sql}") };
        let SetExpr::Select(select) = query.body.as_mut() else { panic!("{sql}") };
        qualify(select);
        select.to_string()
    }

    #[test]
    fn stars_have_whole_names() {
        for (sql, expected) in [
            ("SELECT t.*, 1 FROM s.t", "SELECT s.t.*, 1 FROM s.t"),
            ("SELECT T.*, u.* FROM s.t JOIN u ON true", "SELECT s.t.*, u.* FROM s.t JOIN u ON true"),
            ("SELECT count(t.*) FROM (s.t CROSS JOIN s.u)", "SELECT count(s.t.*) FROM (s.t CROSS JOIN s.u)"),
            ("SELECT t.* FROM s.t AS x, s.t AS t", "SELECT t.* FROM s.t AS x, s.t AS t"),
            ("SELECT t.* FROM a.t, b.t", "SELECT t.* FROM a.t, b.t"),
            ("SELECT \"T\".* FROM s.t", "SELECT \"T\".* FROM s.t"),
        ] {
            assert_eq!(qualified(sql), expected, "{sql}");
        }
    }
}
