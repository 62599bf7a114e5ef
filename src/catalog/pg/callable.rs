//! The functions that privileges are granted on: those of `pg_proc`, by the names and arguments that it has them under.

use std::collections::HashMap;
use std::sync::OnceLock;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::error::Result as DfResult;

use super::rows::{Cell, array};
use super::shapes::PG_CATALOG;
use super::statics::{Statics, int, text};
use super::view::FunctionInfo;
use crate::catalog::acl::{Acl, AclEntry, ObjectKind};
use crate::catalog::definitions::{Definitions, OWNER, PUBLIC};
use crate::catalog::types::PgType;
use crate::ddl::routine::{RoutineKind, RoutineRef};
use crate::error::{Error, Result, SqlState};

/// Types that stand for any: `"any"`, `anyelement`, `anynonarray`, `anycompatible`, `anycompatiblenonarray`.
const ANY: [i64; 5] = [2276, 2283, 2776, 5077, 5079];
/// Types that stand for any array: `anyarray`, `anycompatiblearray`.
const ANY_ARRAY: [i64; 2] = [2277, 5078];
/// Types of text that `text` takes: `name`, `bpchar`, `varchar`.
const TEXTS: [i64; 3] = [19, 1042, 1043];
const TEXT: i64 = 25;

/// A function that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// The name under which its privileges are kept: with its arguments' types, or alone for one that this program adds.
    pub key: String,
    /// Its OID; none for one that this program adds.
    pub oid: Option<i64>,
    /// Its schema.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// `pg_proc.prokind`
    kind: String,
    /// The OIDs of its arguments' types.
    arguments: Vec<i64>,
    /// How many of the last arguments may be left out.
    defaults: usize,
    /// Whether the last argument may come more than once.
    variadic: bool,
    /// Whether it is the superuser's alone at first.
    restricted: bool,
    /// Its row among the unchanging ones.
    row: usize,
}

impl Callable {
    /// A function that this program adds.
    pub fn added(function: &FunctionInfo) -> Callable {
        Callable {
            key: function.name.clone(),
            oid: None,
            schema: PUBLIC,
            name: function.name.clone(),
            kind: function.kind.to_string(),
            arguments: vec![ANY[0]; usize::try_from(function.argument_count).unwrap_or_default()],
            defaults: 0,
            variadic: false,
            restricted: false,
            row: 0,
        }
    }

    /// Who may call it while nothing was granted or taken away: everyone, but for what only a superuser may in Postgres.
    pub fn usual(&self) -> Acl {
        let mut usual = Acl::default_of(ObjectKind::Function, OWNER, &self.name);
        if self.restricted {
            usual.0.retain(|entry: &AclEntry| entry.grantee.is_some());
        }
        usual
    }

    /// Whether only the owner may call it while nothing was granted.
    pub fn is_restricted(&self) -> bool {
        self.restricted
    }

    fn takes(&self, count: usize) -> bool {
        let most = self.arguments.len();
        (count <= most || self.variadic) && count + self.defaults + usize::from(self.variadic) >= most
    }

    /// How well the types of a call fit its arguments': how many are the same, then how many others are of types that
    /// Postgres prefers. None where it cannot be meant or where that is not known.
    fn fit(&self, types: &[Option<i64>]) -> Option<(usize, usize)> {
        let last = self.arguments.len().saturating_sub(1);
        let (mut same, mut preferred) = (0, 0);
        for (at, given) in types.iter().enumerate() {
            let given = (*given)?;
            let wanted = *self.arguments.get(at.min(last))?;
            let is_any = ANY.contains(&wanted) || ANY_ARRAY.contains(&wanted) && is_array(given);
            if wanted == given {
                same += 1;
            } else if (wanted == TEXT && TEXTS.contains(&given)) || is_promoted(given, wanted) {
                preferred += usize::from(PREFERRED.contains(&wanted));
            } else if !(is_any || self.variadic && at >= last) {
                return None;
            }
        }
        Some((same, preferred))
    }
}

/// The OIDs of types of which each is cast to those behind it without being asked: numbers, and times.
const PROMOTED: [&[i64]; 2] = [&[21, 23, 20, 1700, 700, 701], &[1082, 1114, 1184]];
/// Types that a call is rather meant of: `text`, `double precision`, `timestamptz`.
const PREFERRED: [i64; 3] = [TEXT, 701, 1184];

fn is_promoted(given: i64, wanted: i64) -> bool {
    PROMOTED.iter().any(|types| {
        let at = |oid: i64| types.iter().position(|known| *known == oid);
        at(given).zip(at(wanted)).is_some_and(|(given, wanted)| given < wanted)
    })
}

