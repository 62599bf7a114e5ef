//! What a transaction may do: READ ONLY is enforced, the isolation level is shown.

use std::sync::atomic::Ordering;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use super::notice::Notice;
use super::session::{Session, TransactionState};
use crate::ddl::statement::{Ddl, SecurityChange, TransactionModes};
use crate::error::{Error, Result, SqlState};

/// There is a transaction already.
pub(super) const ACTIVE_TRANSACTION: SqlState = SqlState("25001");
/// There is no transaction.
pub(super) const NO_TRANSACTION: SqlState = SqlState("25P01");

/// The levels of isolation.
const LEVELS: [&str; 4] = ["serializable", "repeatable read", "read committed", "read uncommitted"];

/// Whether a value of a setting is true, in any of the words that Postgres takes for it.
pub(super) fn says_yes(value: &str) -> bool {
    let value = value.trim();
    value == "1" || value == "on" || !value.is_empty() && ("true".starts_with(value) || "yes".starts_with(value))
}

impl Session {
    /// Fails (25006) where the transaction is read-only; `what` is the statement's command in capitals.
    pub(super) fn check_writable(&self, what: &str) -> Result<()> {
        // Outside of a block the statement is a transaction of its own.
        let of = match self.transaction_state() {
            TransactionState::Idle => "default_transaction_read_only",
            _ => "transaction_read_only",
        };
        if self.setting(of).as_deref() == Some("on") {
            return Err(Error::new(
                SqlState::READ_ONLY_SQL_TRANSACTION,
                format!("cannot execute {what} in a read-only transaction"),
            ));
        }
        Ok(())
    }

    /// Gives the transaction its modes; those that are not said stay.
    pub(super) fn take_modes(&self, modes: &TransactionModes) {
        let mut settings = self.settings.lock();
        if let Some(read_only) = modes.read_only {
            settings.put_back("transaction_read_only", if read_only { "on" } else { "off" });
        }
        if let Some(level) = modes.isolation {
            settings.put_back("transaction_isolation", level);
        }
    }

    /// Outside of a block each statement has the modes of new transactions.
    pub(super) fn settle_modes(&self) {
        let mut settings = self.settings.lock();
        for (of, default) in [
            ("transaction_read_only", "default_transaction_read_only"),
            ("transaction_isolation", "default_transaction_isolation"),
        ] {
            let value = settings.get(default).unwrap_or_default().to_string();
            settings.put_back(of, &value);
        }
    }

    /// The modes that the transaction has.
    pub(super) fn modes(&self) -> TransactionModes {
        let settings = self.settings.lock();
        TransactionModes {
            isolation: settings.get("transaction_isolation").and_then(|now| LEVELS.into_iter().find(|l| *l == now)),
            read_only: settings.get("transaction_read_only").map(|now| now == "on"),
        }
    }

    /// SET TRANSACTION
    pub(super) fn set_transaction(&self, modes: &TransactionModes) -> Result<()> {
        if self.transaction_state() == TransactionState::Idle {
            self.tell(Notice::warning(NO_TRANSACTION, "SET TRANSACTION can only be used in transaction blocks"));
        } else {
            self.check_modes(modes)?;
            self.take_modes(modes);
        }
        Ok(())
    }

    /// Remembers that the block has run something whose rows depend on its modes.
    pub(super) fn note_query(&self) {
        if self.transaction_state() == TransactionState::InBlock {
            self.queried.store(true, Ordering::Relaxed);
        }
    }

    /// The same for a setting that is a mode of the transaction; none is its default.
    pub(super) fn check_mode_setting(&self, name: &str, value: Option<&str>) -> Result<()> {
        if self.transaction_state() == TransactionState::Idle {
            return Ok(());
        }
        let wanted = |default: &str| match value {
            Some(value) => value.trim_matches('"').to_lowercase(),
            None => self.setting(default).unwrap_or_default(),
        };
        match name {
            "transaction_read_only" => self.check_modes(&TransactionModes {
                read_only: Some(says_yes(&wanted("default_transaction_read_only"))),
                isolation: None,
            }),
            "transaction_isolation" => {
                let wanted = wanted("default_transaction_isolation");
                let isolation = LEVELS.into_iter().find(|level| *level == wanted);
                self.check_modes(&TransactionModes { isolation, read_only: None })
            }
            _ => Ok(()),
        }
    }

