//! What an object is, in words: `pg_get_*def`, `format_type`, `*_description`.

use datafusion::arrow::array::AsArray;
use datafusion::error::Result;

use super::names::{Kind, identifier_path, missing, oid_in};
use super::session::null;
use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::change::undefined;
use crate::catalog::definitions::{RelationKind, quote_identifier};
use crate::catalog::pg::indexes;
use crate::catalog::pg::relations::definition;
use crate::catalog::pg::rows::Cell;
use crate::catalog::pg::shapes::{self, PG_CATALOG};
use crate::catalog::pg::snapshot::{CLASS_CLASS, Object, Relation, keys};
use crate::catalog::pg::statics::{self, Statics};
use crate::catalog::time_precision;
use crate::catalog::types::PgType;
use crate::ddl::statement::NameRef;
use crate::error::{Error, SqlState};

use Param::{Any, Bool, Int, Oid, Text};

/// The functions of this file.
pub const SPECS: &[Spec] = &[
    Spec::new("pg_get_viewdef", &[Oid, Any], Returns::Text, viewdef).requires(1),
    Spec::new("pg_get_modeldef", &[Text], Returns::Text, modeldef),
    Spec::new("pg_get_constraintdef", &[Oid, Bool], Returns::Text, constraintdef).requires(1),
    // A default stands in `pg_attrdef` as SQL already.
    Spec::new("pg_get_expr", &[Text, Oid, Bool], Returns::Text, |call, row| Ok(call.text(0, row).into())).requires(2),
    Spec::new("pg_get_ruledef", &[Oid, Bool], Returns::Text, null).requires(1),
    Spec::new("pg_get_triggerdef", &[Oid, Bool], Returns::Text, null).requires(1),
    Spec::new("pg_get_indexdef", &[Oid, Int, Bool], Returns::Text, indexdef).requires(1),
    Spec::new("pg_index_column_has_property", &[Oid, Int, Text], Returns::Bool, |call, row| {
        // Every index is a plain B-tree.
        Ok(match call.text(2, row).map(str::to_ascii_lowercase).as_deref() {
            Some("asc" | "nulls_last" | "orderable" | "returnable" | "search_array" | "search_nulls") => true.into(),
            Some("desc" | "nulls_first" | "distance_orderable") => false.into(),
            _ => Cell::Null,
        })
    }),
    Spec::new("pg_get_partkeydef", &[Oid], Returns::Text, null),
    Spec::new("pg_get_partition_constraintdef", &[Oid], Returns::Text, null),
    Spec::new("pg_get_statisticsobjdef", &[Oid], Returns::Text, null),
    Spec::new("pg_get_statisticsobjdef_columns", &[Oid], Returns::Text, null),
    Spec::new("pg_get_replica_identity_index", &[Oid], Returns::Oid, null),
    Spec::new("pg_get_function_sqlbody", &[Oid], Returns::Text, null),
    Spec::new("pg_get_function_arg_default", &[Oid, Int], Returns::Text, null),
    Spec::new("pg_get_function_result", &[Oid], Returns::Text, |call, row| {
        Ok(call.oid(0, row).and_then(|oid| function_result(call, oid)).into())
    }),
    Spec::new("pg_get_function_arguments", &[Oid], Returns::Text, |call, row| {
        Ok(call.oid(0, row).and_then(|oid| function_arguments(call, oid, true)).into())
    }),
    Spec::new("pg_get_function_identity_arguments", &[Oid], Returns::Text, |call, row| {
        Ok(call.oid(0, row).and_then(|oid| function_arguments(call, oid, false)).into())
    }),
    Spec::new("pg_get_functiondef", &[Oid], Returns::Text, functiondef),
    Spec::new("format_type", &[Oid, Int], Returns::Text, |call, row| {
        Ok(call.oid(0, row).map(|oid| format_type(call.statics, oid, call.int(1, row))).into())
    }),
    Spec::new("obj_description", &[Oid, Text], Returns::Text, obj_description).requires(1),
    Spec::new("shobj_description", &[Oid, Text], Returns::Text, null),
    Spec::new("col_description", &[Oid, Int], Returns::Text, |call, row| {
        let (Some(oid), Some(column)) = (call.oid(0, row), call.int(1, row)) else { return Ok(Cell::Null) };
        Ok(call.snapshot.comment(oid, Some(CLASS_CLASS.into()), column).into())
    }),
    Spec::new("pg_typeof", &[Any], Returns::Text, |call, _| {
        Ok(call.fields.first().map(|field| PgType::of_field(field).base_name()).into())
    }),
];

fn viewdef(call: &Call<'_>, row: usize) -> Result<Cell> {
    let oid = oid_in(call, 0, row, None);
    if oid.is_none()
        && let Some(name) = call.text(0, row)
    {
        return Err(missing(call, Kind::Class, name).into());
    }
    let relation = oid.and_then(|oid| call.snapshot.relation(oid));
    Ok(match relation {
        Some(Relation::Defined(relation)) => match &relation.kind {
            RelationKind::View(view) => definition(&view.query).into(),
            _ => "Not a view".into(),
        },
        _ => Cell::Null,
    })
}

