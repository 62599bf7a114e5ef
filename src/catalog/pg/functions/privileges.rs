//! `has_*_privilege` and `pg_has_role`: what a role may do, by names or OIDs.

use datafusion::error::Result;

use super::names::{check_schema, oid_in};
use super::session::yes;
use super::spec::{Call, Param, Returns, Spec};
use crate::catalog::acl;
use crate::catalog::definitions::{DATABASE, OWNER, RelationDef};
use crate::catalog::pg::callable::{self, Callable};
use crate::catalog::pg::rows::Cell;
use crate::catalog::pg::snapshot::{DATABASE_OID, Object, Relation};
use crate::catalog::rights::Rights;
use crate::error::{Error, SqlState};

use Param::{Any, Oid};

/// The functions of this file. The role may be left out; then it is who asks.
pub const SPECS: &[Spec] = &[
    Spec::new("has_table_privilege", &[Oid, Oid, Oid], Returns::Bool, has_table).requires(2),
    Spec::new("has_any_column_privilege", &[Oid, Oid, Oid], Returns::Bool, has_any_column).requires(2),
    Spec::new("has_column_privilege", &[Oid, Oid, Oid, Oid], Returns::Bool, has_column).requires(3),
    Spec::new("has_schema_privilege", &[Oid, Oid, Oid], Returns::Bool, has_schema).requires(2),
    Spec::new("has_server_privilege", &[Oid, Oid, Oid], Returns::Bool, has_server).requires(2),
    Spec::new("has_database_privilege", &[Oid, Oid, Oid], Returns::Bool, has_database).requires(2),
    Spec::new("pg_has_role", &[Oid, Oid, Oid], Returns::Bool, has_role).requires(2),
    // There is nothing of these kinds that could be taken away from the owner or given to another.
    Spec::new("has_foreign_data_wrapper_privilege", &[Oid, Oid, Oid], Returns::Bool, owner_alone).requires(2),
    Spec::new("has_parameter_privilege", &[Oid, Oid, Oid], Returns::Bool, owner_alone).requires(2),
    Spec::new("has_sequence_privilege", &[Oid, Oid, Oid], Returns::Bool, owner_alone).requires(2),
    Spec::new("has_tablespace_privilege", &[Oid, Oid, Oid], Returns::Bool, owner_alone).requires(2),
    Spec::new("has_function_privilege", &[Oid, Oid, Oid], Returns::Bool, has_function).requires(2),
    // Languages and types are everyone's.
    Spec::new("has_language_privilege", &[Any, Any, Any], Returns::Bool, yes).requires(2),
    Spec::new("has_type_privilege", &[Any, Any, Any], Returns::Bool, yes).requires(2),
];

/// One privilege that is asked for.
struct Asked {
    letter: char,
    option: bool,
}

/// Who is asked about, and the arguments after it.
struct Question {
    role: String,
    at: usize,
    asked: Vec<Asked>,
}

fn undefined_role(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
}

/// The role in an argument; none for NULL. An OID that is no role's is nobody.
fn role_at(call: &Call<'_>, at: usize, row: usize) -> Result<Option<String>> {
    if let Some(oid) = call.int(at, row) {
        return Ok(Some(call.snapshot.role_name(oid).unwrap_or_default().to_string()));
    }
    let Some(name) = call.text(at, row) else { return Ok(None) };
    if name != "public" && !call.snapshot.definitions.has_role(name) {
        return Err(undefined_role(name).into());
    }
    Ok(Some(name.to_string()))
}

fn unrecognized(text: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{text}\""))
}

/// The privileges of a text such as `SELECT, UPDATE WITH GRANT OPTION`, of those that the kind of object has.
fn asked(text: &str, letters: &str) -> Result<Vec<Asked>> {
    let one = |word: &str| {
        let upper = word.trim().to_ascii_uppercase();
        let (name, option) = match upper.strip_suffix(" WITH GRANT OPTION") {
            Some(name) => (name, true),
            None => (upper.as_str(), false),
        };
        let letter = acl::letter(name).filter(|letter| letters.contains(*letter));
        Ok(Asked { letter: letter.ok_or_else(|| unrecognized(word.trim()))?, option })
    };
    text.split(',').map(one).collect()
}

/// Reads the question of a call with so many arguments besides the role; none where one of them is NULL.
fn question(call: &Call<'_>, row: usize, arguments: usize, letters: &str) -> Result<Option<Question>> {
    let named = call.count() > arguments;
    let role = match named {
        true => role_at(call, 0, row)?,
        false => Some(call.session.current_user()),
    };
    let at = usize::from(named);
    let (Some(role), Some(text)) = (role, call.text(at + arguments - 1, row)) else { return Ok(None) };
    Ok(Some(Question { role, at, asked: asked(text, letters)? }))
}

