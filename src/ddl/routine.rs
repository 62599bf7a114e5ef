//! Functions as GRANT names them: `f`, and `f(integer, VARIADIC text[])`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::NameRef;
use crate::error::Result;

/// The word that functions are named with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutineKind {
    /// FUNCTION: functions, aggregates and window functions.
    Function,
    /// PROCEDURE
    Procedure,
    /// ROUTINE: any of them.
    Routine,
}

impl RoutineKind {
    /// The word, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            RoutineKind::Function => "function",
            RoutineKind::Procedure => "procedure",
            RoutineKind::Routine => "routine",
        }
    }
}

/// A function that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutineRef {
    /// Its name.
    pub name: NameRef,
    /// The types of its arguments as they are written, perhaps after the arguments' names; none where no list is given.
    pub arguments: Option<Vec<String>>,
}

/// Functions with commas between.
pub(super) fn routines(cursor: &mut Cursor<'_>) -> Result<Vec<RoutineRef>> {
    let mut found = vec![routine(cursor)?];
    while cursor.take_token(&Token::Comma) {
        found.push(routine(cursor)?);
    }
    Ok(found)
}

fn routine(cursor: &mut Cursor<'_>) -> Result<RoutineRef> {
    let name = cursor.name()?;
    if !cursor.take_token(&Token::LParen) {
        return Ok(RoutineRef { name, arguments: None });
    }
    let mut arguments = vec![];
    if cursor.take_token(&Token::RParen) {
        return Ok(RoutineRef { name, arguments: Some(arguments) });
    }
    loop {
        // What only comes out does not tell functions apart.
        let comes_out = cursor.take(&["OUT"]);
        if !comes_out {
            let _ = cursor.take(&["IN", "OUT"]) || cursor.take(&["IN"]) || cursor.take(&["INOUT"]);
            cursor.take(&["VARIADIC"]);
        }
        let (argument, _) = cursor.type_name()?;
        if !comes_out {
            arguments.push(argument);
        }
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(RoutineRef { name, arguments: Some(arguments) })
}
