//! Who may do what with an object, as Postgres keeps it: one letter a privilege, one entry a role.
//!
//! There is one role, the owner, until roles are made: privileges are kept and shown, and keep nobody out.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definitions::quote_identifier;
use crate::error::{Error, Result, SqlState};

/// What kinds of object have privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table, view or foreign table.
    Relation,
    /// A schema.
    Schema,
    /// A foreign server.
    Server,
}

/// Privileges by name and letter, in the order in which Postgres prints them.
const PRIVILEGES: &[(&str, char)] = &[
    ("insert", 'a'),
    ("select", 'r'),
    ("update", 'w'),
    ("delete", 'd'),
    ("truncate", 'D'),
    ("references", 'x'),
    ("trigger", 't'),
    ("execute", 'X'),
    ("usage", 'U'),
    ("create", 'C'),
    ("temporary", 'T'),
    ("temp", 'T'),
    ("connect", 'c'),
    ("set", 's'),
];

impl ObjectKind {
    /// The letters of all privileges that such an object has.
    pub fn all(self) -> &'static str {
        match self {
            ObjectKind::Relation => "arwdDxt",
            ObjectKind::Schema => "UC",
            ObjectKind::Server => "U",
        }
    }

    fn words(self) -> &'static str {
        match self {
            ObjectKind::Relation => "table",
            ObjectKind::Schema => "schema",
            ObjectKind::Server => "foreign server",
        }
    }

    /// The letters of privileges that are named in lower case; of all where none is named. 42601 for a name that is
    /// no privilege, 0LP01 for one that such an object has not.
    pub fn letters(self, names: &[String]) -> Result<String> {
        if names.is_empty() {
            return Ok(self.all().to_string());
        }
        let mut letters = String::new();
        for name in names {
            let Some((_, letter)) = PRIVILEGES.iter().find(|(known, _)| known == name) else {
                return Err(Error::syntax(format!("unrecognized privilege type \"{name}\""), None));
            };
            if !self.all().contains(*letter) {
                return Err(Error::new(
                    SqlState("0LP01"),
                    format!("invalid privilege type {} for {}", name.to_uppercase(), self.words()),
                ));
            }
            letters.push(*letter);
        }
        Ok(letters)
    }
}

/// What one role was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// The role; none is PUBLIC.
    pub grantee: Option<String>,
    /// The letters of its privileges, in Postgres's order.
    pub privileges: String,
    /// Who granted them.
    pub grantor: String,
}

impl fmt::Display for AclEntry {
    /// As an `aclitem`: `grantee=privileges/grantor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grantee = self.grantee.as_deref().map(quote_identifier).unwrap_or_default();
        write!(f, "{grantee}={}/{}", self.privileges, quote_identifier(&self.grantor))
    }
}

/// The privileges on one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl(pub Vec<AclEntry>);

impl Acl {
    /// What holds while nothing was granted: the owner has every privilege.
    pub fn default_of(kind: ObjectKind, owner: &str) -> Acl {
        Acl(vec![AclEntry {
            grantee: Some(owner.to_string()),
            privileges: kind.all().to_string(),
            grantor: owner.to_string(),
        }])
    }

    /// Gives a role privileges, or takes them away. A role that is left without any has no entry.
    pub fn change(&mut self, grantee: Option<&str>, letters: &str, grantor: &str, revoke: bool) {
        let at = self.0.iter().position(|entry| entry.grantee.as_deref() == grantee);
        let before = at.and_then(|at| self.0.get(at)).map(|entry| entry.privileges.clone()).unwrap_or_default();
        let privileges: String = PRIVILEGES
            .iter()
            .filter(|(name, _)| *name != "temp")
            .map(|(_, letter)| *letter)
            .filter(|letter| match letters.contains(*letter) {
                true => !revoke,
                false => before.contains(*letter),
            })
            .collect();
        match at {
            Some(at) if privileges.is_empty() => drop(self.0.remove(at)),
            Some(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.privileges = privileges;
                }
            }
            None if privileges.is_empty() => {}
            None => {
                let (grantee, grantor) = (grantee.map(str::to_string), grantor.to_string());
                self.0.push(AclEntry { grantee, privileges, grantor });
            }
        }
    }

    /// As `aclitem[]` shows it.
    pub fn items(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// The names of the privileges that an entry's letters stand for, in upper case.
pub fn names(letters: &str) -> impl Iterator<Item = String> {
    let named = |letter: char| PRIVILEGES.iter().find(move |(_, known)| *known == letter);
    letters.chars().filter_map(named).map(|(name, _)| name.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_come_and_go_as_in_postgres() {
        let mut acl = Acl::default_of(ObjectKind::Relation, "onerow");
        acl.change(None, "wr", "onerow", false);
        assert_eq!(acl.items(), ["onerow=arwdDxt/onerow", "=rw/onerow"]);
        acl.change(None, "w", "onerow", true);
        acl.change(Some("onerow"), "D", "onerow", true);
        assert_eq!(acl.items(), ["onerow=arwdxt/onerow", "=r/onerow"]);
        acl.change(None, "arwdDxt", "onerow", true);
        assert_eq!(acl.items(), ["onerow=arwdxt/onerow"]);
    }

    #[test]
    fn names_are_checked() {
        let letters = |kind: ObjectKind, name: &str| kind.letters(&[name.to_string()]).map_err(|e| e.state());
        assert_eq!(letters(ObjectKind::Schema, "usage").unwrap(), "U");
        assert_eq!(letters(ObjectKind::Schema, "select").unwrap_err(), SqlState("0LP01"));
        assert_eq!(letters(ObjectKind::Relation, "reading").unwrap_err(), SqlState::SYNTAX_ERROR);
        assert_eq!(ObjectKind::Server.letters(&[]).unwrap(), "U");
    }
}
