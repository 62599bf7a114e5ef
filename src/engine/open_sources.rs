//! Sources that are open: one for each server and user mapping, opened when first needed.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::catalog::change::undefined;
use crate::catalog::definitions::{Definitions, Origin, ServerDef};
use crate::config::secrets;
use crate::error::{Error, Result};
use crate::sources::guard::{GuardedSource, ServerGuard, ServerHealth, ShapeWatch};
use crate::sources::kind::{ServerSpec, Source};
use crate::sources::kinds;
use crate::sources::options::Options;

/// Open sources by (server, user of the mapping), with the definition they were opened from; and the guards of their
/// servers, which all users of a server share.
#[derive(Debug, Default)]
pub(super) struct OpenSources {
    open: Mutex<HashMap<(String, String), Opened>>,
    guards: Mutex<HashMap<String, (ServerDef, Arc<ServerGuard>)>>,
    watch: OnceLock<Arc<dyn ShapeWatch>>,
    /// Where their sockets are looked after.
    sockets: Option<Handle>,
}

#[derive(Debug)]
struct Opened {
    server: ServerDef,
    user: Options,
    source: Arc<dyn Source>,
}

impl OpenSources {
    /// None yet, whose sockets will be looked after where this is called, if that is on a runtime.
    pub fn new() -> OpenSources {
        OpenSources { sockets: Handle::try_current().ok(), ..OpenSources::default() }
    }

    /// The source of a server as a role reaches it. Opening connects to nothing.
    pub fn get(&self, definitions: &Definitions, server: &str, role: &str) -> Result<Arc<dyn Source>> {
        let server = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        let mapping = definitions.user_mapping(&server.name, role);
        let user = mapping.map(|m| m.options.clone()).unwrap_or_default();
        let key = (server.name.clone(), mapping.map(|m| m.user.clone()).unwrap_or_default());
        let mut open = self.open.lock();
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
            sockets: self.sockets.clone(),
        };
        let opened = kinds::find(&server.kind)?.open(spec.clone()).map_err(|e| named(e, &server.name))?;
        let source: Arc<dyn Source> = Arc::new(GuardedSource::new(opened, self.guard(server, &spec)?));
        open.insert(key, Opened { server: server.clone(), user, source: Arc::clone(&source) });
        Ok(source)
    }

    /// The guard of a server as it is defined. What is opened anew is asked whatever was before.
    fn guard(&self, server: &ServerDef, spec: &ServerSpec) -> Result<Arc<ServerGuard>> {
        let mut guards = self.guards.lock();
        if let Some((defined, guard)) = guards.get(&server.name)
            && defined == server
        {
            guard.reset();
            return Ok(Arc::clone(guard));
        }
        let guard = ServerGuard::new(spec, self.watch.get().cloned()).map_err(|e| named(e, &server.name))?;
        let guard = Arc::new(guard);
        guards.insert(server.name.clone(), (server.clone(), Arc::clone(&guard)));
        Ok(guard)
    }

    /// Who is told when a source's tables are not what they were. Of sources that were opened before it is not.
    pub fn watched_by(&self, watch: Arc<dyn ShapeWatch>) {
        // It is set once, when the engine is made.
        let _ = self.watch.set(watch);
    }

    /// The next query asks the server again, whatever was.
    pub fn ask_again(&self, server: &str) {
        if let Some((_, guard)) = self.guards.lock().get(server) {
            guard.reset();
        }
    }

    /// How the servers are that have been opened, in order of name.
    pub fn health(&self) -> Vec<ServerHealth> {
        let mut all: Vec<ServerHealth> = self.guards.lock().values().map(|(_, guard)| guard.health()).collect();
        all.sort_by(|a, b| a.server.cmp(&b.server));
        all
    }

    /// Closes the sources of servers that are gone.
    pub fn retain(&self, definitions: &Definitions) {
        self.open.lock().retain(|(server, _), _| definitions.servers.contains_key(server));
        self.guards.lock().retain(|server, _| definitions.servers.contains_key(server));
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