fn is_array(oid: i64) -> bool {
    Statics::get().ok().and_then(|statics| statics.type_name(oid)).is_some_and(|name| name.ends_with("[]"))
}

/// The built-in functions, read once.
#[derive(Debug, Default)]
struct BuiltIn {
    all: Vec<Callable>,
    by_name: HashMap<String, Vec<usize>>,
    by_oid: HashMap<i64, usize>,
}

fn built_in() -> &'static BuiltIn {
    static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
    BUILT_IN.get_or_init(|| Statics::get().map(read).unwrap_or_default())
}

fn read(statics: &Statics) -> BuiltIn {
    let mut found = BuiltIn::default();
    let Some(batch) = statics.table("pg_proc") else { return found };
    let restricted = batch.column_by_name("proacl");
    for row in 0..batch.num_rows() {
        let (Some(oid), Some(name)) = (int(batch, "oid", row), text(batch, "proname", row)) else { continue };
        let arguments: Vec<i64> = text(batch, "proargtypes", row)
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let number = |column: &str| usize::try_from(int(batch, column, row).unwrap_or_default()).unwrap_or_default();
        let callable = Callable {
            key: signature(statics, &name, &arguments),
            oid: Some(oid),
            schema: PG_CATALOG,
            kind: text(batch, "prokind", row).unwrap_or_default(),
            defaults: number("pronargdefaults"),
            variadic: number("provariadic") != 0,
            restricted: restricted.is_some_and(|column| column.is_valid(row)),
            name: name.clone(),
            arguments,
            row,
        };
        let at = found.all.len();
        found.by_name.entry(name).or_default().push(at);
        found.by_oid.insert(oid, at);
        found.all.push(callable);
    }
    found
}

/// A function's name with its arguments' types, as `regprocedure` prints it.
fn signature(statics: &Statics, name: &str, arguments: &[i64]) -> String {
    let types = arguments.iter().map(|oid| statics.type_name(*oid).unwrap_or_else(|| oid.to_string()));
    format!("{name}({})", types.collect::<Vec<_>>().join(","))
}

/// The same as messages say it.
fn shown(name: &str, arguments: &[i64]) -> String {
    let Ok(statics) = Statics::get() else { return name.to_string() };
    signature(statics, name, arguments).replace(',', ", ")
}

fn named(name: &str) -> impl Iterator<Item = &'static Callable> + use<> {
    let built_in = built_in();
    let at = built_in.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
    at.iter().filter_map(move |at| built_in.all.get(*at))
}

/// The built-in function with this OID.
pub fn of_oid(oid: i64) -> Option<&'static Callable> {
    let built_in = built_in();
    built_in.all.get(*built_in.by_oid.get(&oid)?)
}

/// The built-in functions that a call may mean, where the types of its arguments are known as far as they are given: those
/// that fit them best, else all that take so many, else all of the name.
pub fn called(name: &str, types: &[Option<i64>]) -> Vec<&'static Callable> {
    let fitting: Vec<&Callable> = named(name).filter(|callable| callable.takes(types.len())).collect();
    match fitting.iter().filter_map(|callable| callable.fit(types)).max() {
        Some(best) => fitting.into_iter().filter(|callable| callable.fit(types) == Some(best)).collect(),
        None if fitting.is_empty() => named(name).collect(),
        None => fitting,
    }
}

/// The built-in functions of a name.
pub fn of_name(name: &str) -> Vec<&'static Callable> {
    named(name).collect()
}

