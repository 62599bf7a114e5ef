//! From DataFusion's, Arrow's and the parser's errors to Postgres's SQLSTATEs, messages and positions.
//!
//! DataFusion has few error codes, so the code is read off the error's variant where it says enough, and off its
//! message where it does not.

mod clauses;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use datafusion::sql::sqlparser::parser::ParserError;

use self::clauses::{from_array_form, from_clauses, from_types};
use super::{Error, SqlState};

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        from_datafusion(&error)
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        from_arrow(&error)
    }
}

fn from_datafusion(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::External(source) => from_source(source.as_ref()),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_datafusion(inner),
        DataFusionError::Shared(inner) => from_datafusion(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => from_datafusion(first),
            None => Error::internal("an error without a cause"),
        },
        DataFusionError::ArrowError(inner, _) => from_arrow(inner),
        DataFusionError::ParquetError(inner) => match inner.as_ref() {
            ParquetError::External(source) if source.is::<Error>() => from_source(source.as_ref()),
            _ => Error::new(SqlState::IO_ERROR, inner.to_string()),
        },
        DataFusionError::ObjectStore(inner) => Error::new(SqlState::IO_ERROR, inner.to_string()),
        DataFusionError::IoError(inner) => Error::new(SqlState::IO_ERROR, inner.to_string()),
        DataFusionError::SQL(inner, _) => from_parser(inner),
        DataFusionError::NotImplemented(message) => not_implemented(message),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::Plan(message) | DataFusionError::Configuration(message) => from_plan(message),
        DataFusionError::Execution(message) => from_execution(message),
        DataFusionError::ResourcesExhausted(message) => Error::new(SqlState::OUT_OF_MEMORY, first_line(message))
            .with_hint("Let the statement read less, or raise the memory limit."),
        DataFusionError::ExecutionJoin(inner) => Error::internal(format!("a task of the statement failed: {inner}")),
        other => Error::internal(first_line(&other.strip_backtrace())),
    }
}

/// Finds our own error behind any wrapping.
fn from_source(source: &(dyn std::error::Error + 'static)) -> Error {
    let mut next = Some(source);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.clone();
        }
        if let Some(inner) = error.downcast_ref::<DataFusionError>() {
            return from_datafusion(inner);
        }
        if let Some(inner) = error.downcast_ref::<ArrowError>() {
            return from_arrow(inner);
        }
        next = error.source();
    }
    from_regex(&source.to_string()).unwrap_or_else(|| Error::internal(source.to_string()))
}

/// A pattern that is no regular expression, by the words of those who read patterns.
fn from_regex(message: &str) -> Option<Error> {
    let words = ["regex parse error", "egular expression did not compile", "Compiled regex exceeds size limit"];
    if !words.iter().any(|words| message.contains(words)) {
        return None;
    }
    let why = message.lines().find_map(|line| line.trim().strip_prefix("error: "));
    let why = why.unwrap_or(if message.contains("size limit") { "it is too large" } else { "it cannot be read" });
    Some(Error::new(SqlState("2201B"), format!("invalid regular expression: {why}")))
}

fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(source) => from_source(source.as_ref()),
        ArrowError::DivideByZero => Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"),
        ArrowError::ArithmeticOverflow(message) => {
            Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range").with_detail(message.clone())
        }
        ArrowError::CastError(message) => from_cast(message),
        ArrowError::ParseError(message) => from_cast(message),
        ArrowError::InvalidArgumentError(message) | ArrowError::ComputeError(message) => from_execution(message),
        ArrowError::NotYetImplemented(message) => not_implemented(message),
        ArrowError::ParquetError(message) => {
            Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "a Parquet file is damaged")
                .with_detail(format!("{}.", first_line(message)))
        }
        ArrowError::IoError(_, inner) => match inner.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(ours) => ours.clone(),
            None => Error::new(SqlState::IO_ERROR, inner.to_string()),
        },
        ArrowError::MemoryError(message) => Error::new(SqlState::OUT_OF_MEMORY, message.clone()),
        other => Error::internal(other.to_string()),
    }
}

