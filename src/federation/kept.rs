//! Why parts of a query are computed here, in words, for EXPLAIN.

use parking_lot::Mutex;

/// Collects the reasons while a query is planned.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Vec<String>>);

impl Kept {
    /// Adds a reason; the same one is kept once.
    pub fn add(&self, reason: String) {
        let mut reasons = self.0.lock();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// All reasons, in the order of the plan.
    pub fn reasons(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}