/// The function that a statement names. 42883 where there is none, 42725 where there are several.
pub fn find(routine: &RoutineRef, word: RoutineKind, added: &[FunctionInfo]) -> Result<Callable> {
    let (schema, name) = (routine.name.schema.as_deref(), routine.name.name.as_str());
    let of_schema = |callable: &Callable| schema.is_none_or(|schema| callable.schema == schema);
    let ours = added.iter().filter(|function| function.name == name).map(Callable::added);
    let there: Vec<Callable> = named(name).cloned().chain(ours).filter(of_schema).collect();
    let undefined = |message: String| Error::new(SqlState::UNDEFINED_FUNCTION, message);
    let written = schema.map_or_else(|| name.to_string(), |schema| format!("{schema}.{name}"));
    let found = match &routine.arguments {
        None => match there.as_slice() {
            [only] => only.clone(),
            [] => {
                let kind = if word == RoutineKind::Procedure { "procedure" } else { "function" };
                return Err(undefined(format!("could not find a {kind} named \"{written}\"")));
            }
            _ => {
                let kind = word.word();
                return Err(Error::new(SqlState("42725"), format!("{kind} name \"{written}\" is not unique"))
                    .with_hint(format!("Specify the argument list to select the {kind} unambiguously.")));
            }
        },
        Some(arguments) => {
            let types = arguments.iter().map(|argument| argument_type(argument)).collect::<Result<Vec<_>>>()?;
            let is = |callable: &&Callable| match callable.oid {
                Some(_) => callable.arguments == types,
                // What this program adds takes values of several types.
                None => types.len() <= callable.arguments.len(),
            };
            let kind = if word == RoutineKind::Procedure { "procedure" } else { "function" };
            let missing = || undefined(format!("{kind} {} does not exist", shown(&written, &types)));
            there.iter().find(is).cloned().ok_or_else(missing)?
        }
    };
    let is_procedure = found.kind == "p";
    let of_kind = match word {
        RoutineKind::Function => !is_procedure,
        RoutineKind::Procedure => is_procedure,
        RoutineKind::Routine => true,
    };
    if !of_kind {
        let message = format!("{} is not a {}", shown(name, &found.arguments), word.word());
        return Err(Error::new(SqlState("42809"), message));
    }
    Ok(found)
}

/// All functions of a schema.
pub fn in_schema(schema: &str, word: RoutineKind, added: &[FunctionInfo]) -> Vec<Callable> {
    let of_kind = |callable: &Callable| match word {
        RoutineKind::Function => callable.kind != "p",
        RoutineKind::Procedure => callable.kind == "p",
        RoutineKind::Routine => true,
    };
    all(added).filter(|callable| callable.schema == schema).filter(of_kind).collect()
}

/// Every function there is.
pub fn all(added: &[FunctionInfo]) -> impl Iterator<Item = Callable> {
    built_in().all.iter().cloned().chain(added.iter().map(Callable::added))
}

/// The function that a text such as `upper(text)` names; none where there is none. 22P02 for a text that is none such.
pub fn of_text(text: &str, added: &[FunctionInfo]) -> Result<Option<Callable>> {
    let malformed = |what: &str| Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("expected a {what}"));
    let Some((name, rest)) = text.split_once('(') else { return Err(malformed("left parenthesis")) };
    let Some(inside) = rest.trim_end().strip_suffix(')') else { return Err(malformed("right parenthesis")) };
    let path = super::functions::identifier_path(name).unwrap_or_default();
    let (schema, name) = match path.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return Ok(None),
    };
    let arguments: Vec<&str> = if inside.trim().is_empty() { vec![] } else { inside.split(',').collect() };
    let Ok(types) = arguments.iter().map(|argument| argument_type(argument)).collect::<Result<Vec<_>>>() else {
        return Ok(None);
    };
    let of_schema = |there: &str| schema.is_none_or(|schema| there == schema);
    let built_in = named(name).find(|callable| of_schema(callable.schema) && callable.arguments == types);
    let ours = || added.iter().find(|function| function.name == *name && of_schema(PUBLIC)).map(Callable::added);
    Ok(built_in.cloned().or_else(ours))
}

/// The OID of an argument's type as it is written, perhaps after the argument's name. 42704 for a type that is none.
fn argument_type(written: &str) -> Result<i64> {
    let written = written.trim();
    let after_name = written.split_once(' ').map(|(_, rest)| rest);
    let found = type_oid(written).or_else(|| type_oid(after_name?));
    found.ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{written}\" does not exist")))
}

fn type_oid(written: &str) -> Option<i64> {
    let bare = written.trim().trim_start_matches("pg_catalog.");
    if let Some(known) = PgType::parse(bare) {
        return Some(known.oid().into());
    }
    Statics::get().ok()?.type_oid(&bare.to_lowercase().replace('"', "")).map(i64::from)
}

