//! Sources that are open: one for each server and user mapping, opened when first needed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::change::undefined;
use crate::catalog::definitions::{Definitions, Origin, ServerDef};
use crate::config::secrets;
use crate::error::{Error, Result};
use crate::sources::kind::{ServerSpec, Source};
use crate::sources::kinds;
use crate::sources::options::Options;

/// Open sources by (server, user of the mapping), with the definition they were opened from.
#[derive(Debug, Default)]
pub(super) struct OpenSources(Mutex<HashMap<(String, String), Opened>>);

#[derive(Debug)]
struct Opened {
    server: ServerDef,
    user: Options,
    source: Arc<dyn Source>,
}

impl OpenSources {
    /// The source of a server as a role reaches it. Opening connects to nothing.
    pub fn get(&self, definitions: &Definitions, server: &str, role: &str) -> Result<Arc<dyn Source>> {
        let server = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        let mapping = definitions.user_mapping(&server.name, role);
        let user = mapping.map(|m| m.options.clone()).unwrap_or_default();
        let key = (server.name.clone(), mapping.map(|m| m.user.clone()).unwrap_or_default());
        let mut open = self.0.lock();
        if let Some(opened) = open.get(&key)
            && opened.server == *server
            && opened.user == user
        {
            return Ok(Arc::clone(&opened.source));
        }
        let mapping_from_file = mapping.is_some_and(|m| m.origin != Origin::State);
        let spec = ServerSpec {
            name: server.name.clone(),
            options: resolved(&server.options, server.origin != Origin::State, &server.folder)?,
            user: resolved(&user, mapping_from_file, &server.folder)?,
            folder: server.folder.clone(),
        };
        let source = kinds::find(&server.kind)?.open(spec).map_err(|e| named(e, &server.name))?;
        open.insert(key, Opened { server: server.clone(), user, source: Arc::clone(&source) });
        Ok(source)
    }

    /// Closes the sources of servers that are gone.
    pub fn retain(&self, definitions: &Definitions) {
        self.0.lock().retain(|(server, _), _| definitions.servers.contains_key(server));
    }
}

/// An error that names its server, once.
fn named(error: Error, server: &str) -> Error {
    let server = format!("server \"{server}\"");
    if error.message().contains(&server) { error } else { error.with_context(server) }
}

/// Replaces `${env:NAME}` and `${file:PATH}` in what files define; what was typed over the wire is literal.
fn resolved(options: &Options, from_file: bool, folder: &std::path::Path) -> Result<Options> {
    if !from_file {
        return Ok(options.clone());
    }
    options
        .iter()
        .map(|(name, value)| Ok((name, secrets::resolve(value, folder)?)))
        .collect::<Result<Vec<_>>>()
        .map(|pairs| pairs.into_iter().collect())
}