fn from_cast(message: &str) -> Error {
    let message = message.trim();
    let lower = message.to_ascii_lowercase();
    let state = if lower.contains("overflow")
        || lower.contains("out of range")
        || lower.contains("can't cast value")
        || lower.contains("too large to store")
        || lower.contains("too small to store")
    {
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE
    } else if ["timestamp", "date", "time", "interval"].iter().any(|kind| lower.contains(kind)) {
        SqlState::INVALID_DATETIME_FORMAT
    } else {
        SqlState::INVALID_TEXT_REPRESENTATION
    };
    // "Cannot cast string 'x' to value of Int64 type"
    if let Some(rest) = message.strip_prefix("Cannot cast string '")
        && let Some((value, target)) = rest.rsplit_once("' to value of ")
    {
        let target = target.trim_end_matches(" type");
        return Error::new(state, format!("invalid input syntax for type {}: \"{value}\"", type_words(target)));
    }
    if let Some(rest) = message.strip_prefix("Cannot cast value '")
        && let Some((value, target)) = rest.rsplit_once("' to value of ")
    {
        let target = target.trim_end_matches(" type");
        return Error::new(state, format!("invalid input syntax for type {}: \"{value}\"", type_words(target)));
    }
    if let Some(rest) = message.strip_prefix("Can't cast value ")
        && let Some((value, target)) = rest.rsplit_once(" to type ")
    {
        return Error::new(state, format!("value {value} is out of range for type {}", type_words(target)));
    }
    if let Some(rest) = message.strip_prefix("Error parsing timestamp from '") {
        let value = rest.split('\'').next().unwrap_or_default();
        return Error::new(
            SqlState::INVALID_DATETIME_FORMAT,
            format!("invalid input syntax for type timestamp: \"{value}\""),
        );
    }
    Error::new(state, lower_first(first_line(message)))
}

/// "1000 is too large to store in a Decimal128 of precision 5. Max is 999.99" without Arrow's name of the type.
fn in_words(line: &str) -> String {
    ["Decimal32", "Decimal64", "Decimal128", "Decimal256"]
        .iter()
        .fold(line.to_string(), |line, arrow| line.replace(&format!("{arrow} of precision"), "numeric of precision"))
}

/// A type of Arrow in Postgres's words.
fn type_words(arrow: &str) -> &str {
    match arrow {
        "Boolean" => "boolean",
        "Int8" | "Int16" | "UInt8" => "smallint",
        "Int32" | "UInt16" => "integer",
        "Int64" | "UInt32" => "bigint",
        "Float32" => "real",
        "Float64" => "double precision",
        "Utf8" | "LargeUtf8" | "Utf8View" => "text",
        "Date32" | "Date64" => "date",
        other if other.starts_with("Decimal") => "numeric",
        other if other.starts_with("Timestamp") => "timestamp",
        other if other.starts_with("Time") => "time",
        other if other.starts_with("Interval") => "interval",
        other => other,
    }
}

/// A call with the types of its arguments, such as `f(Int64, List(Utf8))`, in Postgres's words.
fn call_words(call: &str) -> String {
    let Some((name, rest)) = call.split_once('(') else { return lower_first(call) };
    let Some(types) = rest.strip_suffix(')') else { return lower_first(call) };
    let mut words: Vec<String> = vec![];
    let (mut depth, mut start) = (0_usize, 0_usize);
    for (at, c) in types.char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                words.extend(types.get(start..at).map(argument_words));
                start = at + 1;
            }
            _ => {}
        }
    }
    words.extend(types.get(start..).filter(|last| !last.trim().is_empty()).map(argument_words));
    format!("{}({})", lower_first(name), words.join(", "))
}

/// The type of one argument.
fn argument_words(arrow: &str) -> String {
    let arrow = arrow.trim();
    let of_list = arrow.strip_prefix("List(").and_then(|item| item.strip_suffix(')'));
    let of_list = of_list.map(|item| item.split(", field:").next().unwrap_or(item));
    match (arrow, of_list) {
        (_, Some(item)) => {
            let item = item.trim_start_matches("nullable ").trim_start_matches("non-null ");
            format!("{}[]", argument_words(item))
        }
        ("Null", _) => "unknown".to_string(),
        ("Binary" | "BinaryView" | "LargeBinary", _) => "bytea".to_string(),
        (of, _) if of.starts_with("Struct") => "record".to_string(),
        (of, _) if of.starts_with("Timestamp") => {
            let zone = if of.contains('"') { "with" } else { "without" };
            format!("timestamp {zone} time zone")
        }
        (of, _) => type_words(of).to_string(),
    }
}

fn from_parser(error: &ParserError) -> Error {
    match error {
        ParserError::RecursionLimitExceeded => {
            Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is nested too deeply")
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (words, at) = split_position(message);
            let mut error = Error::syntax(syntax_message(words), None);
            if let Some((line, column)) = at {
                error = error.with_line_column(line, column);
            }
            error
        }
    }
}