/// The relation in an argument; none for NULL and for an OID that is no relation's. 42P01 for a name that is none.
fn relation_at<'a>(call: &'a Call<'_>, at: usize, row: usize) -> Result<Option<Relation<'a>>> {
    if let Some(oid) = oid_in(call, at, row, None) {
        return Ok(call.snapshot.relation(oid));
    }
    match call.text(at, row) {
        Some(name) => {
            check_schema(call, name)?;
            Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{name}\" does not exist")).into())
        }
        None => Ok(None),
    }
}

/// Whether one of what is asked holds.
fn any(asked: &[Asked], holds: impl Fn(&Asked) -> bool) -> Cell {
    asked.iter().any(holds).into()
}

fn on_relation(rights: &Rights<'_>, relation: &RelationDef, asked: &Asked) -> bool {
    let letter = asked.letter.to_string();
    if asked.option {
        rights.grants(relation.acl.as_ref(), &relation.owner, &letter)
    } else {
        rights.relation(relation, &letter)
    }
}

/// The system's relations are for everyone to read, but for the passwords.
fn on_system(role: &str, name: &str, asked: &Asked) -> bool {
    role == OWNER || (asked.letter == 'r' && !asked.option && !crate::catalog::pg::schema::is_secret(name))
}

fn has_table(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "arwdDxt")? else { return Ok(Cell::Null) };
    let rights = call.snapshot.definitions.rights(&question.role);
    Ok(match relation_at(call, question.at, row)? {
        Some(Relation::Defined(relation)) => any(&question.asked, |asked| on_relation(&rights, relation, asked)),
        Some(Relation::System(shape)) => any(&question.asked, |asked| on_system(&question.role, shape.name, asked)),
        None => Cell::Null,
    })
}

fn has_any_column(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "arwx")? else { return Ok(Cell::Null) };
    let rights = call.snapshot.definitions.rights(&question.role);
    Ok(match relation_at(call, question.at, row)? {
        Some(Relation::Defined(relation)) => any(&question.asked, |asked| {
            on_relation(&rights, relation, asked)
                || relation.column_acls.keys().any(|column| on_column(&rights, relation, column, asked))
        }),
        Some(Relation::System(shape)) => any(&question.asked, |asked| on_system(&question.role, shape.name, asked)),
        None => Cell::Null,
    })
}

fn on_column(rights: &Rights<'_>, relation: &RelationDef, column: &str, asked: &Asked) -> bool {
    let letter = asked.letter.to_string();
    if asked.option {
        rights.grants(relation.acl.as_ref(), &relation.owner, &letter)
            || rights.grants(relation.column_acls.get(column), &relation.owner, &letter)
    } else {
        rights.column(relation, column, &letter)
    }
}

fn has_column(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 3, "arwx")? else { return Ok(Cell::Null) };
    let rights = call.snapshot.definitions.rights(&question.role);
    let at = question.at + 1;
    match relation_at(call, question.at, row)? {
        Some(Relation::Defined(relation)) => {
            let columns = relation.columns();
            let column = match (call.int(at, row), call.text(at, row)) {
                (Some(number), _) => {
                    usize::try_from(number).ok().and_then(|number| columns.get(number.checked_sub(1)?)).cloned()
                }
                (None, Some(name)) => {
                    let found = columns.iter().find(|column| column.name == name).cloned();
                    Some(found.ok_or_else(|| {
                        Error::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{name}\" of relation \"{}\" does not exist", relation.name.name),
                        )
                    })?)
                }
                (None, None) => None,
            };
            let Some(column) = column else { return Ok(Cell::Null) };
            Ok(any(&question.asked, |asked| on_column(&rights, relation, &column.name, asked)))
        }
        Some(Relation::System(shape)) => Ok(any(&question.asked, |asked| on_system(&question.role, shape.name, asked))),
        None => Ok(Cell::Null),
    }
}

fn has_schema(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "UC")? else { return Ok(Cell::Null) };
    let definitions = &call.snapshot.definitions;
    let name = match (call.int(question.at, row), call.text(question.at, row)) {
        (Some(oid), _) => match call.snapshot.object(oid) {
            Some(Object::Schema(name)) => name.clone(),
            _ => return Ok(Cell::Null),
        },
        (None, Some(name)) if call.snapshot.schema_oid(name) != 0 => name.to_string(),
        (None, Some(name)) => {
            return Err(Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")).into());
        }
        (None, None) => return Ok(Cell::Null),
    };
    let rights = definitions.rights(&question.role);
    Ok(any(&question.asked, |asked| match definitions.schemas.get(&name) {
        Some(schema) if asked.option => rights.grants(schema.acl.as_ref(), &schema.owner, &asked.letter.to_string()),
        Some(schema) => rights.schema(schema, &asked.letter.to_string()),
        // The system's.
        None => rights.is_owner() || (asked.letter == 'U' && !asked.option),
    }))
}