    /// 25001 for what a block cannot become once it has run a query, or within a savepoint.
    fn check_modes(&self, modes: &TransactionModes) -> Result<()> {
        let refused = |message: &str| Err(Error::new(ACTIVE_TRANSACTION, message));
        let (now, queried) = (self.modes(), self.queried.load(Ordering::Relaxed));
        let within = self.savepoint_count() > 0;
        if now.read_only == Some(true) && modes.read_only == Some(false) {
            if within {
                return refused("cannot set transaction read-write mode inside a read-only transaction");
            }
            if queried {
                return refused("transaction read-write mode must be set before any query");
            }
        }
        if modes.isolation.is_some_and(|level| now.isolation != Some(level)) {
            if queried {
                return refused("SET TRANSACTION ISOLATION LEVEL must be called before any query");
            }
            if within {
                return refused("SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
            }
        }
        Ok(())
    }

    /// SET SESSION CHARACTERISTICS AS TRANSACTION
    pub(super) fn set_characteristics(&self, modes: &TransactionModes) -> Result<()> {
        let mut settings = self.settings.lock();
        if let Some(read_only) = modes.read_only {
            settings.set("default_transaction_read_only", Some(if read_only { "on" } else { "off" }))?;
        }
        if let Some(level) = modes.isolation {
            settings.set("default_transaction_isolation", Some(level))?;
        }
        Ok(())
    }
}

/// The command of a statement that writes rows.
pub(super) fn write_words(statement: &DfStatement) -> &'static str {
    match statement {
        DfStatement::Statement(sql) => match sql.as_ref() {
            SqlStatement::Insert(_) => "INSERT",
            SqlStatement::Update(_) => "UPDATE",
            _ => "DELETE",
        },
        _ => "COPY FROM",
    }
}

/// The command of a definition, from its text.
pub(super) fn definition_words(ddl: &Ddl, text: &str) -> String {
    const WORDS: &[&str] = &[
        "ALTER", "COMMENT", "CREATE", "DROP", "FOREIGN", "IMPORT", "MAPPING", "MODEL", "ROLE", "RULE", "SCHEMA",
        "SEQUENCE", "SERVER", "TABLE", "TRUNCATE", "USER", "VIEW",
    ];
    let words = match ddl {
        Ddl::CreateTable { query: Some(_), .. } => "CREATE TABLE AS",
        Ddl::Grant(grant) if grant.revoke => "REVOKE",
        Ddl::Grant(_) => "GRANT",
        Ddl::GrantRole(grant) if grant.revoke => "REVOKE ROLE",
        Ddl::GrantRole(_) => "GRANT ROLE",
        Ddl::DefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES",
        Ddl::Security(statement) => match &statement.change {
            SecurityChange::CreatePolicy { .. } => "CREATE POLICY",
            SecurityChange::AlterPolicy { .. } => "ALTER POLICY",
            SecurityChange::DropPolicy { .. } => "DROP POLICY",
            SecurityChange::Label { .. } => "SECURITY LABEL",
            SecurityChange::RowLevel { .. } => "ALTER TABLE",
        },
        Ddl::CreateRole { .. } => "CREATE ROLE",
        Ddl::AlterRole { .. } | Ddl::RenameRole { .. } => "ALTER ROLE",
        Ddl::DropRole { .. } => "DROP ROLE",
        Ddl::DropOwned { .. } => "DROP OWNED",
        Ddl::ReassignOwned { .. } => "REASSIGN OWNED",
        _ => "",
    };
    if !words.is_empty() {
        return words.to_string();
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(str::to_uppercase)
        .filter(|word| word != "OR" && word != "REPLACE")
        .take(3)
        .take_while(|word| WORDS.contains(&word.as_str()))
        .collect();
    match words.join(" ").as_str() {
        "TRUNCATE" => "TRUNCATE TABLE".to_string(),
        known => known.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_definitions() {
        let ddl = Ddl::Truncate { names: vec![] };
        let words = |text: &str| definition_words(&ddl, text);
        assert_eq!(words("create or replace view v as select 1"), "CREATE VIEW");
        assert_eq!(words("DROP FOREIGN TABLE t"), "DROP FOREIGN TABLE");
        assert_eq!(words("CREATE USER MAPPING FOR x"), "CREATE USER MAPPING");
        assert_eq!(words("COMMENT ON TABLE t IS 'x'"), "COMMENT");
        assert_eq!(words("truncate t"), "TRUNCATE TABLE");
    }
}