/// `Expected: x, found: y` as Postgres says it, with what was expected.
fn syntax_message(words: &str) -> String {
    let words = words.trim().trim_end_matches("Expected:").trim();
    if let Some((expected, found)) = words.rsplit_once(", found: ") {
        let expected = expected.trim_start_matches("Expected:").trim();
        let found = found.trim();
        return if found == "EOF" {
            format!("syntax error at end of input: expected {expected}")
        } else {
            format!("syntax error at or near \"{found}\": expected {expected}")
        };
    }
    format!("syntax error: {}", lower_first(words))
}

/// Takes ` at Line: 1, Column: 2` off a parser's message.
fn split_position(message: &str) -> (&str, Option<(usize, usize)>) {
    let Some((words, at)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = at.split_once(", Column: ") else { return (message, None) };
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    match (line.trim().parse(), digits.parse()) {
        (Ok(line), Ok(column)) => (words, Some((line, column))),
        _ => (message, None),
    }
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::AmbiguousReference { field } => {
            let error =
                Error::new(SqlState::AMBIGUOUS_COLUMN, format!("column reference \"{}\" is ambiguous", field.name));
            with_span(error, field.spans.first())
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once"))
        }
        SchemaError::FieldNotFound { field, valid_fields } => {
            // A relation that nothing in FROM has.
            if let Some(relation) = &field.relation
                && !valid_fields.iter().any(|valid| {
                    valid.relation.as_ref().is_some_and(|valid| valid.table().eq_ignore_ascii_case(relation.table()))
                })
            {
                let message = format!("missing FROM-clause entry for table \"{}\"", relation.table());
                return with_span(Error::new(SqlState::UNDEFINED_TABLE, message), field.spans.first());
            }
            let name = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => format!("\"{}\"", field.name),
            };
            let mut error = Error::new(SqlState::UNDEFINED_COLUMN, format!("column {name} does not exist"));
            let wanted = field.name.to_lowercase();
            let near: Option<&str> = valid_fields
                .iter()
                .map(|f| f.name.as_str())
                .find(|name| name.to_lowercase() == wanted)
                .or_else(|| closest(&wanted, valid_fields.iter().map(|f| f.name.as_str())));
            if let Some(near) = near {
                let near = crate::catalog::definitions::quote_identifier(near);
                error = error.with_hint(format!("Perhaps you meant to reference the column {near}."));
            }
            with_span(error, field.spans.first())
        }
    }
}

