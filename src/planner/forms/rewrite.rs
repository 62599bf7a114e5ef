//! One walk over a statement, which hands each form to the file that knows it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Query, Select, SetExpr, SetOperator, SetQuantifier, Statement, TableFactor,
    Value, VisitMut, VisitorMut,
};

use super::call::{self, call, literal};
use super::{
    aggregate, any_of, day_words, elements, fetch, interval_fields, interval_parts, json_records, json_sets, like,
    one_list, overlaps, precision, prefixes, repeated_keys, row_comparisons, rows, series, sets, substring, using,
    values, whole_rows, windows,
};
use crate::error::{Error, Result};
use crate::functions::pg::pattern::of_operator;
use crate::functions::pg::{ARRAY_ROWS, date_part, lagging, to_number};

/// Rewrites every form in a statement. What Postgres has and cannot be had here is refused (0A000); a pattern or an
/// escape that is none is 22025.
pub fn rewrite(statement: &mut DfStatement) -> Result<()> {
    match statement {
        DfStatement::Statement(sql) => {
            let inserts = matches!(sql.as_ref(), Statement::Insert(_));
            let mut forms = Forms { inserts, inserted: inserts };
            match VisitMut::visit(sql.as_mut(), &mut forms) {
                ControlFlow::Break(error) => Err(error),
                ControlFlow::Continue(()) => Ok(()),
            }
        }
        DfStatement::Explain(explain) => rewrite(&mut explain.statement),
        _ => Ok(()),
    }
}

struct Forms {
    /// Whether the statement is an INSERT.
    inserts: bool,
    /// Whether the next query is what an INSERT inserts: its values have the types of the table's columns.
    inserted: bool,
}