/// The statement that made a model, as it was written.
fn modeldef(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(text) = call.text(0, row) else { return Ok(Cell::Null) };
    let path = identifier_path(text);
    let found = match path.as_deref() {
        Some([name]) => Some((None, name)),
        Some([schema, name] | [_, schema, name]) => Some((Some(schema.clone()), name)),
        _ => None,
    };
    let model = found.and_then(|(schema, name)| {
        let name = NameRef { schema, name: name.clone(), position: 1 };
        call.snapshot.definitions.find_model(&name, &call.path)
    });
    match model {
        Some(model) => Ok(model.statement.as_str().into()),
        None => Err(undefined("model", text).into()),
    }
}

fn constraintdef(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(Object::Constraint(relation, name)) = call.oid(0, row).and_then(|oid| call.snapshot.object(oid)) else {
        return Ok(Cell::Null);
    };
    let key = call
        .snapshot
        .definitions
        .relation(relation)
        .and_then(|relation| keys(relation).into_iter().find(|key| key.name == *name));
    Ok(key
        .map(|key| {
            let columns: Vec<String> = key.columns.iter().map(|column| quote_identifier(column)).collect();
            format!("{} ({})", if key.primary { "PRIMARY KEY" } else { "UNIQUE" }, columns.join(", "))
        })
        .into())
}

/// The whole index, or one column of it.
fn indexdef(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(oid) = call.oid(0, row) else { return Ok(Cell::Null) };
    let Some((relation, key)) = call.snapshot.index(oid) else { return Ok(Cell::Null) };
    let column = match call.int(1, row) {
        Some(column) if column != 0 => usize::try_from(column).ok().and_then(|column| column.checked_sub(1)),
        _ => {
            let pretty = call.bool(2, row) == Some(true);
            let table = call.snapshot.relation_oid(&relation.name).into();
            let qualified = !pretty || call.snapshot.visible(table, &call.path) != Some(true);
            return Ok(indexes::definition(relation, key, qualified).into());
        }
    };
    let column = column.and_then(|column| key.columns.get(column));
    Ok(column.map_or_else(String::new, |column| quote_identifier(column)).into())
}

fn function_result(call: &Call<'_>, oid: i64) -> Option<String> {
    if let Some(function) = call.snapshot.function(oid) {
        return Some(function.result.clone());
    }
    let (batch, row) = call.statics.proc_row(oid)?;
    let result = statics::int(batch, "prorettype", row)?;
    let name = call.statics.type_name(result)?;
    let is_set = batch
        .column_by_name("proretset")
        .and_then(|values| datafusion::arrow::array::AsArray::as_boolean_opt(values))
        .is_some_and(|values| values.value(row));
    Some(if is_set { format!("SETOF {name}") } else { name })
}

/// The arguments of a function in words; those it gives back only when `all`.
fn function_arguments(call: &Call<'_>, oid: i64, all: bool) -> Option<String> {
    if let Some(function) = call.snapshot.function(oid) {
        return Some(function.arguments.clone());
    }
    let (batch, row) = call.statics.proc_row(oid)?;
    let list = |column: &str| -> Vec<String> {
        let Some(values) = batch.column_by_name(column) else { return vec![] };
        datafusion::arrow::util::display::array_value_to_string(values, row)
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .split(", ")
            .filter(|item| !item.is_empty())
            .map(str::to_string)
            .collect()
    };
    let (every, modes, names) = (list("proallargtypes"), list("proargmodes"), list("proargnames"));
    let types = if every.is_empty() {
        let vector = statics::text(batch, "proargtypes", row).unwrap_or_default();
        vector.split(' ').filter(|item| !item.is_empty()).map(str::to_string).collect()
    } else {
        every
    };
    let mut words = vec![];
    for (at, type_oid) in types.iter().enumerate() {
        let mode = match modes.get(at).map(String::as_str) {
            Some("o" | "t") if !all => continue,
            // A column of a result table belongs to the result.
            Some("t") => continue,
            Some("o") => "OUT ",
            Some("b") => "INOUT ",
            Some("v") => "VARIADIC ",
            _ => "",
        };
        let name = names.get(at).filter(|name| !name.is_empty()).map(|name| format!("{} ", quote_identifier(name)));
        let type_name = type_oid.parse().ok().and_then(|oid| call.statics.type_name(oid)).unwrap_or_default();
        words.push(format!("{mode}{}{type_name}", name.unwrap_or_default()));
    }
    Some(words.join(", "))
}

