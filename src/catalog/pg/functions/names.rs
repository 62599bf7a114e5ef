//! Names to OIDs and back: the `reg*` types, `to_reg*`, `*_is_visible`.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;

use super::session::yes;
use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::definitions::quote_identifier;
use crate::catalog::pg::callable;
use crate::catalog::pg::rows::Cell;
use crate::catalog::pg::shapes::PG_CATALOG;
use crate::catalog::pg::snapshot::Object;
use crate::catalog::pg::statics;
use crate::catalog::rights::denied;
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

use Param::{Any, Oid, Text};

/// `value::regclass` and its like where an OID is wanted: `(kind, value)`. Catalog queries are rewritten to it.
pub const REG_IN: &str = "onerow_reg_in";
/// The same where the name is wanted.
pub const REG_OUT: &str = "onerow_reg_out";
/// `values::regtype[]` and its like: the names of an array of OIDs, or of a vector of them.
pub const REG_NAMES: &str = "onerow_reg_names";
/// The names of the roles of an array of OIDs, in order: PUBLIC, which is none, and what is none are left out. psql's
/// subquery over `pg_roles` for a policy's roles is rewritten to it.
pub const ROLE_NAMES: &str = "onerow_role_names";

/// The functions of this file.
pub const SPECS: &[Spec] = &[
    Spec::new(REG_IN, &[Text, Oid], Returns::Oid, reg_in),
    Spec::new(REG_OUT, &[Text, Oid], Returns::Text, reg_out),
    Spec::new(REG_NAMES, &[Text, Any], Returns::Texts, reg_names),
    Spec::new(ROLE_NAMES, &[Any], Returns::Names, role_names),
    Spec::new("to_regclass", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Class)),
    Spec::new("to_regtype", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Type)),
    Spec::new("to_regproc", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Proc)),
    Spec::new("to_regprocedure", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Procedure)),
    Spec::new("to_regnamespace", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Namespace)),
    Spec::new("to_regrole", &[Text], Returns::Oid, |call, row| to_reg(call, row, Kind::Role)),
    Spec::new("pg_table_is_visible", &[Oid], Returns::Bool, |call, row| {
        Ok(call.oid(0, row).and_then(|oid| call.snapshot.visible(oid, &call.path)).into())
    }),
    Spec::new("pg_function_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_type_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_operator_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_opclass_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_opfamily_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_collation_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_conversion_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_statistics_obj_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_ts_config_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_ts_dict_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_ts_parser_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_ts_template_is_visible", &[Oid], Returns::Bool, yes),
    Spec::new("pg_get_userbyid", &[Oid], Returns::Name, |call, row| {
        Ok(call
            .oid(0, row)
            .map(|oid| call.snapshot.role_name(oid).map_or_else(|| format!("unknown (OID={oid})"), str::to_string))
            .into())
    }),
];

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Class,
    Type,
    Proc,
    /// A function with its arguments' types.
    Procedure,
    /// An operator.
    Oper,
    /// An operator with its operands' types.
    Operator,
    Namespace,
    Role,
    Other,
}

impl Kind {
    fn of(name: &str) -> Kind {
        match name {
            "regclass" => Kind::Class,
            "regtype" => Kind::Type,
            "regproc" => Kind::Proc,
            "regprocedure" => Kind::Procedure,
            "regoper" => Kind::Oper,
            "regoperator" => Kind::Operator,
            "regnamespace" => Kind::Namespace,
            "regrole" => Kind::Role,
            _ => Kind::Other,
        }
    }
}

/// An identifier path as a user writes it: folded to lower case unless in double quotes. None when it is none.
pub fn identifier_path(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![];
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut part = String::new();
                let mut tail = quoted;
                loop {
                    let (before, after) = tail.split_once('"')?;
                    part.push_str(before);
                    match after.strip_prefix('"') {
                        Some(doubled) => {
                            part.push('"');
                            tail = doubled;
                        }
                        None => break (part, after),
                    }
                }
            }
            None => {
                let end = rest.find(['.', '"']).unwrap_or(rest.len());
                let (bare, after) = rest.split_at(end);
                (bare.trim().to_lowercase(), after)
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        let after = after.trim_start();
        if after.is_empty() {
            return Some(parts);
        }
        rest = after.strip_prefix('.')?.trim_start();
    }
}