impl VisitorMut for Forms {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                ControlFlow::Break(
                    Error::unsupported("TABLESAMPLE is not supported")
                        .with_hint("Filter on a hash of the key, as in WHERE left(md5(id::text), 1) = '0'."),
                )
            }
            factor => {
                json_records::unfold(factor);
                json_sets::unnest(factor);
                series::name_column(factor);
                json_sets::number_rows(factor);
                if let TableFactor::UNNEST { array_exprs, .. } = factor {
                    array_exprs.iter_mut().for_each(elements::flattened);
                    array_exprs.iter_mut().for_each(elements::called);
                }
                match factor {
                    // The planner forgets it, and the column would be missing.
                    TableFactor::Table { with_ordinality: true, .. }
                    | TableFactor::Function { with_ordinality: true, .. }
                    | TableFactor::UNNEST { with_ordinality: true, .. } => ControlFlow::Break(ordinality()),
                    _ => ControlFlow::Continue(()),
                }
            }
        }
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if let Err(error) = windows::write_out_order(query) {
            return ControlFlow::Break(error);
        }
        if !std::mem::take(&mut self.inserted) {
            values::typed(&mut query.body);
            if self.inserts {
                values::as_selects(&mut query.body);
            }
        }
        whole_rows::mark_order(query);
        flow(using::merged_columns(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        whole_rows::mark(select);
        series::unnest_items(&mut select.projection);
        flow(windows::write_out(select))
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        sets::spell_out(&mut select.group_by);
        any_of::unmark_conditions(select);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if takes_away_all(&query.body) {
            return ControlFlow::Break(
                Error::unsupported("INTERSECT ALL and EXCEPT ALL are not supported")
                    .with_hint("Number the equal rows with row_number() in both queries, and leave out ALL."),
            );
        }
        repeated_keys::take_out(query);
        flow(fetch::limit(query))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        // U&'\00e9' is read by now, and a text like others.
        if let Expr::Value(literal) = expr
            && let Value::UnicodeStringLiteral(text) = &mut literal.value
        {
            literal.value = Value::SingleQuotedString(std::mem::take(text));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        flow(expression(expr))
    }
}

/// Whether rows are taken away one by one: the planner would take all that are equal.
fn takes_away_all(body: &SetExpr) -> bool {
    let mut body = body;
    while let SetExpr::SetOperation { op, set_quantifier, left, right } = body {
        if *op != SetOperator::Union && *set_quantifier == SetQuantifier::All || takes_away_all(right) {
            return true;
        }
        body = left.as_ref();
    }
    false
}

fn ordinality() -> Error {
    Error::unsupported("WITH ORDINALITY is not supported for this function")
        .with_hint("Number the rows with row_number() OVER (ORDER BY ..).")
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// Rewrites a call that was made of a function in FROM, whose arguments are rewritten already.
pub(super) fn called(call: &mut Expr) -> Result<()> {
    expression(call)
}

fn expression(expr: &mut Expr) -> Result<()> {
    prefixes::written_out(expr);
    rows::as_in(expr);
    row_comparisons::by_field(expr)?;
    overlaps::called(expr)?;
    elements::in_values(expr)?;
    elements::operators(expr)?;
    elements::cast(expr);
    day_words::meant(expr);
    interval_fields::cut(expr);
    precision::rounded(expr);
    if elements::like(expr)? {
        return Ok(());
    }
    match expr {
        Expr::AtTimeZone { timestamp, time_zone } => {
            *expr = call("timezone", vec![call::take(time_zone), call::take(timestamp)]);
        }
        Expr::SimilarTo { .. } => return like::similar(expr),
        Expr::InSubquery { .. } => rows::in_subquery(expr),
        Expr::Extract { field, expr: of, .. } => {
            let field = field.to_string().trim_matches(['\'', '"']).to_lowercase();
            *expr = call(date_part::of_extract(&field), vec![call::text(field), call::take(of)]);
        }
        Expr::Like { .. } | Expr::ILike { .. } => return like::like(expr),
        // `x = ANY('{1,2}')`: the literal is an array of whatever x is.
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } if literal(right).is_some() => {
            let array = call("onerow_array_of", vec![(**left).clone(), call::take(right)]);
            **right = array;
            any_of::mark(expr);
        }
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            rows::set_aside(right);
            any_of::mark(expr);
        }
        Expr::Array(array) => values::typed_elements(&mut array.elem),
        Expr::BinaryOp { left, op: BinaryOperator::PGStartsWith, right } => {
            *expr = call("starts_with", vec![call::take(left), call::take(right)]);
        }
        Expr::BinaryOp {
            op:
                BinaryOperator::PGRegexMatch
                | BinaryOperator::PGRegexNotMatch
                | BinaryOperator::PGRegexIMatch
                | BinaryOperator::PGRegexNotIMatch,
            right,
            ..
        } => patterns(right),
        Expr::Collate { .. } => {
            return Err(Error::unsupported("COLLATE is not supported").with_hint("Text compares and sorts by bytes."));
        }
        Expr::Subquery(query) => {
            if let Some(list) = one_list::of_aggregate(query) {
                let length = call("array_length", vec![list.clone(), number(1)]);
                let some =
                    Expr::BinaryOp { left: Box::new(length), op: BinaryOperator::Gt, right: Box::new(number(0)) };
                *expr = when(some, list);
            }
        }
        Expr::Substring { .. } => substring::called(expr),
        Expr::CompoundFieldAccess { root, access_chain } => fields(root, access_chain),
        Expr::Identifier(ident)
            if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("localtimestamp") =>
        {
            *expr = local_timestamp();
        }
        Expr::QualifiedWildcard(name, _) => return Err(whole_rows::no_row_here(&name.to_string())),
        Expr::Function(function) => {
            whole_rows::refuse_counted(function)?;
            windows::check(function.over.as_ref())?;
            aggregate::constant_orders(function);
            interval_parts::in_order(function);
            if let Some(replaced) = replaced(function) {
                *expr = replaced;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A pattern in quotes as a regular expression of this program.
fn patterns(pattern: &mut Expr) {
    if let Some(written) = literal(pattern) {
        *pattern = call::text(of_operator(written));
    }
}

/// `(value).field`: the planner wants the name of a struct's field as a text. What follows a bare name, as in
/// `t.tags[1]`, is part of the column's name up to the first subscript.
fn fields(root: &Expr, chain: &mut [AccessExpr]) {
    let mut of_value = !matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    for access in chain {
        match access {
            AccessExpr::Subscript(_) => of_value = true,
            AccessExpr::Dot(field) if of_value => {
                if let Expr::Identifier(ident) = &*field {
                    let quoted = ident.quote_style.is_some();
                    *field = call::text(if quoted { ident.value.clone() } else { ident.value.to_lowercase() });
                }
            }
            AccessExpr::Dot(_) => {}
        }
    }
}

fn local_timestamp() -> Expr {
    call("onerow_local_time", vec![call("now", vec![])])
}

/// What stands for a call, or none when it stays. Calls that are only named otherwise are renamed in place.
fn replaced(function: &mut Function) -> Option<Expr> {
    match call::folded(&function.name)?.as_str() {
        "localtimestamp" => Some(precision::of_clock(function, local_timestamp()).unwrap_or_else(local_timestamp)),
        "current_timestamp" => precision::of_clock(function, call("now", vec![])),
        // There is one moment for a statement; a transaction's is the same, see `now()`.
        "statement_timestamp" | "transaction_timestamp" => {
            function.name = call::name_of("now");
            None
        }
        "variance" => {
            function.name = call::name_of("var_samp");
            None
        }
        "ceiling" => {
            function.name = call::name_of("ceil");
            None
        }
        "every" => {
            function.name = call::name_of("bool_and");
            None
        }
        "mod" => {
            let mut arguments = call::plain_arguments(function)?.into_iter();
            let (left, right) = (arguments.next()?, arguments.next()?);
            if arguments.next().is_some() {
                return None;
            }
            let operation = Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(call::take(left)))),
                op: BinaryOperator::Modulo,
                right: Box::new(Expr::Nested(Box::new(call::take(right)))),
            };
            Some(Expr::Nested(Box::new(operation)))
        }
        "substring" => {
            substring::rename(function);
            None
        }
        "array" => match std::mem::replace(&mut function.args, FunctionArguments::None) {
            FunctionArguments::Subquery(rows) => Some(match one_list::of_elements(&rows) {
                Some(list) => call("onerow_all_rows", vec![list]),
                None => call(ARRAY_ROWS, vec![Expr::Subquery(rows)]),
            }),
            args => {
                function.args = args;
                None
            }
        },
        // They are numbers without a sign there, and an empty array has no dimension.
        "array_length" => {
            call::plain_arguments(function)?;
            Some(integer(call("nullif", vec![Expr::Function(function.clone()), number(0)])))
        }
        "array_ndims" => {
            let [array]: [&mut Expr; 1] = call::plain_arguments(function)?.try_into().ok()?;
            let length = call("array_length", vec![array.clone(), number(1)]);
            let some = Expr::BinaryOp { left: Box::new(length), op: BinaryOperator::Gt, right: Box::new(number(0)) };
            Some(integer(when(some, Expr::Function(function.clone()))))
        }
        "cardinality" | "array_position" => {
            call::plain_arguments(function)?;
            Some(integer(Expr::Function(function.clone())))
        }
        // What is rounded to so many digits is of a type with as many: a cast of the number says nothing.
        "round" => {
            let digits = call::plain_arguments(function)?.into_iter().nth(1)?;
            if let Some(number) = call::number_under_casts(digits) {
                *digits = number;
            }
            None
        }
        // DataFusion's own take constants.
        name @ ("lag" | "lead") => {
            if let (Some(_), FunctionArguments::List(list)) = (&function.over, &function.args)
                && (list.args.iter().skip(1).any(series::has_names)
                    || list.args.get(1).is_some_and(|offset| is_null(offset) || any_of::has_parameter(offset)))
            {
                function.name = call::name_of(if name == "lag" { lagging::LAG } else { lagging::LEAD });
            }
            None
        }
        "regexp_like" | "regexp_count" | "regexp_instr" => {
            if let Some(pattern) = call::plain_arguments(function)?.into_iter().nth(1) {
                patterns(pattern);
            }
            None
        }
        "unnest" => {
            call::plain_arguments(function)?.into_iter().for_each(elements::flattened);
            None
        }
        // It counts digits exactly, where the logarithm to a base that is given comes near.
        "log" => {
            if call::plain_arguments(function)?.len() == 1 {
                function.name = call::name_of("log10");
            }
            None
        }
        // A template in quotes says how many digits the number has.
        "to_number" => {
            let [given, template] = <[&mut Expr; 2]>::try_from(call::plain_arguments(function)?).ok()?;
            let (precision, scale) = to_number::digits_of(literal(template).filter(|text| !text.is_empty())?)?;
            let digits = ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into());
            let text = call(to_number::AS_TEXT, vec![call::take(given), call::take(template)]);
            Some(cast(text, DataType::Numeric(digits)))
        }
        name => aggregate::over_array(name, function),
    }
}