fn has_server(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "U")? else { return Ok(Cell::Null) };
    let name = match (call.int(question.at, row), call.text(question.at, row)) {
        (Some(oid), _) => match call.snapshot.object(oid) {
            Some(Object::Server(name)) => name.clone(),
            _ => return Ok(Cell::Null),
        },
        (None, Some(name)) => name.to_string(),
        (None, None) => return Ok(Cell::Null),
    };
    let Some(server) = call.snapshot.definitions.servers.get(&name) else {
        return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("server \"{name}\" does not exist")).into());
    };
    let rights = call.snapshot.definitions.rights(&question.role);
    Ok(any(&question.asked, |asked| match asked.option {
        true => rights.grants(server.acl.as_ref(), &server.owner, "U"),
        false => rights.server(server),
    }))
}

fn has_database(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "CTc")? else { return Ok(Cell::Null) };
    match (call.int(question.at, row), call.text(question.at, row)) {
        (Some(oid), _) if oid == i64::from(DATABASE_OID) => {}
        (None, Some(DATABASE)) => {}
        (None, Some(name)) => {
            return Err(
                Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist")).into()
            );
        }
        _ => return Ok(Cell::Null),
    }
    let definitions = &call.snapshot.definitions;
    let rights = definitions.rights(&question.role);
    Ok(any(&question.asked, |asked| {
        let letter = asked.letter.to_string();
        match asked.option {
            true => rights.grants(definitions.database.acl.as_ref(), OWNER, &letter),
            false => rights.database(&letter),
        }
    }))
}

fn has_function(call: &Call<'_>, row: usize) -> Result<Cell> {
    let Some(question) = question(call, row, 2, "X")? else { return Ok(Cell::Null) };
    let added = &call.snapshot.functions;
    let callable = match (call.int(question.at, row), call.text(question.at, row)) {
        (Some(oid), _) => match call.snapshot.function(oid) {
            Some(function) => Some(Callable::added(function)),
            None => callable::of_oid(oid).cloned(),
        },
        (None, Some(text)) => match callable::of_text(text, added)? {
            Some(callable) => Some(callable),
            None => {
                let message = format!("function \"{text}\" does not exist");
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).into());
            }
        },
        (None, None) => None,
    };
    let Some(callable) = callable else { return Ok(Cell::Null) };
    let definitions = &call.snapshot.definitions;
    let rights = definitions.rights(&question.role);
    Ok(any(&question.asked, |asked| match asked.option {
        true => rights.grants(definitions.database.functions.get(&callable.key), OWNER, "X"),
        false => rights.calls(&callable),
    }))
}

fn owner_alone(call: &Call<'_>, row: usize) -> Result<Cell> {
    let role = match call.count() > 2 {
        true => role_at(call, 0, row)?,
        false => Some(call.session.current_user()),
    };
    Ok(role.map(|role| role == OWNER).into())
}

fn has_role(call: &Call<'_>, row: usize) -> Result<Cell> {
    let named = call.count() > 2;
    let member = match named {
        true => role_at(call, 0, row)?,
        false => Some(call.session.current_user()),
    };
    let at = usize::from(named);
    let (Some(member), Some(of), Some(text)) = (member, role_at(call, at, row)?, call.text(at + 1, row)) else {
        return Ok(Cell::Null);
    };
    let definitions = &call.snapshot.definitions;
    let mut found = false;
    for word in text.split(',') {
        let upper = word.trim().to_ascii_uppercase();
        found |= match upper.as_str() {
            "USAGE" => definitions.rights(&member).has(&of),
            "MEMBER" => definitions.is_member(&member, &of),
            "USAGE WITH GRANT OPTION"
            | "USAGE WITH ADMIN OPTION"
            | "MEMBER WITH GRANT OPTION"
            | "MEMBER WITH ADMIN OPTION" => definitions.administers(&member, &of),
            _ => return Err(unrecognized(word.trim()).into()),
        };
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_read() {
        let read = |text| asked(text, "arw").map(|a| a.iter().map(|a| (a.letter, a.option)).collect::<Vec<_>>());
        assert_eq!(read(" select,UPDATE with grant option").unwrap(), [('r', false), ('w', true)]);
        assert!(read("USAGE").is_err() && read("").is_err());
    }
}
