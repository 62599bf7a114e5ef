//! Parses a statement over the catalog and applies every change in its order.

use datafusion::sql::sqlparser::ast::{Statement, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion_pg_catalog::sql::rules::{
    FixArrayLiteral, RewritePgCatalogOperator, SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use super::casts::{self, Casts};
use super::empty::Empty;
use super::expanded::Expanded;
use super::naming::Naming;
use super::scope::TableOid;
use super::spelling::Spelling;
use super::subqueries::Subqueries;
use crate::ddl::dialect::PgDialect;
use crate::error::{Error, Result};

/// Parses statements that [`super::mentions_catalog`], and brings them into what DataFusion plans. A statement that
/// does not parse is 42601, with its position in `sql`.
pub fn parse_catalog_query(sql: &str) -> Result<Vec<Statement>> {
    let parsed = Parser::parse_sql(&PgDialect, sql).map_err(|error| syntax_error(sql, error))?;
    Ok(parsed.into_iter().map(rewrite).collect())
}

/// Brings one parsed statement into what DataFusion plans.
pub fn rewrite(mut statement: Statement) -> Statement {
    // Names come from what the client wrote, so they are given first.
    visit(&mut statement, Naming);
    let before: [&dyn SqlStatementRewriteRule; 3] = [&StripCallableQualifier, &StripCollate, &RewritePgCatalogOperator];
    for rule in before {
        statement = rule.rewrite(statement);
    }
    let expanded = Expanded::of(&statement);
    visit(&mut statement, expanded);
    visit(&mut statement, Spelling::default());
    if let Statement::Query(query) = &mut statement {
        casts::name_results(query);
    }
    visit(&mut statement, Empty);
    visit(&mut statement, TableOid::default());
    visit(&mut statement, Subqueries);
    visit(&mut statement, Casts);
    // It reads plain type names only, so it comes after the casts.
    FixArrayLiteral.rewrite(statement)
}

fn visit(statement: &mut Statement, mut visitor: impl VisitorMut<Break = ()>) {
    // None of the visitors breaks.
    let _ = statement.visit(&mut visitor);
}

fn syntax_error(sql: &str, error: ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return Error::new(crate::error::SqlState::STATEMENT_TOO_COMPLEX, "statement is nested too deeply");
        }
    };
    let (text, position) = match message.split_once(" at Line: ") {
        Some((text, place)) => (text.to_string(), position(sql, place)),
        None => (message, None),
    };
    Error::syntax(format!("syntax error: {}", text.trim_end_matches('.')), position)
}