/// Whether an argument is NULL as it is written.
fn is_null(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else { return false };
    let mut expr = expr;
    while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
        expr = inner;
    }
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

fn number(value: u32) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

fn integer(expr: Expr) -> Expr {
    cast(expr, DataType::Integer(None))
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(expr), data_type, array: false, format: None }
}

/// `CASE WHEN condition THEN result END`
fn when(condition: Expr, result: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: None,
    }
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;
    use crate::error::{Error, SqlState};

    fn rewritten(sql: &str) -> Result<String, Error> {
        let statement = script::parse(sql)?.pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{sql} is no query") };
        super::rewrite(&mut parsed)?;
        Ok(parsed.to_string())
    }

    #[test]
    fn forms_become_what_the_planner_knows() {
        for (sql, becomes) in [
            ("SELECT a AT TIME ZONE 'UTC' FROM t", "SELECT timezone('UTC', a) FROM t"),
            ("SELECT a FROM t FETCH FIRST ROW ONLY", "SELECT a FROM t LIMIT 1"),
            (
                "SELECT a + 1 AS b FROM t ORDER BY B DESC OFFSET 2 FETCH NEXT 3 ROWS WITH TIES",
                "SELECT * EXCEPT (\"\u{1}rank\") FROM (SELECT a + 1 AS b, rank() OVER (ORDER BY (a + 1) DESC) AS \"\u{1}rank\" \
                 FROM t) AS \"\u{1}ties\" WHERE \"\u{1}rank\" <= ((3) + (2)) ORDER BY \"\u{1}rank\" OFFSET 2",
            ),
            ("SELECT a FROM t OFFSET 2 FETCH NEXT 3 ROWS ONLY", "SELECT a FROM t LIMIT 3 OFFSET 2"),
            ("SELECT a FROM t WHERE a = ANY('{1}')", "SELECT a FROM t WHERE a = ANY(onerow_array_of(a, '{1}'))"),
            ("SELECT mod(a + 1, 2) FROM t", "SELECT ((a + 1) % (2)) FROM t"),
            ("SELECT a LIKE 'x#_%' ESCAPE '#' FROM t", "SELECT a LIKE 'x\\_%' FROM t"),
            ("SELECT a NOT SIMILAR TO 'x%' FROM t", "SELECT a !~ onerow_similar_pattern('x%', '\\') FROM t"),
            ("SELECT substring(a FROM 'o.b') FROM t", "SELECT onerow_substring(a, 'o.b') FROM t"),
            ("SELECT substring(a FROM 2) FROM t", "SELECT substr(a, 2) FROM t"),
            (
                "SELECT json_agg(a ORDER BY b) FROM t",
                "SELECT onerow_json_agg(array_agg(onerow_json_element(a) ORDER BY b)) FROM t",
            ),
            ("SELECT array_agg(a ORDER BY 1, b) FROM t", "SELECT array_agg(a ORDER BY (1), b) FROM t"),
            ("SELECT mode() WITHIN GROUP (ORDER BY a) FROM t", "SELECT onerow_mode(array_agg(a ORDER BY a)) FROM t"),
            ("SELECT (newest(a, b)).City FROM t", "SELECT (newest(a, b)).'city' FROM t"),
            ("SELECT (t.a).\"City\" FROM t", "SELECT (t.a).'City' FROM t"),
            ("SELECT t.a[1].b FROM t", "SELECT t.a[1].'b' FROM t"),
            ("SELECT extract(epoch FROM a) FROM t", "SELECT onerow_extract('epoch', a) FROM t"),
            ("SELECT extract(year FROM a) FROM t", "SELECT date_part('year', a) FROM t"),
            ("SELECT g FROM generate_series(1, 2) g", "SELECT g FROM generate_series(1, 2) g (g)"),
            (
                "SELECT * FROM generate_series(1, 2)",
                "SELECT * FROM generate_series(1, 2) AS generate_series (generate_series)",
            ),
            (
                "SELECT * FROM t, generate_series(1, t.n) AS g",
                "SELECT * FROM t, UNNEST(generate_series(1, t.n)) AS g (g)",
            ),
            (
                "SELECT * FROM t, LATERAL unnest(t.a, t.b) WITH ORDINALITY AS x(a)",
                "SELECT * FROM t, UNNEST(t.a, t.b, onerow_ordinals(t.a, t.b)) AS x (a, unnest\u{1}1, ordinality)",
            ),
            (
                "SELECT * FROM jsonb_each(d) WITH ORDINALITY AS e",
                "SELECT * FROM UNNEST(onerow_jsonb_names(d), onerow_jsonb_values(d), onerow_ordinals(onerow_jsonb_names(d), \
                 onerow_jsonb_values(d))) AS e (key, value, ordinality)",
            ),
            (
                "SELECT string_to_table(a, ','), w FROM t, regexp_split_to_table(b, ' ') AS w",
                "SELECT unnest(onerow_string_parts(a, ',')), w FROM t, UNNEST(regexp_split_to_array(b, ' ')) AS w (w)",
            ),
            (
                "SELECT E, e ->> 'a', f FROM t LEFT JOIN jsonb_array_elements(t.d) AS e ON e <> 'null', json_array_elements(x) f(v)",
                "SELECT 'e' OPERATOR(onerow_row) 'value' AS \"e\", 'e' OPERATOR(onerow_row) 'value' ->> 'a', f FROM t LEFT JOIN \
                 UNNEST(onerow_jsonb_elements(t.d)) AS e (value) ON 'e' OPERATOR(onerow_row) 'value' <> 'null', \
                 UNNEST(onerow_json_elements(x)) f (v)",
            ),
            ("SELECT generate_series(1, 2) AS n", "SELECT unnest(generate_series(1, 2)) AS n"),
            (
                "SELECT a FROM t WHERE (a, b) IN (SELECT c, d FROM u)",
                "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM (SELECT c AS \"\u{1}0\", d AS \"\u{1}1\" FROM u) \
                 AS \"\u{1}rows\" (\"\u{1}0\", \"\u{1}1\") WHERE (a) = \"\u{1}rows\".\"\u{1}0\" AND (b) = \"\u{1}rows\".\"\u{1}1\")",
            ),
            (
                "SELECT a FROM t WHERE a > ANY (SELECT a FROM t)",
                "SELECT a FROM t WHERE a > ANY(SELECT * FROM (SELECT a FROM t) AS \"\u{1}rows\")",
            ),
            ("TABLE t", "SELECT * FROM t"),
            (
                "SELECT to_json(T), a, count(t) FROM s.t ORDER BY json_build_array(t)",
                "SELECT to_json('t' OPERATOR(onerow_row) false), a, count('t' OPERATOR(onerow_row) false) FROM s.t \
                 ORDER BY json_build_array(t)",
            ),
            (
                "SELECT count(x.*), count(DISTINCT x) FROM t LEFT JOIN s.u AS X ON x.a = t.a",
                "SELECT count('\u{1}x' OPERATOR(onerow_row) '\u{1}there'), count(DISTINCT 'x' OPERATOR(onerow_row) true) \
                 FROM t LEFT JOIN (SELECT *, true AS \"\u{1}there\" FROM s.u AS X) AS X ON x.a = t.a",
            ),
            (
                "SELECT *, count(x.*) OVER () FROM t LEFT JOIN x ON x.a = t.a",
                "SELECT *, count('\u{1}x' OPERATOR(onerow_row) true) OVER () FROM t LEFT JOIN x ON x.a = t.a",
            ),
            (
                "SELECT t FROM t LEFT JOIN (SELECT row_to_json(u.*) FROM u) AS x ON x.a = t.a",
                "SELECT 't' OPERATOR(onerow_row) false AS \"t\" FROM t LEFT JOIN (SELECT row_to_json('u' \
                 OPERATOR(onerow_row) false) FROM u) AS x ON x.a = t.a",
            ),
            (
                "SELECT to_json(x) FROM t LEFT JOIN x ON true, unnest(a) AS g WHERE to_json(g) IS NULL",
                "SELECT to_json('x' OPERATOR(onerow_row) true) FROM t LEFT JOIN x ON true, UNNEST(a) AS g (g) \
                 WHERE to_json(g) IS NULL",
            ),
            (
                "VALUES (date '2001-01-01', 'a'), ('2002-02-02', NULL), (NULL, 1)",
                "VALUES (DATE '2001-01-01', 'a'), (CAST('2002-02-02' AS DATE), NULL), (CAST(NULL AS DATE), 1)",
            ),
            ("VALUES (NULL), ('1'::jsonb)", "VALUES (CAST(NULL AS JSONB)), ('1'::JSONB)"),
            ("VALUES (DATE '2001-01-01'), (now()), ('x')", "VALUES (DATE '2001-01-01'), (now()), ('x')"),
            ("VALUES (1::int), (2::bigint), ('3')", "VALUES (1::INT), (2::BIGINT), ('3')"),
            ("INSERT INTO t VALUES (DATE '2001-01-01'), ('x')", "INSERT INTO t VALUES (DATE '2001-01-01'), ('x')"),
            (
                "SELECT ARRAY(SELECT b FROM u ORDER BY b) FROM t",
                "SELECT onerow_array_rows((SELECT b FROM u ORDER BY b)) FROM t",
            ),
            (
                "SELECT ARRAY(SELECT jsonb_array_elements_text(d -> 'a')) FROM t",
                "SELECT onerow_all_rows(onerow_jsonb_element_texts(d -> 'a')) FROM t",
            ),
            (
                "SELECT ARRAY(SELECT E FROM jsonb_array_elements(d) e), ARRAY(SELECT value FROM json_array_elements(d)) FROM t",
                "SELECT onerow_all_rows(onerow_jsonb_elements(d)), onerow_all_rows(onerow_json_elements(d)) FROM t",
            ),
            (
                "SELECT (SELECT array_agg(w) FROM string_to_table(a, ',') AS w) FROM t",
                "SELECT CASE WHEN array_length(onerow_string_parts(a, ','), 1) > 0 THEN onerow_string_parts(a, ',') END FROM t",
            ),
            (
                "SELECT ARRAY(SELECT (e ->> 'n')::int FROM jsonb_array_elements(d -> 'a') e) FROM t",
                "SELECT onerow_all_rows(onerow_jsonb_element_member_texts(d -> 'a', 'n')::INT[]) FROM t",
            ),
            (
                "SELECT ARRAY(SELECT e FROM jsonb_array_elements(d) e LIMIT 1) FROM t",
                "SELECT onerow_array_rows((SELECT 'e' OPERATOR(onerow_row) 'value' AS \"e\" FROM \
                 UNNEST(onerow_jsonb_elements(d)) e (value) LIMIT 1)) FROM t",
            ),
            ("SELECT array_length(a, 1) FROM t", "SELECT nullif(array_length(a, 1), 0)::INTEGER FROM t"),
            (
                "SELECT * FROM x JOIN y USING (a)",
                "SELECT x.a AS \"a\", x.* EXCEPT (\"a\"), y.* EXCEPT (\"a\") FROM x JOIN y ON x.a = y.a",
            ),
            (
                "SELECT a, v FROM x FULL JOIN s.y USING (a) WHERE a > 1 ORDER BY a, a + 1",
                "SELECT coalesce(x.a, s.y.a) AS \"a\", v FROM x FULL JOIN s.y ON x.a = s.y.a \
                 WHERE coalesce(x.a, s.y.a) > 1 ORDER BY a, coalesce(x.a, s.y.a) + 1",
            ),
            (
                "SELECT max(a) FROM x RIGHT JOIN y USING (a) FULL JOIN z USING (a) WHERE v IN (SELECT a FROM t)",
                "SELECT max(coalesce(y.a, z.a)) FROM x RIGHT JOIN y ON x.a = y.a FULL JOIN z ON y.a = z.a \
                 WHERE v IN (SELECT a FROM t)",
            ),
            ("SELECT a FROM x JOIN y USING (a)", "SELECT a FROM x JOIN y USING(a)"),
            ("SELECT * FROM x NATURAL JOIN y", "SELECT * FROM x NATURAL JOIN y"),
            ("SELECT 1 UNION ALL (TABLE t)", "SELECT 1 UNION ALL (SELECT * FROM t)"),
        ] {
            assert_eq!(rewritten(sql).unwrap(), becomes);
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (sql, state) in [
            ("SELECT a FROM t TABLESAMPLE SYSTEM (10)", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT * FROM json_to_record('{}') WITH ORDINALITY AS r(a int)", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT a FROM t ORDER BY a COLLATE \"C\"", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT * FROM t, LATERAL f(1) WITH ORDINALITY AS g (v, n)", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT a FROM t FETCH FIRST 1 ROWS WITH TIES", SqlState::SYNTAX_ERROR),
            ("SELECT *, a FROM t ORDER BY 2 FETCH FIRST 1 ROWS WITH TIES", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT * FROM x NATURAL FULL JOIN y", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT v FROM x JOIN y ON x.a = y.b RIGHT JOIN z USING (a)", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT a FROM t EXCEPT ALL SELECT b FROM u", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT a FROM t INTERSECT ALL SELECT b FROM u UNION SELECT 1", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT a LIKE 'x\\' FROM t", SqlState("22025")),
            ("SELECT a LIKE 'x' ESCAPE 'ab' FROM t", SqlState("22025")),
        ] {
            assert_eq!(rewritten(sql).unwrap_err().state(), state, "{sql}");
        }
    }
}
