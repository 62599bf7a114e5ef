//! Models of the files that are not trained yet: the server starts without them, and trains them behind.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::kept::Kept;
use crate::catalog::definitions::{Origin, RelationName};
use crate::catalog::model::ModelDef;
use crate::engine::Engine;
use crate::engine::load::waits;
use crate::error::Error;

/// What training those that wait came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// None waits any more, or none can be helped by waiting.
    Done,
    /// Some were trained: others may wait for them.
    Further,
    /// A source is down.
    Down,
}

impl Engine {
    /// Trains the models that wait, some time after the server has started.
    pub(in crate::engine) fn train_behind(&self) {
        let Some(engine) = self.this.upgrade() else { return };
        let weak = Arc::downgrade(&engine);
        drop(engine);
        tokio::spawn(async move {
            let mut wait = Duration::from_millis(50);
            loop {
                tokio::time::sleep(wait).await;
                let Some(engine) = weak.upgrade() else { return };
                // Each load that leaves models untrained comes here: one after the other.
                let training = engine.training.lock().await;
                match Box::pin(engine.train_waiting()).await {
                    Came::Done => return,
                    Came::Further => wait = Duration::from_millis(50),
                    Came::Down => wait = (wait * 4).min(Duration::from_secs(30)),
                }
                drop(training);
            }
        });
    }

    async fn train_waiting(&self) -> Came {
        let definitions = self.definitions();
        let mut came = Came::Done;
        for model in definitions.models.values().filter(|model| is_waiting(model)) {
            let trained = match self.snapshot_of(self.current()) {
                Ok(snapshot) => Box::pin(snapshot.train(model)).await,
                Err(error) => Err(error),
            };
            match trained {
                Ok(trained) => {
                    let kept = Kept { statement: model.statement.clone(), trained: Arc::new(trained) };
                    match self.keep_model(&model.name, kept) {
                        Ok(()) => {
                            info!(model = %model.name, "model trained");
                            came = Came::Further;
                        }
                        Err(error) => self.not_trained(&model.name, &model.statement, error).await,
                    }
                }
                Err(error) => {
                    if waits(&error) && came == Came::Done {
                        came = Came::Down;
                    }
                    self.not_trained(&model.name, &model.statement, error).await;
                }
            }
        }
        if came == Came::Further
            && let Err(errors) = self.load_boxed().await
        {
            for error in errors {
                warn!(error = error.message(), "a trained model breaks the files");
            }
            return Came::Done;
        }
        came
    }

    /// Lets a model say why it is not trained.
    async fn not_trained(&self, name: &RelationName, statement: &str, error: Error) {
        warn!(model = %name, error = error.message(), "model is not trained");
        let _changing = self.changing.lock().await;
        let current = self.current();
        let mut definitions = current.definitions.as_ref().clone();
        let Some(model) = definitions.models.get_mut(name).filter(|model| model.statement == statement) else { return };
        if model.tree().untrained.as_ref() == Some(&error) {
            return;
        }
        model.tree_mut().untrained = Some(error);
        self.set_catalog(Arc::new(current.with(definitions)));
    }
}

/// Whether a model of the files is to be trained: it was not tried, or what it needs was not there.
fn is_waiting(model: &ModelDef) -> bool {
    let tree = model.tree();
    matches!(model.origin, Origin::File(_)) && tree.trained.is_none() && tree.untrained.as_ref().is_none_or(waits)
}
