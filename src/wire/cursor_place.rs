//! Where a cursor stands, and how it goes from there: by the rules of Postgres's `pquery.c`.

use super::errors::Failure;
use super::portal::Progress;
use super::script::Direction;
use super::scroll::Outlet;
use crate::error::{Error, SqlState};

/// Between which rows a cursor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the row that it is on, or of the last row once it is behind that; the first is 1.
    pub at: u64,
    /// It is before the first row.
    pub before: bool,
    /// It is behind the last row.
    pub after: bool,
}

impl Default for Place {
    fn default() -> Self {
        Place { at: 0, before: true, after: false }
    }
}

impl Place {
    /// It went forward by so many rows; `wanted` of them were asked for, or all.
    pub fn went(&mut self, rows: u64, wanted: Option<u64>) {
        if rows > 0 {
            self.before = false;
        }
        if wanted.is_none_or(|wanted| rows < wanted) {
            self.after = true;
        }
        self.at += rows;
    }
}

/// A cursor on its way.
pub(super) struct Walk<'a, 'b> {
    pub place: &'a mut Place,
    /// What is left of its rows.
    pub rows: &'a mut Progress,
    pub scrolls: bool,
    pub out: &'a mut Outlet<'b>,
    /// MOVE: no rows are sent.
    pub moves: bool,
}

impl Walk<'_, '_> {
    /// Goes where it is told and sends the rows that FETCH gives; how many those are.
    pub async fn go(&mut self, direction: Direction) -> Result<u64, Failure> {
        let (mut forward, mut count) = match direction {
            Direction::Forward(count) => (true, count),
            Direction::Backward(count) => (false, count),
            Direction::Relative(0) => (true, Some(0)),
            Direction::Relative(by) => {
                self.run(by > 0, Some(by.unsigned_abs() - 1), false).await?;
                return self.run(by > 0, Some(1), true).await;
            }
            Direction::Absolute(row) => return self.to(row).await,
        };
        if let Some(by) = count.filter(|by| *by < 0) {
            (forward, count) = (!forward, Some(by.saturating_neg()));
        }
        let mut count = count.map(i64::unsigned_abs);
        if count == Some(0) {
            let on_row = !self.place.before && !self.place.after;
            if self.moves {
                return Ok(u64::from(on_row));
            }
            if on_row {
                self.run(false, Some(1), false).await?;
                (forward, count) = (true, Some(1));
            }
        }
        if !forward && count.is_none() && self.moves {
            let passed = self.place.at.saturating_sub(u64::from(self.place.at > 0 && !self.place.after));
            self.rewind()?;
            return Ok(passed);
        }
        self.run(forward, count, true).await
    }

    /// ABSOLUTE
    async fn to(&mut self, row: i64) -> Result<u64, Failure> {
        let wanted = row.unsigned_abs();
        if row == 0 {
            self.rewind()?;
            return Ok(0);
        }
        if row < 0 {
            self.run(true, None, false).await?;
            self.run(false, Some(wanted - 1), false).await?;
            return self.run(false, Some(1), true).await;
        }
        if wanted - 1 <= self.place.at / 2 {
            self.rewind()?;
            self.run(true, Some(wanted - 1), false).await?;
        } else {
            let at = self.place.at + u64::from(self.place.after);
            if wanted <= at {
                self.run(false, Some(at - wanted + 1), false).await?;
            } else {
                self.run(true, Some(wanted - at - 1), false).await?;
            }
        }
        self.run(true, Some(1), true).await
    }

    /// Before the first row.
    fn rewind(&mut self) -> Result<(), Error> {
        if self.place.before && !self.place.after {
            return Ok(());
        }
        if !self.scrolls {
            return Err(forward_only());
        }
        *self.place = Place::default();
        Ok(())
    }

    /// Goes over up to `count` rows, or all that there are.
    async fn run(&mut self, forward: bool, count: Option<u64>, shown: bool) -> Result<u64, Failure> {
        let passes = self.moves || !shown;
        if forward {
            if self.place.after || count == Some(0) {
                return Ok(0);
            }
            let rows = self.forward(count, passes).await?;
            self.place.went(rows, count);
            return Ok(rows);
        }
        if !self.scrolls {
            return Err(Failure::Statement(forward_only()));
        }
        if self.place.before || count == Some(0) {
            return Ok(0);
        }
        let from = if self.place.after { self.place.at } else { self.place.at.saturating_sub(1) };
        let rows = match &mut *self.rows {
            Progress::Kept(kept) => {
                let encoder = if passes { self.out.encoder.take() } else { None };
                let rows = kept.backward(self.out, from, count).await;
                if passes {
                    self.out.encoder = encoder;
                }
                rows?
            }
            _ => 0,
        };
        if rows > 0 && self.place.after {
            self.place.after = false;
            self.place.at += 1;
        }
        if count.is_none_or(|count| rows < count) {
            (self.place.before, self.place.at) = (true, 0);
        } else {
            self.place.at = self.place.at.saturating_sub(rows);
        }
        Ok(rows)
    }

    async fn forward(&mut self, count: Option<u64>, passes: bool) -> Result<u64, Failure> {
        match &mut *self.rows {
            Progress::Kept(kept) => {
                let encoder = if passes { self.out.encoder.take() } else { None };
                let rows = kept.forward(self.out, self.place.at, count).await;
                if passes {
                    self.out.encoder = encoder;
                }
                rows
            }
            Progress::Suspended(rows) => {
                let sent = if passes {
                    rows.skip(self.out.wire, self.out.ending, count).await?
                } else if let Some(kept) = self.out.kept {
                    rows.keep(self.out.wire, self.out.ending, count, kept).await?
                } else {
                    rows.send(self.out.wire, self.out.ending, count).await?
                };
                if sent.complete {
                    *self.rows = Progress::Finished(Some("SELECT"));
                }
                Ok(sent.rows)
            }
            _ => Ok(0),
        }
    }
}

/// Rows that were passed are gone.
fn forward_only() -> Error {
    Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
        .with_hint("Declare it with SCROLL option to enable backward scan.")
}
