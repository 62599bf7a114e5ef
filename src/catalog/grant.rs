//! GRANT and REVOKE of privileges: who was granted what, and by whom, is kept with each object.

use super::acl::{Acl, ObjectKind, Revocation};
use super::change::{changeable, undefined};
use super::definitions::{DATABASE, Definitions, OWNER, Origin, RelationDef, RelationName};
use super::pg::FunctionInfo;
use super::pg::callable::{self, Callable};
use super::rights::{Rights, denied};
use super::role::DefaultAcl;
use crate::ddl::statement::{DefaultPrivileges, Grant, GrantTarget, NamedPrivilege};
use crate::error::{Error, Result, SqlState};

/// A warning of a statement that did less than it says: its SQLSTATE and its text.
pub type Warning = (SqlState, String);

/// What a statement grants of one object: whose it is, what it is called, and the privileges.
struct Granting<'a> {
    grant: &'a Grant,
    kind: ObjectKind,
    owner: &'a str,
    /// The object's kind and name, for messages.
    words: &'a str,
    /// The object's name.
    name: &'a str,
    letters: String,
}

/// Who grants on an object, and which of the privileges it may grant.
struct Grantor {
    role: String,
    letters: String,
}

impl Definitions {
    /// Grants or revokes privileges in the name of `by`. A file may speak of what files define, the wire of what it made.
    /// 42501 for a role that may not grant anything on the object; what it may not grant of several is left out, and
    /// told.
    /// `added` are the functions that this program adds.
    pub fn grant(
        &mut self,
        grant: &Grant,
        origin: &Origin,
        search_path: &[String],
        by: &str,
        added: &[FunctionInfo],
    ) -> Result<Vec<Warning>> {
        for role in grant.grantees.iter().flatten() {
            self.need_role(role)?;
        }
        let mut warnings = vec![];
        match &grant.on {
            GrantTarget::Relations(names) => {
                for name in names {
                    let relation = self.find_mut(name, search_path)?.name.clone();
                    self.grant_on(&relation, grant, origin, by, &mut warnings)?;
                }
            }
            GrantTarget::AllIn(schemas) => {
                for schema in schemas {
                    if !self.schemas.contains_key(schema) {
                        return Err(no_schema(schema));
                    }
                    let inside: Vec<RelationName> =
                        self.relations.keys().filter(|name| name.schema == *schema).cloned().collect();
                    for relation in inside {
                        self.grant_on(&relation, grant, origin, by, &mut warnings)?;
                    }
                }
            }
            GrantTarget::Schemas(names) => {
                for name in names {
                    let schema = self.schemas.get(name).ok_or_else(|| no_schema(name))?;
                    may(&schema.origin, origin, &format!("schema {name}"))?;
                    let mut acl = schema.acl.clone();
                    let words = format!("schema {name}");
                    let granting = Granting::new(grant, ObjectKind::Schema, &schema.owner, &words, name)?;
                    granting.apply(&self.rights(by), &mut acl, &mut warnings)?;
                    if let Some(schema) = self.schemas.get_mut(name) {
                        schema.acl = acl;
                    }
                }
            }
            GrantTarget::Servers(names) => {
                for name in names {
                    let server = self.servers.get(name).ok_or_else(|| undefined("server", name))?;
                    may(&server.origin, origin, &format!("server {name}"))?;
                    let mut acl = server.acl.clone();
                    let words = format!("foreign server {name}");
                    let granting = Granting::new(grant, ObjectKind::Server, &server.owner, &words, name)?;
                    granting.apply(&self.rights(by), &mut acl, &mut warnings)?;
                    if let Some(server) = self.servers.get_mut(name) {
                        server.acl = acl;
                    }
                }
            }
            GrantTarget::Databases(names) => {
                for name in names {
                    if name != DATABASE {
                        let message = format!("database \"{name}\" does not exist");
                        return Err(Error::new(SqlState::INVALID_CATALOG_NAME, message));
                    }
                    let mut acl = self.database.acl.clone();
                    let words = format!("database {name}");
                    let granting = Granting::new(grant, ObjectKind::Database, OWNER, &words, name)?;
                    granting.apply(&self.rights(by), &mut acl, &mut warnings)?;
                    self.database.acl = acl;
                }
            }
            GrantTarget::Functions(word, names) => {
                let named = names.iter().map(|name| callable::find(name, *word, added)).collect::<Result<Vec<_>>>()?;
                for function in &named {
                    self.grant_on_function(function, grant, by, &mut warnings)?;
                }
            }
            GrantTarget::FunctionsIn(word, schemas) => {
                for schema in schemas {
                    let inside = callable::in_schema(schema, *word, added);
                    if inside.is_empty() && !self.schemas.contains_key(schema) && schema != INFORMATION_SCHEMA {
                        return Err(no_schema(schema));
                    }
                    for function in &inside {
                        self.grant_on_function(function, grant, by, &mut warnings)?;
                    }
                }
            }
        }
        Ok(warnings)
    }