/// A head without a body: every function of this program is built in.
/// As Postgres writes a built-in function. Bodies in SQL are not kept: such a function is shown as one of the program's.
fn functiondef(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(oid) = call.oid(0, row) else { return Ok(Cell::Null) };
    let (name, words, source) = match call.snapshot.function(oid) {
        Some(function) => {
            let name = format!("public.{}", quote_identifier(&function.name));
            (name, vec![volatility(function.volatility), Some("PARALLEL SAFE".to_string())], function.name.clone())
        }
        None => {
            let Some((batch, row)) = call.statics.proc_row(oid) else { return Ok(Cell::Null) };
            let text = |column: &str| statics::text(batch, column, row).unwrap_or_default();
            if text("prokind") == "a" {
                let message = format!("\"{}\" is an aggregate function", text("proname"));
                return Err(Error::new(SqlState("42809"), message).into());
            }
            let strict = batch.column_by_name("proisstrict").and_then(|column| column.as_boolean_opt());
            let parallel = match text("proparallel").as_str() {
                "s" => Some("PARALLEL SAFE".to_string()),
                "r" => Some("PARALLEL RESTRICTED".to_string()),
                _ => None,
            };
            let strict = strict.is_some_and(|strict| strict.value(row)).then(|| "STRICT".to_string());
            let name = format!("{PG_CATALOG}.{}", quote_identifier(&text("proname")));
            (name, vec![volatility(&text("provolatile")), parallel, strict], text("prosrc"))
        }
    };
    let words: Vec<String> = words.into_iter().flatten().collect();
    let words = if words.is_empty() { String::new() } else { format!(" {}\n", words.join(" ")) };
    let arguments = function_arguments(call, oid, true).unwrap_or_default();
    let result = function_result(call, oid).unwrap_or_default();
    Ok(format!(
        "CREATE OR REPLACE FUNCTION {name}({arguments})\n RETURNS {result}\n LANGUAGE internal\n{words}\
         AS $function${source}$function$\n"
    )
    .into())
}

fn volatility(letter: &str) -> Option<String> {
    match letter {
        "i" => Some("IMMUTABLE".to_string()),
        "s" => Some("STABLE".to_string()),
        _ => None,
    }
}

/// A type in words, with its modifier. Without a modifier (none) `bpchar` is `character`, with -1 it is `bpchar`, as
/// in Postgres.
pub fn format_type(statics: &Statics, oid: i64, modifier: Option<i64>) -> String {
    const BPCHAR: i64 = 1042;
    const VARCHAR: i64 = 1043;
    const NUMERIC: i64 = 1700;
    if oid == 0 {
        return "-".to_string();
    }
    match (oid, modifier) {
        (1014, _) => return format!("{}[]", format_type(statics, BPCHAR, modifier)),
        (1015, _) => return format!("{}[]", format_type(statics, VARCHAR, modifier)),
        (1231, _) => return format!("{}[]", format_type(statics, NUMERIC, modifier)),
        (BPCHAR, Some(-1)) => return "bpchar".to_string(),
        (BPCHAR, Some(n)) if n > 4 => return format!("character({})", n - 4),
        (VARCHAR, Some(n)) if n > 4 => return format!("character varying({})", n - 4),
        (NUMERIC, Some(n)) if n > 4 => {
            let (precision, scale) = (((n - 4) >> 16) & 0xffff, (n - 4) & 0x7ff);
            // The scale is a signed number of eleven bits.
            let scale = (scale ^ 1024) - 1024;
            return format!("numeric({precision},{scale})");
        }
        _ => {}
    }
    if let (Some(digits), Ok(Some(kind))) =
        (modifier.and_then(|n| time_precision::of_modifier(oid, n)), u32::try_from(oid).map(PgType::from_oid))
    {
        return time_precision::name(&kind, Some(digits));
    }
    statics.type_name(oid).unwrap_or_else(|| "???".to_string())
}

fn obj_description(call: &Call<'_>, row: usize) -> Result<Cell> {
    if call.given(1) && call.text(1, row).is_none() {
        return Ok(Cell::Null);
    }
    let class_name = call.text(1, row);
    let Some(oid) = oid_in(call, 0, row, class_name) else { return Ok(Cell::Null) };
    let class = match class_name {
        Some(name) => {
            let bare = name.trim_start_matches("pg_catalog.");
            let Some(shape) = shapes::pg_catalog().get(bare) else { return Ok(Cell::Null) };
            Some(i64::from(shape.oid))
        }
        None => None,
    };
    let comment = call.snapshot.comment(oid, class, 0);
    Ok(comment.or_else(|| call.statics.description(oid, class, 0)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_modifiers() {
        let statics = Statics::get().unwrap();
        let print = |oid, modifier| format_type(statics, oid, modifier);
        assert_eq!(print(1700, Some(((12 << 16) | 2) + 4)), "numeric(12,2)");
        assert_eq!(print(1184, Some(3)), "timestamp(3) with time zone");
        assert_eq!(print(1083, Some(0)), "time(0) without time zone");
        assert_eq!(print(1186, Some(2_147_418_114)), "interval(2)");
        assert_eq!(print(1115, Some(1)), "timestamp(1) without time zone[]");
        assert_eq!(print(1114, Some(-1)), "timestamp without time zone");
        assert_eq!(print(1043, Some(24)), "character varying(20)");
        assert_eq!(print(1043, Some(-1)), "character varying");
        assert_eq!(print(1042, Some(-1)), "bpchar");
        assert_eq!(print(1042, None), "character");
        assert_eq!(print(1015, Some(24)), "character varying(20)[]");
        assert_eq!(print(2950, Some(-1)), "uuid");
        assert_eq!(print(0, None), "-");
    }
}
