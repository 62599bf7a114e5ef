//! Who may do what with an object, as Postgres keeps it: one letter a privilege, a star after it where it may be granted
//! on, one entry for each pair of who has it and who gave it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definitions::{PUBLIC, quoted};
use crate::error::{Error, Result, SqlState};

/// What kinds of object have privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table, view or foreign table.
    Relation,
    /// A column of one.
    Column,
    /// A schema.
    Schema,
    /// A foreign server.
    Server,
    /// The database.
    Database,
    /// A function.
    Function,
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

/// The letter of a privilege that is named in any case; none for a name that is none.
pub fn letter(name: &str) -> Option<char> {
    PRIVILEGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, letter)| *letter)
}

impl ObjectKind {
    /// The letters of all privileges that such an object has.
    pub fn all(self) -> &'static str {
        match self {
            ObjectKind::Relation => "arwdDxt",
            ObjectKind::Column => "arwx",
            ObjectKind::Schema => "UC",
            ObjectKind::Server => "U",
            ObjectKind::Database => "CTc",
            ObjectKind::Function => "X",
        }
    }

    fn words(self) -> &'static str {
        match self {
            ObjectKind::Relation => "table",
            ObjectKind::Column => "column",
            ObjectKind::Schema => "schema",
            ObjectKind::Server => "foreign server",
            ObjectKind::Database => "database",
            ObjectKind::Function => "function",
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
            if !letters.contains(*letter) {
                letters.push(*letter);
            }
        }
        Ok(letters)
    }
}

/// What one role was granted by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// The role; none is PUBLIC.
    pub grantee: Option<String>,
    /// The letters of its privileges, in Postgres's order, each with a star where it may be granted on.
    pub privileges: String,
    /// Who granted them.
    pub grantor: String,
}

impl AclEntry {
    /// Whether it gives a privilege.
    pub fn gives(&self, letter: char) -> bool {
        self.privileges.contains(letter)
    }

    /// Whether the privilege may be granted on by who has it by this entry.
    pub fn grants(&self, letter: char) -> bool {
        let mut letters = self.privileges.chars().peekable();
        while let Some(there) = letters.next() {
            if there == letter {
                return letters.peek() == Some(&'*');
            }
        }
        false
    }

    fn set(&mut self, gives: impl Fn(char) -> bool, grants: impl Fn(char) -> bool) {
        let mut privileges = String::new();
        for (name, letter) in PRIVILEGES {
            if *name != "temp" && gives(*letter) {
                privileges.push(*letter);
                if grants(*letter) {
                    privileges.push('*');
                }
            }
        }
        self.privileges = privileges;
    }
}

impl fmt::Display for AclEntry {
    /// As an `aclitem`: `grantee=privileges/grantor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grantee = self.grantee.as_deref().map(item_name).unwrap_or_default();
        write!(f, "{grantee}={}/{}", self.privileges, item_name(&self.grantor))
    }
}

/// A role's name in an `aclitem`: bare when it is of ASCII letters and digits, of either case.
fn item_name(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_string() } else { quoted(name) }
}

/// What of privileges is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// REVOKE GRANT OPTION FOR: the privilege itself stays.
    pub option_only: bool,
    /// CASCADE: what was granted on is taken away too.
    pub cascade: bool,
}

/// The privileges on one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl(pub Vec<AclEntry>);

impl Acl {
    /// What holds while nothing was granted: the owner has every privilege. Everyone may connect to the database, call
    /// functions and use the schema `public`, which `name` tells from the others.
    pub fn default_of(kind: ObjectKind, owner: &str, name: &str) -> Acl {
        let entry = |grantee: Option<&str>, privileges: &str| AclEntry {
            grantee: grantee.map(str::to_string),
            privileges: privileges.to_string(),
            grantor: owner.to_string(),
        };
        let mut acl = Acl(vec![]);
        match kind {
            // What is granted on a column comes on top of what is granted on its relation.
            ObjectKind::Column => return acl,
            ObjectKind::Database => acl.0.push(entry(None, "Tc")),
            ObjectKind::Function => acl.0.push(entry(None, "X")),
            ObjectKind::Schema if name == PUBLIC => acl.0.push(entry(None, "U")),
            _ => {}
        }
        let owners = entry(Some(owner), kind.all());
        // In the order in which Postgres lists them.
        match kind {
            ObjectKind::Database | ObjectKind::Function => acl.0.push(owners),
            _ => acl.0.insert(0, owners),
        }
        acl
    }

