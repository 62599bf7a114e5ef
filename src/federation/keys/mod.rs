//! Keys found at run time: a join reads its small side first, and its large side's source is asked only for rows that
//! can match.
//!
//! A hash join reads its build side to the end before it takes a row of its probe side. [`RunTimeKeys`] puts a
//! [`KeyCollectExec`] above the build side, which passes rows through and gathers the distinct values of the join's
//! keys, and gives the scans below the probe side whose sources can be asked for keys a [`Restriction`]: they wait for
//! the keys before they ask. The way down from the join to a scan's column is in `trace`; [`CandidatesExec`] is the
//! same for a query that a merged view's filter runs first. What is sent is never more than a superset of what is
//! needed, and the join compares again, so a wrong estimate costs time and never rows.
//!
//! # No scan waits for ever
//!
//! Order the scans of a plan as they are met when of every join the build side is visited before the probe side.
//! - A scan waits only for a collector above the build side of a join whose probe side it is in. Every scan below that
//!   collector comes earlier in the order. So waiting never goes in a circle, and among the scans that wait the first
//!   in the order waits for a collector below which nobody waits.
//! - That collector is read: its join takes nothing of its probe side before. Operators that read early (repartition,
//!   coalesce, merge) do so in tasks of their own, so that a scan that waits holds up only the rows above it. Partitions
//!   of one operator are read side by side, as DataFusion's own partitioned joins need.
//! - Whoever stops reading drops the collector's stream, and whoever never begins drops the collector: both publish
//!   that the keys are not known, and the scan asks for everything. A build side that is read twice publishes the same.
//! - A scan holds no connection while it waits.
//! - Each reference to a table is a scan of its own, so no scan is in two places of the order. In a recursive query
//!   the same plan runs many times with other rows, so nothing below one is touched.

mod candidates;
mod collect;
mod estimate;
mod gather;
mod options;
mod restriction;
mod rule;
mod side;
mod slot;
mod trace;

pub use candidates::{Candidate, CandidatesExec};
pub use collect::{Collected, KeyCollectExec};
pub use estimate::{rows, values};
pub use gather::{Bounds, Gather, Membership, can_be_key};
pub use options::KeyOptions;
pub use restriction::{Function, Restriction};
pub use rule::RunTimeKeys;
pub use side::SmallSideFirst;
pub use slot::{Outcome, Publisher, Slot};
