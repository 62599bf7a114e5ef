//! What definitions and COPY are about.

use super::touched::{Relation, Touched, full};
use crate::catalog::definitions::RelationName;
use crate::ddl::statement::{CommentTarget, Ddl, DropKind, GrantTarget, NameRef, SecurityChange};

/// What a definition is about, as the statement names it.
pub fn of_definition(ddl: &Ddl) -> Touched {
    let one = |kind: &str, name: &str| vec![format!("{kind} {name}")];
    let many = |kind: &str, names: &[String]| names.iter().map(|name| format!("{kind} {name}")).collect::<Vec<_>>();
    let relations =
        |kind: &str, names: &[NameRef]| names.iter().map(|name| format!("{kind} {}", name.shown())).collect::<Vec<_>>();
    let mapping = |user: &Option<String>, server: &str| {
        vec![format!("user mapping for {} server {server}", user.as_deref().unwrap_or("current_user"))]
    };
    let objects = match ddl {
        Ddl::CreateServer { name, .. } | Ddl::AlterServer { name, .. } | Ddl::RefreshServer { name } => {
            one("server", name)
        }
        Ddl::DropServer { names, .. } => many("server", names),
        Ddl::CreateUserMapping { user, server, .. }
        | Ddl::AlterUserMapping { user, server, .. }
        | Ddl::DropUserMapping { user, server, .. } => mapping(user, server),
        Ddl::Import { server, into, .. } => vec![format!("server {server}"), format!("schema {into}")],
        Ddl::CreateForeignTable { name, server, .. } => {
            vec![format!("foreign table {}", name.shown()), format!("server {server}")]
        }
        Ddl::CreateSchema { name, .. } => one("schema", name),
        Ddl::DropSchema { names, .. } => many("schema", names),
        Ddl::CreateView { name, .. } => one("view", &name.shown()),
        Ddl::CreateTable { name, .. } => one("table", &name.shown()),
        Ddl::Drop { kind, names, .. } => relations(kind.words(), names),
        Ddl::Rename { kind, name, .. } => one(kind.words(), &name.shown()),
        Ddl::CreateRule { rule, .. } => vec![format!("rule {} on {}", rule.name, rule.relation.shown())],
        Ddl::DropRule { name, relation, .. } => vec![format!("rule {name} on {}", relation.shown())],
        Ddl::CreateModel { model, .. } => one("model", &model.name.shown()),
        Ddl::DropModel { names, .. } => relations("model", names),
        Ddl::Truncate { names } => relations(DropKind::Table.words(), names),
        Ddl::Comment { target, .. } => vec![match target {
            CommentTarget::Relation(kind, name) => format!("{} {}", kind.words(), name.shown()),
            CommentTarget::Column(relation, column) => format!("column {}.{column}", relation.shown()),
            CommentTarget::Schema(name) => format!("schema {name}"),
            CommentTarget::Server(name) => format!("server {name}"),
            CommentTarget::Model(name) => format!("model {}", name.shown()),
        }],
        Ddl::Grant(grant) => match &grant.on {
            GrantTarget::Relations(names) => relations("relation", names),
            GrantTarget::AllIn(schemas) | GrantTarget::Schemas(schemas) => many("schema", schemas),
            GrantTarget::Servers(names) => many("server", names),
            GrantTarget::Databases(names) => many("database", names),
            GrantTarget::Functions(_, functions) => {
                functions.iter().map(|function| format!("function {}", function.name.shown())).collect()
            }
            GrantTarget::FunctionsIn(_, schemas) => many("schema", schemas),
        },
        Ddl::CreateRole { name, .. } | Ddl::AlterRole { name, .. } | Ddl::RenameRole { name, .. } => one("role", name),
        Ddl::DropRole { names, .. } => many("role", names),
        Ddl::DropOwned { roles, .. } | Ddl::ReassignOwned { roles, .. } => many("role", roles),
        Ddl::DefaultPrivileges(defaults) => many("role", &defaults.roles),
        Ddl::Security(statement) => match &statement.change {
            SecurityChange::CreatePolicy { name, .. }
            | SecurityChange::AlterPolicy { name, .. }
            | SecurityChange::DropPolicy { name, .. } => {
                vec![format!("policy {name} on {}", statement.relation.shown())]
            }
            SecurityChange::Label { column, .. } => vec![format!("column {}.{column}", statement.relation.shown())],
            SecurityChange::RowLevel { .. } => one("relation", &statement.relation.shown()),
        },
        Ddl::GrantRole(grant) => [many("role", &grant.roles), many("role", &grant.members)].concat(),
    };
    Touched { objects, ..Touched::default() }
}

/// The local table that a COPY fills.
pub fn of_copy(name: &RelationName, columns: Vec<String>) -> Touched {
    let relation = Relation { name: full(name), kind: "table", access: "insert", columns, ..Relation::default() };
    Touched { relations: vec![relation], ..Touched::default() }
}