/// The rows of the built-in functions with the privileges that were granted on them.
pub fn with_privileges(batch: &RecordBatch, definitions: &Definitions) -> DfResult<RecordBatch> {
    let granted = &definitions.database.functions;
    let Some((at, field)) = batch.schema_ref().column_with_name("proacl").filter(|_| !granted.is_empty()) else {
        return Ok(batch.clone());
    };
    let mut cells = vec![Cell::Null; batch.num_rows()];
    for callable in &built_in().all {
        let acl = match granted.get(&callable.key) {
            Some(acl) => acl.items(),
            None if callable.restricted => callable.usual().items(),
            None => continue,
        };
        if let Some(cell) = cells.get_mut(callable.row) {
            *cell = Cell::Texts(acl);
        }
    }
    let mut columns = batch.columns().to_vec();
    if let Some(column) = columns.get_mut(at) {
        *column = array(field.data_type(), &cells.iter().collect::<Vec<_>>());
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// The same while nothing was granted: what is a superuser's alone is the owner's.
pub(super) fn owned(batch: &RecordBatch) -> DfResult<RecordBatch> {
    let Some((at, field)) = batch.schema_ref().column_with_name("proacl") else { return Ok(batch.clone()) };
    let Some(there) = batch.column(at).as_list_opt::<i32>() else { return Ok(batch.clone()) };
    let mut usual = Acl::default_of(ObjectKind::Function, OWNER, "");
    usual.0.retain(|entry: &AclEntry| entry.grantee.is_some());
    let own = Cell::Texts(usual.items());
    let cells: Vec<&Cell> = (0..there.len()).map(|row| if there.is_valid(row) { &own } else { &Cell::Null }).collect();
    let mut columns = batch.columns().to_vec();
    if let Some(column) = columns.get_mut(at) {
        *column = array(field.data_type(), &cells);
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::statement::NameRef;

    fn found(name: &str, arguments: Option<&[&str]>, word: RoutineKind) -> std::result::Result<String, String> {
        let added =
            [FunctionInfo::table("lineage", "view text, deep boolean", "value text", "Where values came from.")];
        let routine = RoutineRef {
            name: NameRef { schema: None, name: name.into(), position: 1 },
            arguments: arguments.map(|types| types.iter().map(|t| (*t).to_string()).collect()),
        };
        find(&routine, word, &added).map(|callable| callable.key).map_err(|error| error.message().to_string())
    }

    #[test]
    fn functions_are_found_as_in_postgres() {
        let function = RoutineKind::Function;
        assert_eq!(found("upper", Some(&["x text"]), function).unwrap(), "upper(text)");
        assert_eq!(found("round", Some(&["numeric(5, 2)", "int"]), function).unwrap(), "round(numeric,integer)");
        assert_eq!(found("lineage", None, function).unwrap(), "lineage");
        assert_eq!(found("lineage", Some(&["text"]), function).unwrap(), "lineage");
        assert_eq!(found("upper", None, function).unwrap_err(), "function name \"upper\" is not unique");
        assert_eq!(found("nope", None, function).unwrap_err(), "could not find a function named \"nope\"");
        let missing = found("nope", Some(&["int", "text"]), function);
        assert_eq!(missing.unwrap_err(), "function nope(integer, text) does not exist");
        assert_eq!(found("nope", Some(&["foo"]), function).unwrap_err(), "type \"foo\" does not exist");
        let procedure = found("upper", Some(&["text"]), RoutineKind::Procedure);
        assert_eq!(procedure.unwrap_err(), "upper(text) is not a procedure");
    }

    #[test]
    fn a_call_is_the_function_of_its_types() {
        let keys = |name: &str, types: &[Option<i64>]| -> Vec<String> {
            called(name, types).into_iter().map(|callable| callable.key.clone()).collect()
        };
        assert_eq!(keys("upper", &[Some(25)]), ["upper(text)"]);
        assert_eq!(keys("upper", &[Some(1043)]), ["upper(text)"]);
        assert_eq!(keys("count", &[Some(23)]), ["count(\"any\")"]);
        assert_eq!(keys("count", &[]), ["count()"]);
        assert!(keys("upper", &[None]).len() > 1);
        assert_eq!(keys("round", &[Some(23)]), ["round(double precision)"]);
        assert_eq!(keys("generate_series", &[Some(23), Some(23)]), ["generate_series(integer,integer)"]);
        assert_eq!(keys("generate_series", &[Some(20), Some(23)]), ["generate_series(bigint,bigint)"]);
        assert_eq!(keys("generate_series", &[None, None]).len(), 3);
        assert_eq!(keys("concat", &[Some(25), Some(23), Some(16)]), ["concat(\"any\")"]);
        assert!(keys("no_such_function", &[]).is_empty());
    }

    #[test]
    fn texts_name_functions() {
        let key = |text: &str| of_text(text, &[]).map(|found| found.map(|callable| callable.key));
        assert_eq!(key("pg_catalog.upper( text )").unwrap().as_deref(), Some("upper(text)"));
        assert_eq!(key("nope(int)").unwrap(), None);
        assert_eq!(key("upper").unwrap_err().message(), "expected a left parenthesis");
    }
}