/// The 1-based character offset of `LINE, Column: COLUMN`.
fn position(sql: &str, place: &str) -> Option<usize> {
    let (line, column) = place.split_once(", Column: ")?;
    let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
    let (line, column): (usize, usize) = (line.trim().parse().ok()?, column.get(..digits)?.parse().ok()?);
    let before: usize = sql.split('\n').take(line.checked_sub(1)?).map(|line| line.chars().count() + 1).sum();
    Some(before + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        let statements = parse_catalog_query(sql).unwrap();
        statements.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn casts_to_reg_types() {
        assert_eq!(
            rewritten("SELECT 'customer'::pg_catalog.regclass::pg_catalog.oid"),
            "SELECT onerow_reg_in('regclass', 'customer') AS \"oid\""
        );
        assert_eq!(
            rewritten("SELECT c.oid::pg_catalog.regclass FROM pg_class c WHERE c.oid = 'a'::regclass"),
            "SELECT onerow_reg_out('regclass', c.oid) AS \"oid\" FROM pg_catalog.pg_class c \
             WHERE c.oid = onerow_reg_in('regclass', 'a')"
        );
        assert_eq!(
            rewritten("SELECT t.oid::regtype::text AS x FROM pg_catalog.pg_type t WHERE t.typinput = 'a'::regproc"),
            "SELECT onerow_reg_out('regtype', t.oid) AS x FROM pg_catalog.pg_type t \
             WHERE t.typinput = onerow_reg_out('regproc', 'a')"
        );
    }

    #[test]
    fn calls_that_give_reg_types() {
        assert_eq!(
            rewritten("SELECT to_regclass('a'), to_regtype('b')::oid, pg_typeof('a'::regclass)"),
            "SELECT onerow_reg_out('regclass', to_regclass('a')) AS \"to_regclass\", \
             onerow_reg_in('regtype', to_regtype('b')) AS \"to_regtype\", 'regclass' AS \"pg_typeof\""
        );
        assert_eq!(
            rewritten("SELECT relname, relname FROM pg_class WHERE oid = to_regclass('a')"),
            "SELECT relname, relname AS \"relname\u{1}2\" FROM pg_catalog.pg_class WHERE oid = to_regclass('a')"
        );
    }

    #[test]
    fn arrays_of_reg_types() {
        assert_eq!(
            rewritten("SELECT coalesce(proallargtypes::regtype[], p.proargtypes::regtype[])::text[] FROM pg_proc p"),
            "SELECT coalesce(onerow_reg_names('regtype', proallargtypes), onerow_reg_names('regtype', p.proargtypes))\
             ::TEXT[] AS \"coalesce\" FROM pg_catalog.pg_proc p"
        );
    }

    #[test]
    fn spelling_of_psql() {
        assert_eq!(
            rewritten(
                "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(a)$' \
                 COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid)"
            ),
            "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname ~ '^(a)$' AND pg_table_is_visible(c.oid)"
        );
        assert_eq!(rewritten("SELECT current_user"), "SELECT current_user() AS \"current_user\"");
        assert_eq!(
            rewritten("SELECT d.oid FROM pg_description d, pg_class c WHERE d.classoid = c.tableoid"),
            "SELECT d.oid FROM pg_catalog.pg_description d, pg_catalog.pg_class c WHERE d.classoid = 1259"
        );
    }

    #[test]
    fn spelling_of_sqlalchemy_and_psycopg() {
        assert_eq!(
            rewritten("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname NOT LIKE 'pg/_' || '%' ESCAPE '/'"),
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname NOT LIKE onerow_like_pattern('pg/_' || '%', '/')"
        );
        assert_eq!(
            rewritten("SELECT coalesce(a.names, '{}') AS names FROM pg_class c, a"),
            "SELECT onerow_or_empty(a.names) AS names FROM pg_catalog.pg_class c, a"
        );
    }

    #[test]
    fn arrays_as_text() {
        assert_eq!(
            rewritten("SELECT ix.indkey::varchar FROM pg_catalog.pg_index ix"),
            "SELECT array_to_string(ix.indkey, ' ')::VARCHAR AS \"indkey\" FROM pg_catalog.pg_index ix"
        );
        assert_eq!(
            rewritten("SELECT conname FROM pg_constraint WHERE conkey = '{1,2}'"),
            "SELECT conname FROM pg_catalog.pg_constraint WHERE conkey = CAST(ARRAY['1', '2'] AS SMALLINT[])"
        );
        assert!(
            rewritten("SELECT name FROM pg_catalog.pg_show_all_settings() s").contains("FROM pg_catalog.pg_settings s")
        );
    }

    #[test]
    fn empty_tables_give_their_columns() {
        assert_eq!(
            rewritten("SELECT pubname, NULL, NULL FROM pg_catalog.pg_publication p WHERE p.puballtables ORDER BY 1"),
            "SELECT CAST(NULL AS TEXT) AS \"pubname\", CAST(NULL AS TEXT) AS \"?column?\", \
             CAST(NULL AS TEXT) AS \"?column?\u{1}2\" WHERE false"
        );
        // There are no foreign keys, and none of what is asked about them is beyond DataFusion then.
        let foreign = "SELECT conname, unnest((SELECT array_agg(i) FROM unnest(fk.conkey) i)) AS c \
                       FROM pg_constraint fk JOIN pg_class t ON t.oid = fk.conrelid WHERE fk.contype = 'f'";
        assert_eq!(
            rewritten(foreign),
            "SELECT CAST(NULL AS TEXT) AS \"conname\", CAST(NULL AS TEXT) AS \"c\" WHERE false"
        );
        assert_eq!(
            rewritten("SELECT unnest(con.conkey) AS k FROM pg_constraint con WHERE contype = 'f'"),
            "SELECT CAST(NULL AS SMALLINT) AS \"k\" WHERE false"
        );
        let keys = "SELECT conname FROM pg_constraint c WHERE c.contype IN ('p', 'f')";
        assert!(rewritten(keys).contains("FROM pg_catalog.pg_constraint"));
        // A count over no rows is a row.
        assert!(rewritten("SELECT count(*) FROM pg_catalog.pg_policy").contains("FROM pg_catalog.pg_policy"));
        assert!(rewritten("SELECT 1 FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid").contains("pg_index"));
    }

    #[test]
    fn correlated_subqueries_aggregate() {
        let sql = rewritten(
            "SELECT (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d \
             WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) FROM pg_catalog.pg_attribute a",
        );
        assert_eq!(
            sql,
            "SELECT CASE WHEN a.atthasdef THEN (SELECT first_value(pg_get_expr(d.adbin, d.adrelid, true)) \
             AS \"value\" FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END \
             AS \"pg_get_expr\" FROM pg_catalog.pg_attribute a"
        );
        let options = rewritten(
            "SELECT array_to_string(ARRAY(SELECT quote_ident(option_name) || ' ' || quote_literal(option_value) \
             FROM pg_options_to_table(srvoptions)), ', ') AS o FROM pg_catalog.pg_foreign_server",
        );
        assert_eq!(
            options,
            "SELECT array_to_string(onerow_or_empty(onerow_options_shown(srvoptions)), ', ') AS o \
             FROM pg_catalog.pg_foreign_server"
        );
    }

    #[test]
    fn arrays_of_the_catalog_are_taken_apart() {
        assert_eq!(
            rewritten(
                "SELECT conname, k FROM pg_constraint AS con CROSS JOIN UNNEST(conkey) AS k \
                 JOIN pg_attribute a ON a.attnum = k ORDER BY k"
            ),
            "SELECT conname, \"con\".\"k.k\" AS \"k\" FROM (SELECT \"con\".*, unnest(\"con\".\"conkey\") AS \"k.k\" \
             FROM pg_catalog.pg_constraint AS \"con\") AS \"con\" \
             JOIN pg_catalog.pg_attribute a ON a.attnum = \"con\".\"k.k\" ORDER BY \"con\".\"k.k\""
        );
        let numbered = rewritten(
            "SELECT k.n FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) WHERE k.attnum > 0",
        );
        assert!(numbered.contains("AS BIGINT) AS \"k.n\" FROM pg_catalog.pg_index AS \"i\") AS \"i\""), "{numbered}");
        assert!(numbered.ends_with("WHERE \"i\".\"k.attnum\" > 0"), "{numbered}");
        let keys = rewritten(
            "SELECT r.seq FROM (SELECT (information_schema._pg_expandarray(i.indkey)).n AS seq, \
             information_schema._pg_expandarray(i.indkey) AS keys FROM pg_index i) r WHERE r.a = (r.keys).x",
        );
        assert!(keys.contains("unnest(i.indkey) AS keys") && keys.ends_with("WHERE r.a = r.\"keys\""), "{keys}");
        // A field of a value that is no expanded array stays one.
        let field = "SELECT (t.address).x AS x, current_user AS u FROM t";
        assert!(rewritten(field).contains("(t.address).x"), "{}", rewritten(field));
        // A join that keeps rows of the other side keeps them.
        let left = "SELECT 1 FROM pg_class c LEFT JOIN LATERAL unnest(c.relacl) AS a ON true";
        assert!(!rewritten(left).contains("\"a.a\""));
    }

    #[test]
    fn the_base_of_a_domain() {
        assert_eq!(
            rewritten(
                "SELECT (WITH RECURSIVE b(oid, depth) AS (SELECT t2.typbasetype AS oid, 0 AS depth FROM pg_type t2 \
                 WHERE t2.oid = t.oid UNION ALL SELECT t2.typbasetype AS oid, b.depth + 1 AS depth \
                 FROM pg_type t2, b WHERE b.oid = t2.oid) SELECT oid FROM b ORDER BY depth DESC LIMIT 1) AS x \
                 FROM pg_catalog.pg_type t"
            ),
            "SELECT t.typbasetype AS x FROM pg_catalog.pg_type t"
        );
    }

    #[test]
    fn a_syntax_error_has_its_position() {
        let error = parse_catalog_query("SELECT\n(1 pg_class").unwrap_err();
        assert_eq!(error.state(), crate::error::SqlState::SYNTAX_ERROR);
        assert_eq!(error.position(), Some(11));
    }

    #[test]
    fn every_query_of_psql_parses() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/psql");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let sql = std::fs::read_to_string(&path).unwrap();
            assert!(super::super::mentions_catalog(&sql), "{}", path.display());
            let after = rewritten(&sql);
            for left in
                ["s.tableoid", "c.tableoid", "ARRAY(", "OPERATOR(", "::pg_catalog", "COLLATE", "pg_options_to_table"]
            {
                assert!(!after.contains(left), "{}: {left} is left in {after}", path.display());
            }
            seen += 1;
        }
        assert!(seen > 50);
    }
}