    fn grant_on_function(
        &mut self,
        function: &Callable,
        grant: &Grant,
        by: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let usual = function.usual();
        let mut acl = Some(self.database.functions.get(&function.key).unwrap_or(&usual).clone());
        let words = format!("function {}", function.name);
        let granting = Granting::new(grant, ObjectKind::Function, OWNER, &words, &function.name)?;
        granting.apply(&self.rights(by), &mut acl, warnings)?;
        match acl.filter(|acl| *acl != usual) {
            Some(acl) => drop(self.database.functions.insert(function.key.clone(), acl)),
            None => drop(self.database.functions.remove(&function.key)),
        }
        Ok(())
    }

    fn grant_on(
        &mut self,
        name: &RelationName,
        grant: &Grant,
        origin: &Origin,
        by: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let Some(relation) = self.relations.get(name) else { return Ok(()) };
        may(&relation.origin, origin, &format!("{} {}", relation.kind_name(), relation.name))?;
        let rights = self.rights(by);
        let (mut acl, mut columns) = (relation.acl.clone(), relation.column_acls.clone());
        // As in Postgres, whatever kind of relation it is.
        let words = format!("table {}", name.name);
        let granting =
            |kind, letters| Granting { grant, kind, owner: &relation.owner, words: &words, name: &name.name, letters };
        let whole: Vec<NamedPrivilege> = grant.privileges.iter().filter(|p| p.columns.is_empty()).cloned().collect();
        if !whole.is_empty() {
            let letters = letters(ObjectKind::Relation, &whole)?;
            granting(ObjectKind::Relation, letters.clone()).apply(&rights, &mut acl, warnings)?;
            // What is taken away on the relation is taken away on its columns.
            if grant.revoke {
                let of_columns: String = letters.chars().filter(|l| ObjectKind::Column.all().contains(*l)).collect();
                for on_column in columns.values_mut() {
                    let granting = granting(ObjectKind::Column, of_columns.clone());
                    // Who may not take anything away was told of the relation.
                    if rights.has(&relation.owner) {
                        let grantor = Grantor { role: relation.owner.clone(), letters: of_columns.clone() };
                        let mut there = Some(std::mem::take(on_column));
                        granting.change(&grantor, &mut there)?;
                        *on_column = there.unwrap_or_default();
                    }
                }
            }
        }
        for privilege in grant.privileges.iter().filter(|p| !p.columns.is_empty()) {
            let letters = letters(ObjectKind::Column, std::slice::from_ref(privilege))?;
            for column in &privilege.columns {
                has_column(relation, column)?;
                // Who may grant on the relation may grant on its columns.
                let mut there = columns.get(column).cloned();
                let granting = granting(ObjectKind::Column, letters.clone());
                let grantor = granting.grantor(&rights, &[acl.as_ref(), there.as_ref()], warnings)?;
                if let Some(grantor) = grantor {
                    granting.change(&grantor, &mut there)?;
                }
                columns.insert(column.clone(), there.unwrap_or_default());
            }
        }
        columns.retain(|_, acl| !acl.0.is_empty());
        if let Some(relation) = self.relations.get_mut(name) {
            relation.acl = acl;
            relation.column_acls = columns;
        }
        Ok(())
    }

