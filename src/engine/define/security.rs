//! Row level security and masks: statements of both ways, over the wire and in files.

use crate::catalog::definitions::{Definitions, Origin, RelationDef, RelationKind};
use crate::ddl::statement::{DropKind, PolicyChange, SecurityChange, SecurityStatement};
use crate::engine::rules;
use crate::engine::session::Session;
use crate::engine::snapshot::Snapshot;
use crate::error::{Error, Result, SqlState};

/// Applies a statement that has its roles named; gives the command tag and notices.
pub(in crate::engine) fn apply_security(
    definitions: &mut Definitions,
    statement: &SecurityStatement,
    origin: &Origin,
    path: &[String],
) -> Result<(String, Vec<String>)> {
    let mut notices = vec![];
    let Some(relation) = definitions.find(&statement.relation, path) else {
        let skips = match &statement.change {
            SecurityChange::RowLevel { if_exists, .. } | SecurityChange::DropPolicy { if_exists, .. } => *if_exists,
            _ => false,
        };
        if skips {
            notices.push(format!("relation \"{}\" does not exist, skipping", statement.relation.name));
            return Ok((tag(&statement.change).to_string(), notices));
        }
        return Err(rules::missing(&statement.relation));
    };
    let name = relation.name.clone();
    let mut tag = tag(&statement.change).to_string();
    match &statement.change {
        SecurityChange::RowLevel { kind, changes, .. } => {
            is_of_kind(relation, *kind)?;
            tag = format!("ALTER {}", kind.words().to_uppercase());
            definitions.set_row_level(&name, changes, origin)?;
        }
        SecurityChange::CreatePolicy { name: policy, policy: def, .. } => {
            definitions.create_policy(&name, policy, def.clone(), origin)?;
        }
        SecurityChange::AlterPolicy { name: policy, change, .. } => definitions.alter_policy(&name, policy, change)?,
        SecurityChange::DropPolicy { name: policy, if_exists } => {
            notices.extend(definitions.drop_policy(&name, policy, *if_exists)?);
        }
        SecurityChange::Label { column, label } => definitions.label_column(&name, column, label.as_deref(), origin)?,
    }
    Ok((tag, notices))
}

fn tag(change: &SecurityChange) -> &'static str {
    match change {
        SecurityChange::RowLevel { .. } => "ALTER TABLE",
        SecurityChange::CreatePolicy { .. } => "CREATE POLICY",
        SecurityChange::AlterPolicy { .. } => "ALTER POLICY",
        SecurityChange::DropPolicy { .. } => "DROP POLICY",
        SecurityChange::Label { .. } => "SECURITY LABEL",
    }
}

/// 42809 for ALTER VIEW of what is no view. TABLE is said of every kind.
fn is_of_kind(relation: &RelationDef, kind: DropKind) -> Result<()> {
    let fits = match kind {
        DropKind::Table => true,
        DropKind::View => matches!(relation.kind, RelationKind::View(_)),
        DropKind::ForeignTable => matches!(relation.kind, RelationKind::Foreign(_)),
    };
    if fits {
        return Ok(());
    }
    Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a {}", relation.name.name, kind.words())))
}

/// The expressions of a statement with where they begin in it.
fn expressions(change: &SecurityChange) -> Vec<(&str, usize)> {
    let (using, check, offsets) = match change {
        SecurityChange::CreatePolicy { policy, offsets, .. } => (&policy.using, &policy.check, offsets),
        SecurityChange::AlterPolicy { change: PolicyChange::Parts { using, check, .. }, offsets, .. } => {
            (using, check, offsets)
        }
        _ => return vec![],
    };
    let parts = [(using, offsets[0]), (check, offsets[1])];
    parts.into_iter().filter_map(|(text, offset)| Some((text.as_deref()?, offset))).collect()
}

/// Makes sure that what a statement says of a relation can be done: expressions must plan, and masks have their key.
/// Errors of expressions count from the statement's start.
pub(in crate::engine) async fn check_security(
    snapshot: &Snapshot,
    relation: &RelationDef,
    change: &SecurityChange,
) -> Result<()> {
    for (expression, offset) in expressions(change) {
        Box::pin(snapshot.check_policy(relation, expression)).await.map_err(|error| error.shifted(offset))?;
    }
    if let SecurityChange::Label { label: Some(_), .. } = change {
        snapshot.check_masks(relation, &relation.columns())?;
    }
    Ok(())
}

impl Session {
    /// Runs a statement about row level security or masks; gives the command tag and notices.
    pub(super) async fn secure(
        &self,
        definitions: &mut Definitions,
        statement: &SecurityStatement,
    ) -> Result<(String, Vec<String>)> {
        let statement = statement.named(&|name| self.named_role(name));
        let path = self.path();
        let relation = definitions.find(&statement.relation, &path).map(|relation| relation.name.clone());
        let done = apply_security(definitions, &statement, &Origin::State, &path)?;
        if let Some(name) = relation
            && let Some(relation) = definitions.relation(&name)
        {
            let snapshot = self.engine.snapshot_of(self.catalog())?;
            check_security(&snapshot, relation, &statement.change).await?;
        }
        Ok(done)
    }
}
