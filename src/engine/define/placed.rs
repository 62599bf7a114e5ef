//! Names without a schema in statements that make something. As in Postgres it is made in the first schema of the search
//! path that is there, and what a view or a model reads is what the path finds when that is made.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::dependencies::references;
use super::rename::with_schema;
use crate::catalog::definitions::{Definitions, PUBLIC, RelationName};
use crate::ddl::statement::{Ddl, NameRef};
use crate::engine::models::models_of;
use crate::engine::session::Session;
use crate::error::{Error, Result, SqlState};

impl Session {
    /// A definition where what it makes has its schema, and what a query reads that it keeps. Elsewhere a name without a
    /// schema is one in `public`.
    pub(in crate::engine) fn placed<'a>(&self, definitions: &Definitions, ddl: &'a Ddl) -> Result<Cow<'a, Ddl>> {
        if *self.search_path.read() == [PUBLIC] {
            return Ok(Cow::Borrowed(ddl));
        }
        let path = self.path();
        let mut placed = ddl.clone();
        match &mut placed {
            Ddl::CreateTable { name, .. } | Ddl::CreateForeignTable { name, .. } => place(name, definitions, &path)?,
            Ddl::CreateView { name, query, .. } => {
                place(name, definitions, &path)?;
                settle(query, definitions, &path)?;
            }
            Ddl::CreateModel { model, .. } => {
                place(&mut model.name, definitions, &path)?;
                settle(&mut model.query, definitions, &path)?;
            }
            _ => return Ok(Cow::Borrowed(ddl)),
        }
        Ok(Cow::Owned(placed))
    }
}

/// Gives what is to be made its schema; 3F000 where the path has none.
fn place(name: &mut NameRef, definitions: &Definitions, path: &[String]) -> Result<()> {
    if name.schema.is_some() {
        return Ok(());
    }
    let is_there = |schema: &str| {
        definitions.schemas.contains_key(schema) || schema == "pg_catalog" || schema == "information_schema"
    };
    match path.iter().find(|schema| is_there(schema)) {
        Some(schema) => {
            name.schema = Some(schema.clone());
            Ok(())
        }
        None => Err(Error::new(SqlState::INVALID_SCHEMA_NAME, "no schema has been selected to create in")
            .with_position(Some(name.position))),
    }
}

/// Gives what a query reads its schema, where that is not `public`: once the query is kept, its names are looked up
/// there. A query that does not parse is told by who plans it.
fn settle(query: &mut String, definitions: &Definitions, path: &[String]) -> Result<()> {
    let public = [PUBLIC.to_string()];
    let Ok(read) = references(query) else { return Ok(()) };
    let bare = read.into_iter().filter(|name| name.schema.is_none());
    let bare: BTreeMap<String, NameRef> = bare.map(|name| (name.name.clone(), name)).collect();
    for name in bare.into_values() {
        match definitions.find(&name, path) {
            Some(found) if found.name.schema == PUBLIC => {}
            Some(found) => *query = with_schema(query, &found.name).ok_or_else(|| unsettled(&found.name))?,
            None if definitions.find(&name, &public).is_some() => {
                return Err(Error::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("relation \"{}\" does not exist", name.name),
                ));
            }
            None => {}
        }
    }
    let models = models_of(query, path, definitions)?;
    let in_public = models_of(query, &public, definitions)?;
    match models.into_iter().find(|model| !in_public.contains(model)) {
        Some(model) => Err(unsettled(&model)),
        None => Ok(()),
    }
}

fn unsettled(name: &RelationName) -> Error {
    Error::unsupported(format!("\"{}\" is named in a way that its schema cannot be added to", name.name))
        .with_hint(format!("Write {name} in the query."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_in_the_first_schema_that_is_there() {
        let mut definitions = Definitions::default();
        definitions.ensure_schema("sy", &crate::catalog::definitions::Origin::State);
        let placed = |schema: Option<&str>, path: &[&str]| {
            let mut name = NameRef { schema: schema.map(str::to_string), name: "t".into(), position: 1 };
            let path: Vec<String> = path.iter().map(ToString::to_string).collect();
            place(&mut name, &definitions, &path).map(|()| name.schema.unwrap_or_default()).map_err(|e| e.state())
        };
        assert_eq!(placed(None, &["nope", "sy"]), Ok("sy".to_string()));
        assert_eq!(placed(Some("nope"), &["sy"]), Ok("nope".to_string()));
        assert_eq!(placed(None, &["nope"]), Err(SqlState::INVALID_SCHEMA_NAME));
        assert_eq!(placed(None, &[]), Err(SqlState::INVALID_SCHEMA_NAME));
        assert_eq!(placed(None, &["pg_catalog", "sy"]), Ok("pg_catalog".to_string()));
    }
}