    /// ALTER DEFAULT PRIVILEGES in the name of `by`.
    pub fn change_defaults(&mut self, change: &DefaultPrivileges, by: &str) -> Result<()> {
        for role in change.roles.iter().chain(change.grant.grantees.iter().flatten()) {
            self.need_role(role)?;
        }
        let own = [by.to_string()];
        let roles = if change.roles.is_empty() { &own[..] } else { &change.roles };
        let kind = change.kind;
        let letters = letters(kind, &change.grant.privileges)?;
        for schema in &change.schemas {
            if !self.schemas.contains_key(schema) {
                return Err(no_schema(schema));
            }
        }
        let schemas: Vec<Option<String>> = match change.schemas.is_empty() {
            true => vec![None],
            false => change.schemas.iter().cloned().map(Some).collect(),
        };
        for role in roles {
            if !self.rights(by).has(role) {
                let message = format!("must be member of role \"{role}\"");
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
            for schema in &schemas {
                self.change_default(role, schema.as_deref(), kind, &change.grant, &letters)?;
            }
        }
        Ok(())
    }

    fn change_default(
        &mut self,
        role: &str,
        schema: Option<&str>,
        kind: ObjectKind,
        grant: &Grant,
        letters: &str,
    ) -> Result<()> {
        let is = |d: &DefaultAcl| d.role == role && d.schema.as_deref() == schema && d.kind() == kind;
        // In one schema the privileges come on top of the others.
        let usual = if schema.is_some() { Acl::default() } else { Acl::default_of(kind, role, "") };
        let mut acl = self.database.defaults.iter().find(|d| is(d)).map_or_else(|| usual.clone(), |d| d.acl.clone());
        let granting = Granting { grant, kind, owner: role, words: "", name: "", letters: letters.to_string() };
        let mut changed = Some(acl);
        let grantor = Grantor { role: role.to_string(), letters: letters.to_string() };
        granting.change(&grantor, &mut changed)?;
        acl = changed.unwrap_or_default();
        self.database.defaults.retain(|d| !is(d));
        if !acl.is_like(&usual) {
            let schema = schema.map(str::to_string);
            let (of_schemas, of_functions) = (kind == ObjectKind::Schema, kind == ObjectKind::Function);
            self.database.defaults.push(DefaultAcl { role: role.to_string(), schema, of_schemas, of_functions, acl });
        }
        Ok(())
    }

    /// The privileges that something new of a role's has; none for the usual ones.
    pub fn default_acl(&self, owner: &str, schema: Option<&str>, kind: ObjectKind) -> Option<Acl> {
        let find = |schema: Option<&str>| {
            let is = |d: &&DefaultAcl| d.role == owner && d.schema.as_deref() == schema && d.kind() == kind;
            self.database.defaults.iter().find(is).map(|d| &d.acl)
        };
        let everywhere = find(None);
        let here = schema.and_then(|schema| find(Some(schema)));
        if everywhere.is_none() && here.is_none() {
            return None;
        }
        let mut acl = everywhere.cloned().unwrap_or_else(|| Acl::default_of(kind, owner, ""));
        for entry in here.into_iter().flat_map(|acl| &acl.0) {
            for option in [false, true] {
                let letters: String =
                    kind.all().chars().filter(|l| if option { entry.grants(*l) } else { entry.gives(*l) }).collect();
                acl.grant(entry.grantee.as_deref(), &letters, &entry.grantor, option);
            }
        }
        Some(acl)
    }
}

/// A schema without functions that is always there.
const INFORMATION_SCHEMA: &str = "information_schema";

/// The letters of what is named; of all for ALL.
fn letters(kind: ObjectKind, privileges: &[NamedPrivilege]) -> Result<String> {
    let names: Option<Vec<String>> = privileges.iter().map(|privilege| privilege.name.clone()).collect();
    kind.letters(&names.unwrap_or_default())
}

fn has_column(relation: &RelationDef, column: &str) -> Result<()> {
    let columns = relation.columns();
    // A view of the files is spoken of before it is planned, when its columns are not known yet.
    if columns.is_empty() || columns.iter().any(|there| there.name == column) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::UNDEFINED_COLUMN,
        format!("column \"{column}\" of relation \"{}\" does not exist", relation.name.name),
    ))
}