fn resolve(call: &Call<'_>, kind: Kind, text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "-" {
        return Some(0);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    if kind == Kind::Type {
        return type_oid(call, text);
    }
    // A function may come with its arguments' types.
    if (kind == Kind::Proc || kind == Kind::Procedure) && text.contains('(') {
        let found = callable::of_text(text, &call.snapshot.functions).ok().flatten()?;
        let added = || i64::from(call.snapshot.oid(&Object::Function(found.name.clone())));
        return Some(found.oid.unwrap_or_else(added));
    }
    let path = identifier_path(text)?;
    // A leading part may name the database.
    let (schema, name) = match path.as_slice() {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema.as_str()), name),
        _ => return None,
    };
    match kind {
        Kind::Class => {
            let role = call.session.current_user();
            let rights = call.snapshot.definitions.rights(&role);
            let path: Vec<String> = call.path.iter().filter(|schema| rights.uses_schema(schema)).cloned().collect();
            let seen = schema.is_none_or(|schema| rights.uses_schema(schema));
            call.snapshot.find_relation(schema, name, &path).filter(|_| seen).map(i64::from)
        }
        Kind::Proc | Kind::Procedure => {
            let added = call.snapshot.oid(&Object::Function(name.clone()));
            if added != 0 { Some(added.into()) } else { call.statics.proc_oid(name).map(i64::from) }
        }
        Kind::Namespace => Some(call.snapshot.schema_oid(name)).filter(|oid| *oid != 0).map(i64::from),
        Kind::Role => call.snapshot.role_oid(name).map(i64::from),
        Kind::Type | Kind::Oper | Kind::Operator | Kind::Other => None,
    }
}

fn type_oid(call: &Call<'_>, text: &str) -> Option<i64> {
    if let Some(known) = PgType::parse(text) {
        return Some(known.oid().into());
    }
    let (name, suffix) = text.strip_suffix("[]").map_or((text, ""), |name| (name, "[]"));
    let path = identifier_path(name)?;
    let last = path.last()?;
    if let (true, Some(known)) = (path.len() > 1, PgType::parse(&format!("{last}{suffix}"))) {
        return Some(known.oid().into());
    }
    call.statics.type_oid(&format!("{last}{suffix}")).map(i64::from)
}

/// The schema that the name of a relation says.
fn schema_in(kind: Kind, text: &str) -> Option<String> {
    let mut path = identifier_path(text).filter(|path| kind == Kind::Class && (2..=3).contains(&path.len()))?;
    path.pop();
    path.pop()
}

/// 42501 for the name of a relation in a schema that who asks may not look in, whether there is one or not.
pub fn check_schema(call: &Call<'_>, text: &str) -> Result<()> {
    let role = call.session.current_user();
    match schema_in(Kind::Class, text) {
        Some(schema) if !call.snapshot.definitions.rights(&role).uses_schema(&schema) => {
            Err(denied(&format!("schema {schema}")).into())
        }
        _ => Ok(()),
    }
}

/// What a name is answered that is none of its kind.
pub(super) fn missing(call: &Call<'_>, kind: Kind, text: &str) -> Error {
    if let Some(schema) = schema_in(kind, text)
        && call.snapshot.schema_oid(&schema) == 0
    {
        return missing(call, Kind::Namespace, &schema);
    }
    match kind {
        Kind::Class => Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{text}\" does not exist")),
        Kind::Type => Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{text}\" does not exist")),
        Kind::Proc | Kind::Procedure => {
            Error::new(SqlState::UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist"))
        }
        Kind::Namespace => Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{text}\" does not exist")),
        Kind::Role => Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{text}\" does not exist")),
        Kind::Oper | Kind::Operator => {
            Error::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"))
        }
        Kind::Other => Error::new(SqlState::UNDEFINED_OBJECT, format!("object \"{text}\" does not exist")),
    }
}

fn to_reg(call: &Call<'_>, row: usize, kind: Kind) -> Result<Cell> {
    let Some(text) = call.text(0, row) else { return Ok(Cell::Null) };
    if kind == Kind::Class {
        check_schema(call, text)?;
    }
    Ok(resolve(call, kind, text).into())
}

/// The OID in argument 1, which may be a name of this kind.
fn reg_value(call: &Call<'_>, row: usize, kind: Kind) -> Result<Option<i64>> {
    if let Some(number) = call.int(1, row) {
        return Ok(Some(number));
    }
    let Some(text) = call.text(1, row) else { return Ok(None) };
    if kind == Kind::Class {
        check_schema(call, text)?;
    }
    Ok(Some(resolve(call, kind, text).ok_or_else(|| missing(call, kind, text))?))
}

fn reg_in(call: &Call<'_>, row: usize) -> Result<Cell> {
    let kind = Kind::of(call.text(0, row).unwrap_or_default());
    Ok(reg_value(call, row, kind)?.into())
}

fn reg_out(call: &Call<'_>, row: usize) -> Result<Cell> {
    let kind = Kind::of(call.text(0, row).unwrap_or_default());
    let Some(oid) = reg_value(call, row, kind)? else { return Ok(Cell::Null) };
    if oid == 0 {
        return Ok("-".into());
    }
    Ok(name_of(call, kind, oid).unwrap_or_else(|| oid.to_string()).into())
}