/// The name at an edit distance that a slip of the fingers explains.
fn closest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .map(|name| (datafusion::common::utils::datafusion_strsim::levenshtein(wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

fn with_span(error: Error, span: Option<datafusion::common::Span>) -> Error {
    match span {
        Some(span) => error.with_line_column(span.start.line as usize, span.start.column as usize),
        None => error,
    }
}

/// Types that Postgres has and this program has not.
const ELSEWHERE: &[&str] = &[
    "bit",
    "bit varying",
    "box",
    "cidr",
    "circle",
    "inet",
    "int4range",
    "int8range",
    "line",
    "lseg",
    "macaddr",
    "money",
    "numrange",
    "path",
    "point",
    "polygon",
    "regclass",
    "regproc",
    "regtype",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "varbit",
    "xml",
    "daterange",
    "time with time zone",
    "timetz",
];

fn not_implemented(message: &str) -> Error {
    let message = first_line(message);
    if let Some(name) = message.strip_prefix("Unsupported SQL type ") {
        let name = name.to_ascii_lowercase();
        if ELSEWHERE.contains(&name.split('(').next().unwrap_or_default()) {
            return Error::unsupported(format!("type {name} is not supported"));
        }
        return Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"));
    }
    if message.starts_with("Physical plan does not support logical expression WindowFunction") {
        return Error::new(SqlState("42P20"), "window functions are not allowed here")
            .with_hint("They may stand in the select list and in ORDER BY. Compute them in a subquery in FROM.");
    }
    let outer = ["OuterReferenceColumn", "expression ScalarSubquery", "expression InSubquery", "expression Exists"];
    if outer.iter().any(|part| message.contains(part)) {
        return Error::unsupported("a subquery refers in this way to what is outside of it, which is not supported")
            .with_hint("Join what it reads, or call its function in FROM, and group where it aggregates.");
    }
    let lower = lower_first(message);
    Error::unsupported(if lower.contains("not") { lower } else { format!("{lower} is not supported") })
}

fn from_plan(message: &str) -> Error {
    let line = first_line(message);
    if let Some(name) = between(line, "table '", "' not found") {
        return undefined_table(name);
    }
    if let Some(name) = between(line, "table function '", "' not found") {
        return Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name} does not exist"));
    }
    if let Some(name) = line.strip_prefix("Invalid qualifier ") {
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        return Error::new(SqlState::UNDEFINED_TABLE, format!("missing FROM-clause entry for table \"{name}\""));
    }
    if let Some(name) = between(line, "The window ", " is not defined!") {
        let name = name.trim_matches('"');
        return Error::new(SqlState::UNDEFINED_OBJECT, format!("window \"{name}\" does not exist"));
    }
    if let Some(name) = between(line, "Invalid function '", "'") {
        let error = Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name} does not exist"));
        return match between(message, "Did you mean '", "'") {
            Some(near) => error.with_hint(format!("Did you mean {near}?")),
            None => error,
        };
    }
    let lower = line.to_ascii_lowercase();
    if lower.contains("projections require unique expression names") {
        let name = between(line, " AS ", "\"").map(|n| n.rsplit(" AS ").next().unwrap_or(n).to_string());
        let name = name.unwrap_or_else(|| "?column?".to_string());
        return Error::new(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once"))
            .with_hint("Give one of them another name with AS.");
    }
    if let Some(call) = between(message, "No function matches the given name and argument types '", "'") {
        if let Some(error) = from_array_form(&call_words(call)) {
            return error;
        }
        return Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {} does not exist", call_words(call)))
            .with_hint(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            );
    }
    if let Some(error) = from_types(line).or_else(|| from_clauses(line)) {
        return error;
    }
    if lower.contains("aggregate functions are not allowed in the where clause") {
        return Error::new(SqlState::GROUPING_ERROR, "aggregate functions are not allowed in WHERE");
    }
    let state = if lower.contains("must be in group by")
        || lower.contains("must appear in the group by clause")
        || lower.contains("aggregate functions are not allowed")
    {
        SqlState::GROUPING_ERROR
    } else if lower.contains("failed to coerce")
        || lower.contains("cannot coerce")
        || lower.contains("cannot infer common")
        || lower.contains("cannot get result type")
        || lower.contains("incompatible")
        || lower.contains("type mismatch")
        || lower.contains("cannot automatically convert")
        || lower.contains("data type")
    {
        SqlState::DATATYPE_MISMATCH
    } else if lower.contains("schema '") && lower.contains("not found") || lower.contains("failed to resolve schema") {
        SqlState::INVALID_SCHEMA_NAME
    } else if lower.contains("unsupported") || lower.contains("not supported") || lower.contains("not implemented") {
        SqlState::FEATURE_NOT_SUPPORTED
    } else if lower.contains("placeholder") {
        SqlState::UNDEFINED_PARAMETER
    } else if lower.contains("ambiguous") {
        SqlState::AMBIGUOUS_COLUMN
    } else if lower.contains("does not have") && lower.contains("arguments") || lower.contains("number of arguments") {
        SqlState::UNDEFINED_FUNCTION
    } else {
        SqlState::SYNTAX_ERROR
    };
    Error::new(state, lower_first(line))
}

/// A relation that does not exist; `name` may carry the database's name, which Postgres leaves out.
pub(super) fn undefined_table(name: &str) -> Error {
    let short = name.strip_prefix("onerow.").unwrap_or(name);
    let short = short
        .strip_prefix(crate::catalog::definitions::SEARCH_PATH_SCHEMA)
        .map_or(short, |s| s.trim_start_matches('.'));
    Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{short}\" does not exist"))
}

fn from_execution(message: &str) -> Error {
    if let Some(error) = from_regex(message) {
        return error;
    }
    let line = first_line(message);
    let lower = line.to_ascii_lowercase();
    if lower.starts_with("negative count not allowed") {
        return Error::new(SqlState("22011"), "negative substring length not allowed");
    }
    let state = if lower.contains("divide by zero") || lower.contains("division by zero") {
        return Error::new(SqlState::DIVISION_BY_ZERO, "division by zero");
    } else if lower.contains("too large to store") || lower.contains("too small to store") {
        return Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").with_detail(in_words(line));
    } else if lower.contains("overflow") || lower.contains("out of range") {
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE
    } else if lower.contains("more than one row") || lower.contains("returned more than") {
        return Error::new(
            SqlState::CARDINALITY_VIOLATION,
            "more than one row returned by a subquery used as an expression",
        );
    } else if lower.contains("parse") || lower.contains("cast") || lower.contains("invalid") {
        return from_cast(line);
    } else if lower.contains("timestamp") {
        SqlState::INVALID_DATETIME_FORMAT
    } else {
        SqlState::INVALID_PARAMETER_VALUE
    };
    Error::new(state, lower_first(line))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim().trim_end_matches('.')
}

/// A primary message begins in lower case, unless its first word is an acronym.
fn lower_first(message: impl AsRef<str>) -> String {
    let message = message.as_ref();
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(std::iter::once(second)).chain(chars).collect()
        }
        _ => message.to_string(),
    }
}
