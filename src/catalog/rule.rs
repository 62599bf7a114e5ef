//! Rules of validation: what the rows of a relation are to be, and what it means when one is not.

use serde::{Deserialize, Serialize};

use super::change::changeable;
use super::definitions::{Definitions, Origin, RelationName};
use crate::error::{Error, Result, SqlState};

/// What a broken rule means for the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The row is not to be used.
    Error,
    /// The row is worth a look.
    Warning,
}

impl Severity {
    /// As it is written and shown.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One rule. Its expression is true or null for a row that keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleDef {
    /// The relation whose rows it is about.
    pub relation: RelationName,
    /// Its name among the relation's rules.
    pub name: String,
    /// The expression in CHECK, as written.
    pub expression: String,
    /// What it means when it is broken.
    pub severity: Severity,
    /// What a broken rule leaves of the trust in the row, from 0 to 1; none where it was not said.
    pub trust: Option<f64>,
    /// What to tell of a row that breaks it; none where it was not said.
    pub message: Option<String>,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
}

impl RuleDef {
    /// What a broken rule leaves of the trust in the row: nothing where an error rule does not say it, all of it where
    /// a warning does not.
    pub fn factor(&self) -> f64 {
        self.trust.unwrap_or(match self.severity {
            Severity::Error => 0.0,
            Severity::Warning => 1.0,
        })
    }

    /// What to tell of a row that breaks it.
    pub fn told(&self) -> String {
        match &self.message {
            Some(message) => message.clone(),
            None => format!("breaks rule \"{}\"", self.name),
        }
    }

    /// The rule in messages.
    pub fn label(&self) -> String {
        format!("rule \"{}\" on {}", self.name, self.relation)
    }

    /// What it is known by in a catalog.
    pub fn key(&self) -> (RelationName, String) {
        (self.relation.clone(), self.name.clone())
    }
}

impl Definitions {
    /// The rules on a relation, in order of name.
    pub fn rules_on<'a>(&'a self, relation: &'a RelationName) -> impl Iterator<Item = &'a RuleDef> {
        self.rules
            .range((relation.clone(), String::new())..)
            .map(|(_, rule)| rule)
            .take_while(move |rule| rule.relation == *relation)
    }

    /// Adds a rule; 42710 when there is one of its name on the relation, unless it is to be replaced.
    pub fn add_rule(&mut self, rule: RuleDef, or_replace: bool) -> Result<()> {
        let key = rule.key();
        if let Some(there) = self.rules.get(&key) {
            // Of two files' rules of one name neither is the other's replacement.
            if !or_replace || matches!(rule.origin, Origin::File(_)) {
                let error = Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!("rule \"{}\" for relation \"{}\" already exists", rule.name, rule.relation.name),
                );
                return Err(match (&there.origin, &rule.origin) {
                    (Origin::File(first), Origin::File(_)) => error
                        .with_detail(format!("It is first defined in {}:{}:{}.", first.file, first.line, first.column)),
                    _ => error,
                });
            }
            changeable(&there.origin, &there.label())?;
        }
        self.rules.insert(key, rule);
        Ok(())
    }

    /// Drops a rule; gives a notice when there is none and that is no error.
    pub fn drop_rule(&mut self, relation: &RelationName, name: &str, if_exists: bool) -> Result<Option<String>> {
        let key = (relation.clone(), name.to_string());
        let Some(rule) = self.rules.get(&key) else {
            let missing = format!("rule \"{name}\" for relation \"{}\" does not exist", relation.name);
            return match if_exists {
                true => Ok(Some(format!("{missing}, skipping"))),
                false => Err(Error::new(SqlState::UNDEFINED_OBJECT, missing)),
            };
        };
        changeable(&rule.origin, &rule.label())?;
        self.rules.remove(&key);
        Ok(None)
    }

    /// Drops a relation's rules with it; a rule of the files is dropped in its file.
    pub(super) fn drop_rules_on(&mut self, relation: &RelationName) -> Result<()> {
        for rule in self.rules_on(relation) {
            changeable(&rule.origin, &rule.label())?;
        }
        self.rules.retain(|(on, _), _| on != relation);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Location;

    fn rule(schema: &str, table: &str, name: &str) -> RuleDef {
        RuleDef {
            relation: RelationName::new(schema, table),
            name: name.to_string(),
            expression: "id > 0".to_string(),
            severity: Severity::Error,
            trust: None,
            message: None,
            origin: Origin::State,
        }
    }

    #[test]
    fn rules_belong_to_their_relation() {
        let mut definitions = Definitions::default();
        for (schema, table, name) in [("a", "t", "z"), ("a", "t", ""), ("a", "t2", "b"), ("b", "t", "c")] {
            definitions.add_rule(rule(schema, table, name), false).unwrap();
        }
        let on = |definitions: &Definitions, table: &str| -> Vec<String> {
            definitions.rules_on(&RelationName::new("a", table)).map(|rule| rule.name.clone()).collect()
        };
        assert_eq!(on(&definitions, "t"), ["", "z"]);
        assert_eq!(on(&definitions, "t2"), ["b"]);
        assert!(on(&definitions, "t0").is_empty());
        definitions.drop_rules_on(&RelationName::new("a", "t")).unwrap();
        assert!(on(&definitions, "t").is_empty());
        assert_eq!(definitions.rules.len(), 2);
    }

    #[test]
    fn a_rule_is_replaced_where_it_was_made() {
        let mut definitions = Definitions::default();
        definitions.add_rule(rule("a", "t", "r"), false).unwrap();
        let twice = definitions.add_rule(rule("a", "t", "r"), false);
        assert_eq!(twice.unwrap_err().state(), SqlState::DUPLICATE_OBJECT);
        definitions.add_rule(rule("a", "t", "r"), true).unwrap();
        let place = Location { file: "1.sql".to_string(), line: 3, column: 1, text: String::new() };
        let of_a_file = RuleDef { origin: Origin::File(place), ..rule("a", "t", "f") };
        definitions.add_rule(of_a_file.clone(), false).unwrap();
        assert!(definitions.add_rule(of_a_file, true).unwrap_err().detail().unwrap_or_default().contains("1.sql:3"));
        let over = definitions.add_rule(rule("a", "t", "f"), true);
        assert_eq!(over.unwrap_err().state(), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        let table = RelationName::new("a", "t");
        assert!(definitions.drop_rule(&table, "f", false).is_err());
        assert!(definitions.drop_rules_on(&table).is_err());
        assert_eq!(definitions.drop_rule(&table, "r", false), Ok(None));
        assert!(definitions.drop_rule(&table, "r", true).unwrap().is_some_and(|told| told.contains("skipping")));
    }

    #[test]
    fn a_rule_is_kept_as_it_is() {
        let rule =
            RuleDef { message: Some("ad'ı \"x\"".to_string()), trust: Some(0.1), ..rule("Ş.x", "京", "r \"1\"") };
        let kept = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<RuleDef>(&kept).unwrap(), rule);
    }

    #[test]
    fn what_a_broken_rule_leaves_of_trust() {
        let error = rule("a", "t", "r");
        assert_eq!(error.factor(), 0.0);
        assert_eq!(RuleDef { severity: Severity::Warning, ..error.clone() }.factor(), 1.0);
        assert_eq!(RuleDef { trust: Some(0.25), ..error }.factor(), 0.25);
    }
}