    /// Whether it gives the same, in whatever order.
    pub fn is_like(&self, other: &Acl) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|entry| other.0.contains(entry))
    }

    /// Gives a role privileges; with `option` it may grant them on.
    pub fn grant(&mut self, grantee: Option<&str>, letters: &str, grantor: &str, option: bool) {
        let there = self.0.iter().position(|entry| entry.grantee.as_deref() == grantee && entry.grantor == grantor);
        let before = match there.and_then(|at| self.0.get(at)) {
            Some(entry) => entry.clone(),
            None => AclEntry {
                grantee: grantee.map(str::to_string),
                privileges: String::new(),
                grantor: grantor.to_string(),
            },
        };
        let mut after = before.clone();
        after.set(
            |letter| before.gives(letter) || letters.contains(letter),
            |letter| before.grants(letter) || (option && letters.contains(letter)),
        );
        match there.and_then(|at| self.0.get_mut(at)) {
            Some(entry) => *entry = after,
            None if after.privileges.is_empty() => {}
            None => self.0.push(after),
        }
    }

    /// Takes away what `grantor` gave a role. A role that is left without any privilege has no entry. 2BP01 where it has
    /// granted on what it may no more grant, and that is not to go with it.
    pub fn revoke(
        &mut self,
        grantee: Option<&str>,
        letters: &str,
        grantor: &str,
        owner: &str,
        how: Revocation,
    ) -> Result<()> {
        let at = self.0.iter().position(|entry| entry.grantee.as_deref() == grantee && entry.grantor == grantor);
        let Some(entry) = at.and_then(|at| self.0.get_mut(at)) else { return Ok(()) };
        let before = entry.clone();
        entry.set(
            |letter| before.gives(letter) && (how.option_only || !letters.contains(letter)),
            |letter| before.grants(letter) && !letters.contains(letter),
        );
        self.0.retain(|entry| !entry.privileges.is_empty());
        let Some(grantee) = grantee.filter(|grantee| *grantee != owner) else { return Ok(()) };
        // What it may still grant by somebody else's grant is not lost.
        let lost: String = letters
            .chars()
            .filter(|letter| before.grants(*letter))
            .filter(|letter| !self.0.iter().any(|e| e.grantee.as_deref() == Some(grantee) && e.grants(*letter)))
            .collect();
        let depends = |entry: &&AclEntry| entry.grantor == grantee && lost.chars().any(|letter| entry.gives(letter));
        let dependent: Vec<Option<String>> = self.0.iter().filter(depends).map(|e| e.grantee.clone()).collect();
        if !dependent.is_empty() && !how.cascade {
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist")
                .with_hint("Use CASCADE to revoke them too."));
        }
        for other in dependent {
            self.revoke(other.as_deref(), &lost, grantee, owner, Revocation { option_only: false, cascade: true })?;
        }
        Ok(())
    }

    /// The same where one role stands in another's place, as when it takes over what the other owns.
    pub fn handed_over(&self, from: &str, to: &str) -> Acl {
        let renamed = |name: &str| if name == from { to.to_string() } else { name.to_string() };
        let mut acl = Acl::default();
        for entry in &self.0 {
            let grantee = entry.grantee.as_deref().map(renamed);
            let letters = |option: bool| -> String {
                let has = |letter: &char| if option { entry.grants(*letter) } else { entry.gives(*letter) };
                entry.privileges.chars().filter(|letter| *letter != '*').filter(has).collect()
            };
            let grantor = renamed(&entry.grantor);
            acl.grant(grantee.as_deref(), &letters(false), &grantor, false);
            acl.grant(grantee.as_deref(), &letters(true), &grantor, true);
        }
        acl
    }

    /// Takes away everything that names a role: what it has, and what it has granted.
    pub fn forget(&mut self, role: &str) {
        self.0.retain(|entry| entry.grantee.as_deref() != Some(role) && entry.grantor != role);
    }

    /// Whether it names a role.
    pub fn names(&self, role: &str) -> bool {
        self.0.iter().any(|entry| entry.grantee.as_deref() == Some(role) || entry.grantor == role)
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

    const PLAIN: Revocation = Revocation { option_only: false, cascade: false };

    #[test]
    fn privileges_come_and_go_as_in_postgres() {
        let mut acl = Acl::default_of(ObjectKind::Relation, "onerow", "t");
        acl.grant(None, "wr", "onerow", false);
        assert_eq!(acl.items(), ["onerow=arwdDxt/onerow", "=rw/onerow"]);
        acl.revoke(None, "w", "onerow", "onerow", PLAIN).unwrap();
        acl.revoke(Some("onerow"), "D", "onerow", "onerow", PLAIN).unwrap();
        assert_eq!(acl.items(), ["onerow=arwdxt/onerow", "=r/onerow"]);
        acl.revoke(None, "arwdDxt", "onerow", "onerow", PLAIN).unwrap();
        assert_eq!(acl.items(), ["onerow=arwdxt/onerow"]);
    }

    #[test]
    fn what_is_granted_on_goes_with_it() {
        let mut acl = Acl::default_of(ObjectKind::Relation, "onerow", "t");
        acl.grant(Some("ayşe"), "rw", "onerow", true);
        acl.grant(Some("Bob"), "r", "ayşe", false);
        assert_eq!(acl.items(), ["onerow=arwdDxt/onerow", "\"ayşe\"=r*w*/onerow", "Bob=r/\"ayşe\""]);
        let mut kept = acl.clone();
        let refused = kept.revoke(Some("ayşe"), "r", "onerow", "onerow", PLAIN).unwrap_err();
        assert_eq!(refused.state(), SqlState::DEPENDENT_OBJECTS_STILL_EXIST);
        let option = Revocation { option_only: true, cascade: true };
        acl.revoke(Some("ayşe"), "r", "onerow", "onerow", option).unwrap();
        assert_eq!(acl.items(), ["onerow=arwdDxt/onerow", "\"ayşe\"=rw*/onerow"]);
        acl.forget("ayşe");
        assert_eq!(acl.items(), ["onerow=arwdDxt/onerow"]);
    }

    #[test]
    fn names_are_checked() {
        let letters = |kind: ObjectKind, name: &str| kind.letters(&[name.to_string()]).map_err(|e| e.state());
        assert_eq!(letters(ObjectKind::Schema, "usage").unwrap(), "U");
        assert_eq!(letters(ObjectKind::Schema, "select").unwrap_err(), SqlState("0LP01"));
        assert_eq!(letters(ObjectKind::Relation, "reading").unwrap_err(), SqlState::SYNTAX_ERROR);
        assert_eq!(ObjectKind::Server.letters(&[]).unwrap(), "U");
        assert_eq!(Acl::default_of(ObjectKind::Database, "o", "o").items(), ["=Tc/o", "o=CTc/o"]);
    }
}
