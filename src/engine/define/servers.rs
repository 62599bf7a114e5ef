//! CREATE and ALTER of servers; user mappings.

use crate::catalog::change::{change_options, changeable, undefined};
use crate::catalog::definitions::{Definitions, OWNER, Origin, ServerDef, UserMappingDef};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::roles::mapped_role;
use crate::error::{Error, Result, SqlState};
use crate::sources::kinds;
use crate::sources::options::OptionPlace;

impl Engine {
    /// CREATE SERVER and ALTER SERVER; the command tag and notices.
    pub(super) fn apply_server(
        &self,
        definitions: &mut Definitions,
        ddl: &Ddl,
        origin: &Origin,
    ) -> Result<(&'static str, Vec<String>)> {
        let mut notices = vec![];
        let tag = match ddl {
            Ddl::CreateServer { name, if_not_exists, kind, server_type, version, options } => {
                if definitions.servers.contains_key(name) {
                    if !if_not_exists {
                        return Err(Error::new(
                            SqlState::DUPLICATE_OBJECT,
                            format!("server \"{name}\" already exists"),
                        ));
                    }
                    notices.push(format!("server \"{name}\" already exists, skipping"));
                    return Ok(("CREATE SERVER", notices));
                }
                options.check(kinds::find(kind)?.options(), OptionPlace::Server)?;
                let server = ServerDef {
                    name: name.clone(),
                    kind: kind.clone(),
                    server_type: server_type.clone(),
                    version: version.clone(),
                    options: options.clone(),
                    folder: self.folder(),
                    owner: OWNER.into(),
                    origin: origin.clone(),
                    acl: None,
                    comment: None,
                };
                definitions.servers.insert(name.clone(), server);
                self.sources.get(definitions, name, OWNER)?;
                "CREATE SERVER"
            }
            Ddl::AlterServer { name, version, changes } => {
                let server = definitions.servers.get_mut(name).ok_or_else(|| undefined("server", name))?;
                changeable(&server.origin, &format!("server {name}"))?;
                change_options(&mut server.options, changes)?;
                server.options.check(kinds::find(&server.kind)?.options(), OptionPlace::Server)?;
                if let Some(version) = version {
                    server.version = Some(version.clone());
                }
                self.sources.get(definitions, name, OWNER)?;
                "ALTER SERVER"
            }
            _ => return Err(Error::internal("a statement came where it is not handled")),
        };
        Ok((tag, notices))
    }
}

/// CREATE, ALTER and DROP USER MAPPING; the command tag and notices.
pub(super) fn apply_mapping(
    definitions: &mut Definitions,
    ddl: &Ddl,
    origin: &Origin,
) -> Result<(&'static str, Vec<String>)> {
    let mut notices = vec![];
    let tag = match ddl {
        Ddl::CreateUserMapping { user, server, if_not_exists, options } => {
            let kind = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?.kind.clone();
            let user = mapped_role(definitions, user, OWNER)?;
            let key = (server.clone(), user.clone());
            if definitions.user_mappings.contains_key(&key) {
                let said = format!("user mapping for \"{user}\" already exists for server \"{server}\"");
                if !if_not_exists {
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, said));
                }
                notices.push(format!("{said}, skipping"));
                return Ok(("CREATE USER MAPPING", notices));
            }
            options.check(kinds::find(&kind)?.options(), OptionPlace::UserMapping)?;
            let mapping =
                UserMappingDef { server: server.clone(), user, options: options.clone(), origin: origin.clone() };
            definitions.user_mappings.insert(key, mapping);
            "CREATE USER MAPPING"
        }
        Ddl::AlterUserMapping { user, server, changes } => {
            let kind = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?.kind.clone();
            let user = mapped_role(definitions, user, OWNER)?;
            let mapping = definitions
                .user_mappings
                .get_mut(&(server.clone(), user.clone()))
                .ok_or_else(|| no_mapping(&user, server))?;
            changeable(&mapping.origin, &format!("user mapping for {user}"))?;
            change_options(&mut mapping.options, changes)?;
            mapping.options.check(kinds::find(&kind)?.options(), OptionPlace::UserMapping)?;
            "ALTER USER MAPPING"
        }
        Ddl::DropUserMapping { user, server, if_exists } => {
            let user = mapped_role(definitions, user, OWNER)?;
            let there = definitions.servers.contains_key(server);
            match definitions.user_mappings.get(&(server.clone(), user.clone())) {
                Some(mapping) => {
                    changeable(&mapping.origin, &format!("user mapping for {user}"))?;
                    definitions.user_mappings.remove(&(server.clone(), user));
                }
                None if *if_exists => notices.push(if there {
                    format!("user mapping for \"{user}\" does not exist for server \"{server}\", skipping")
                } else {
                    format!("server \"{server}\" does not exist, skipping")
                }),
                None if !there => return Err(undefined("server", server)),
                None => return Err(no_mapping(&user, server)),
            }
            "DROP USER MAPPING"
        }
        _ => return Err(Error::internal("a statement came where it is not handled")),
    };
    Ok((tag, notices))
}

fn no_mapping(user: &str, server: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("user mapping for \"{user}\" does not exist for server \"{server}\""),
    )
}
