//! CREATE [OR REPLACE] MODEL .. FOR .. AS, DROP MODEL.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{Ddl, Model};
use crate::error::{Error, Result, SqlState};
use crate::models::TreeOptions;

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["CREATE", "MODEL"]) {
        return create(cursor, false).map(Some);
    }
    if cursor.take(&["CREATE", "OR", "REPLACE", "MODEL"]) {
        return create(cursor, true).map(Some);
    }
    if cursor.take(&["DROP", "MODEL"]) {
        let if_exists = cursor.if_exists();
        let names = cursor.names()?;
        return Ok(Some(Ddl::DropModel { names, if_exists, cascade: cursor.cascade() }));
    }
    Ok(None)
}

fn create(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Ddl> {
    let name = cursor.name()?;
    cursor.expect(&["FOR"])?;
    let position = Some(cursor.offset() + 1);
    if cursor.looking_at(&["MATCHER"]) {
        return Err(Error::unsupported("models for matchers are not supported yet").with_position(position));
    }
    let kind = cursor.identifier()?;
    if kind != "tree_choice" {
        return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("kind of model \"{kind}\" does not exist"))
            .with_hint("A model is made FOR tree_choice.")
            .with_position(position));
    }
    let options = if cursor.take(&["WITH"]) { options(cursor)? } else { TreeOptions::default() };
    cursor.expect(&["AS"])?;
    let begins = ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| cursor.looking_at(&[word]));
    if !begins && cursor.peek(0) != Some(&Token::LParen) {
        return Err(cursor.unexpected("a query"));
    }
    let (query, query_offset) = cursor.rest();
    while cursor.advance().is_some() && !cursor.at_end() {}
    let statement = cursor.text.trim().to_string();
    Ok(Ddl::CreateModel { model: Model { name, options, query, query_offset, statement }, or_replace })
}

/// `(label = 'correct', max_depth = 5, min_leaf = 5, holdout = 0.2, seed = 1)`
fn options(cursor: &mut Cursor<'_>) -> Result<TreeOptions> {
    const HINT: &str = "A model for tree_choice has label, max_depth, min_leaf, holdout and seed.";
    let mut options = TreeOptions::default();
    cursor.parameters(HINT, |cursor, name| {
        let wrong = |wanted: &str| Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("{name} must be {wanted}"));
        match name {
            "label" => options.label = cursor.string()?,
            "max_depth" => {
                let deepest = TreeOptions::DEEPEST;
                let depth = cursor.number()?.parse().ok().filter(|depth| (1..=deepest).contains(depth));
                options.max_depth = depth.ok_or_else(|| wrong(&format!("a whole number from 1 to {deepest}")))?;
            }
            "min_leaf" => {
                let rows = cursor.number()?.parse::<u32>().ok().filter(|rows| *rows > 0);
                options.min_leaf = rows.ok_or_else(|| wrong("a whole number from 1 on"))?.into();
            }
            "holdout" => {
                let share = cursor.number()?.parse::<f64>().ok().filter(|share| (0.0..1.0).contains(share));
                options.holdout = share.ok_or_else(|| wrong("a number from 0 to less than 1"))?;
            }
            "seed" => options.seed = cursor.number()?.parse().map_err(|_| wrong("a whole number"))?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn parsed(sql: &str) -> Result<Ddl> {
        match script::parse(sql)?.remove(0).kind {
            StatementKind::Ddl(ddl) => Ok(*ddl),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn models_are_read() {
        let sql = "CREATE OR REPLACE MODEL clean.\"Ağaç\" FOR tree_choice WITH (label = 'Doğru', max_depth = 3, \
                   min_leaf = 20, holdout = 0.25, seed = -7) AS\n  SELECT 1 AS a, ')' AS b";
        let Ddl::CreateModel { model, or_replace: true } = parsed(&format!("{sql} ; ")).unwrap() else { panic!() };
        assert_eq!((model.name.shown().as_str(), model.query.as_str()), ("clean.Ağaç", "SELECT 1 AS a, ')' AS b"));
        assert!(sql.chars().skip(model.query_offset).collect::<String>().starts_with("SELECT"));
        assert_eq!(model.statement, sql);
        let options = TreeOptions { label: "Doğru".to_string(), max_depth: 3, min_leaf: 20, holdout: 0.25, seed: -7 };
        assert_eq!(model.options, options);
        let Ddl::CreateModel { model, or_replace: false } =
            parsed("create model m for TREE_CHOICE as values (true, 1)").unwrap()
        else {
            panic!()
        };
        assert_eq!(model.options, TreeOptions::default());
        let Ddl::DropModel { names, if_exists: true, cascade: true } =
            parsed("DROP MODEL IF EXISTS a, s.b CASCADE").unwrap()
        else {
            panic!()
        };
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let invalid = SqlState::INVALID_PARAMETER_VALUE;
        for (sql, state, position) in [
            ("CREATE MODEL m2 FOR MATCHER c (prior = 0.1) AS VALUES (1)", SqlState::FEATURE_NOT_SUPPORTED, 21),
            ("CREATE MODEL m FOR forest AS SELECT 1", SqlState::UNDEFINED_OBJECT, 20),
            ("CREATE MODEL m AS SELECT 1", SqlState::SYNTAX_ERROR, 16),
            ("CREATE MODEL m FOR tree_choice", SqlState::SYNTAX_ERROR, 31),
            ("CREATE MODEL m FOR tree_choice AS", SqlState::SYNTAX_ERROR, 34),
            ("CREATE MODEL m FOR tree_choice AS DELETE FROM t", SqlState::SYNTAX_ERROR, 35),
            ("CREATE MODEL m FOR tree_choice WITH (max_depth = 0) AS SELECT 1", invalid, 50),
            ("CREATE MODEL m FOR tree_choice WITH (max_depth = 21) AS SELECT 1", invalid, 50),
            ("CREATE MODEL m FOR tree_choice WITH (max_depth = 2.5) AS SELECT 1", invalid, 50),
            ("CREATE MODEL m FOR tree_choice WITH (min_leaf = 0) AS SELECT 1", invalid, 49),
            ("CREATE MODEL m FOR tree_choice WITH (holdout = 1) AS SELECT 1", invalid, 48),
            ("CREATE MODEL m FOR tree_choice WITH (holdout = -0.1) AS SELECT 1", invalid, 48),
            ("CREATE MODEL m FOR tree_choice WITH (holdout = 'NaN') AS SELECT 1", invalid, 48),
            ("CREATE MODEL m FOR tree_choice WITH (seed = 1.5) AS SELECT 1", invalid, 45),
            ("CREATE MODEL m FOR tree_choice WITH (trees = 3) AS SELECT 1", invalid, 38),
            ("CREATE MODEL m FOR tree_choice WITH (seed = 1, seed = 2) AS SELECT 1", SqlState::SYNTAX_ERROR, 48),
            ("DROP MODEL m x", SqlState::SYNTAX_ERROR, 14),
        ] {
            let error = parsed(sql).unwrap_err();
            assert_eq!((error.state(), error.position()), (state, Some(position)), "{sql}: {}", error.message());
        }
    }
}