fn no_schema(name: &str) -> Error {
    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
}

fn may(there: &Origin, origin: &Origin, what: &str) -> Result<()> {
    match origin {
        Origin::State => changeable(there, what),
        Origin::File(_) => Ok(()),
    }
}

impl<'a> Granting<'a> {
    fn new(grant: &'a Grant, kind: ObjectKind, owner: &'a str, words: &'a str, name: &'a str) -> Result<Self> {
        let letters = letters(kind, &grant.privileges)?;
        Ok(Granting { grant, kind, owner, words, name, letters })
    }

    /// In whose name it is granted, and what of it: as Postgres, the owner's where the role has the owner's privileges,
    /// else that of the role which may grant the most. None where nothing can be granted, which is told.
    fn grantor(
        &self,
        rights: &Rights<'_>,
        acls: &[Option<&Acl>],
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Grantor>> {
        if rights.has(self.owner) {
            return Ok(Some(Grantor { role: self.owner.to_string(), letters: self.letters.clone() }));
        }
        let entries = || acls.iter().flatten().flat_map(|acl| &acl.0);
        let may = |role: &str| -> String {
            let grants = |letter: &char| entries().any(|e| e.grantee.as_deref() == Some(role) && e.grants(*letter));
            self.letters.chars().filter(grants).collect()
        };
        let best = rights.roles().iter().map(|role| (may(role), *role)).max_by_key(|(letters, _)| letters.len());
        let (letters, role) = best.unwrap_or_default();
        if letters.is_empty() {
            let holds = entries().any(|e| e.grantee.as_deref().is_none_or(|grantee| rights.roles().contains(grantee)));
            if !holds {
                return Err(denied(self.words));
            }
        }
        let (state, verb) = match self.grant.revoke {
            false => (SqlState("01007"), "were granted"),
            true => (SqlState("01006"), "could be revoked"),
        };
        if letters.is_empty() {
            warnings.push((state, format!("no privileges {verb} for \"{}\"", self.name)));
            return Ok(None);
        }
        if letters.len() < self.letters.len() && self.grant.privileges.iter().all(|p| p.name.is_some()) {
            warnings.push((state, format!("not all privileges {verb} for \"{}\"", self.name)));
        }
        Ok(Some(Grantor { role: role.to_string(), letters }))
    }

    fn apply(&self, rights: &Rights<'_>, acl: &mut Option<Acl>, warnings: &mut Vec<Warning>) -> Result<()> {
        let usual = Acl::default_of(self.kind, self.owner, self.name);
        let there = acl.as_ref().unwrap_or(&usual);
        match self.grantor(rights, &[Some(there)], warnings)? {
            Some(grantor) => self.change(&grantor, acl),
            None => Ok(()),
        }
    }

    fn change(&self, grantor: &Grantor, acl: &mut Option<Acl>) -> Result<()> {
        let acl = acl.get_or_insert_with(|| Acl::default_of(self.kind, self.owner, self.name));
        for grantee in &self.grant.grantees {
            let grantee = grantee.as_deref();
            if self.grant.revoke {
                let how = Revocation { option_only: self.grant.option, cascade: self.grant.cascade };
                acl.revoke(grantee, &grantor.letters, &grantor.role, self.owner, how)?;
            } else {
                acl.grant(grantee, &grantor.letters, &grantor.role, self.grant.option);
            }
        }
        Ok(())
    }
}