/// An `oidvector` is carried by text.
fn reg_names(call: &Call<'_>, row: usize) -> Result<Cell> {
    let kind = Kind::of(call.text(0, row).unwrap_or_default());
    let given = call.raw(1).filter(|values| row < values.len() && values.is_valid(row));
    let Some(values) = given else { return Ok(Cell::Null) };
    let oids: Vec<i64> = match values.as_list_opt::<i32>() {
        Some(lists) => {
            let items = cast(&lists.value(row), &DataType::Int64)?;
            items.as_primitive_opt::<Int64Type>().map(|items| items.iter().flatten().collect()).unwrap_or_default()
        }
        None => {
            let texts = cast(&values.slice(row, 1), &DataType::Utf8View)?;
            let words = texts.as_string_view_opt().map(|texts| texts.value(0).split_whitespace());
            words.map(|words| words.filter_map(|word| word.parse().ok()).collect()).unwrap_or_default()
        }
    };
    let names = oids.into_iter().map(|oid| name_of(call, kind, oid).unwrap_or_else(|| oid.to_string()));
    Ok(Cell::Texts(names.collect()))
}

fn role_names(call: &Call<'_>, row: usize) -> Result<Cell> {
    let lists = call.raw(0).and_then(|values| values.as_list_opt::<i32>());
    let Some(lists) = lists.filter(|lists| row < lists.len() && lists.is_valid(row)) else { return Ok(Cell::Null) };
    let oids = cast(&lists.value(row), &DataType::Int64)?;
    let oids = oids.as_primitive_opt::<Int64Type>().into_iter().flat_map(|oids| oids.iter().flatten());
    let mut names: Vec<String> = oids.filter_map(|oid| call.snapshot.role_name(oid)).map(str::to_string).collect();
    names.sort_unstable();
    Ok(Cell::Texts(names))
}

/// An object's name as its `reg` type prints it. None for an OID that is none of the kind.
fn name_of(call: &Call<'_>, kind: Kind, oid: i64) -> Option<String> {
    match kind {
        Kind::Class => {
            let (schema, name) = call.snapshot.relation_name(oid)?;
            let visible = call.snapshot.visible(oid, &call.path) == Some(true);
            let name = quote_identifier(name);
            Some(if visible { name } else { format!("{}.{name}", quote_identifier(schema)) })
        }
        Kind::Type => call.statics.type_name(oid),
        Kind::Proc => match call.snapshot.function(oid) {
            Some(function) => Some(function.name.clone()),
            None => {
                let (batch, row) = call.statics.proc_row(oid)?;
                statics::text(batch, "proname", row)
            }
        },
        Kind::Procedure => match call.snapshot.function(oid) {
            Some(function) => Some(function.name.clone()),
            None => callable::of_oid(oid).map(|callable| callable.key.clone()),
        },
        Kind::Namespace => match call.snapshot.object(oid)? {
            Object::Schema(name) => Some(quote_identifier(name)),
            _ => None,
        },
        Kind::Role => call.snapshot.role_name(oid).map(quote_identifier),
        Kind::Oper => operator(call, oid).map(|(name, _)| name),
        Kind::Operator => operator(call, oid).map(|(name, operands)| format!("{name}({operands})")),
        Kind::Other => None,
    }
}

/// An operator's name, and its operands' types.
fn operator(call: &Call<'_>, oid: i64) -> Option<(String, String)> {
    let batch = call.statics.table("pg_operator")?;
    let row = (0..batch.num_rows()).find(|row| statics::int(batch, "oid", *row) == Some(oid))?;
    let operand = |column: &str| match statics::int(batch, column, row) {
        None | Some(0) => "NONE".to_string(),
        Some(kind) => call.statics.type_name(kind).unwrap_or_else(|| kind.to_string()),
    };
    Some((statics::text(batch, "oprname", row)?, format!("{},{}", operand("oprleft"), operand("oprright"))))
}

/// The OID of an object of a catalog (`pg_class`, `pg_proc` ..) whose name or number an argument holds.
pub fn oid_in(call: &Call<'_>, at: usize, row: usize, class: Option<&str>) -> Option<i64> {
    if let Some(oid) = call.oid(at, row) {
        return Some(oid);
    }
    let class = class.map(|class| class.trim_start_matches(PG_CATALOG).trim_start_matches('.'));
    let kind = match class {
        Some("pg_proc") => Kind::Proc,
        Some("pg_type") => Kind::Type,
        Some("pg_namespace") => Kind::Namespace,
        _ => Kind::Class,
    };
    resolve(call, kind, call.text(at, row)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fold_and_unquote() {
        let path = |text| identifier_path(text).map(|parts| parts.join("|"));
        assert_eq!(path("Erp.Customer").as_deref(), Some("erp|customer"));
        assert_eq!(path("\"Erp\".\"a\"\"b.c\"").as_deref(), Some("Erp|a\"b.c"));
        assert_eq!(path("a."), None);
        assert_eq!(path("\"open"), None);
    }
}
