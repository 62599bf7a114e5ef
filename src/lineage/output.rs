//! Rows of lineage from ranked cells.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringViewArray, StringViewBuilder,
    UInt64Array, new_null_array,
};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{interleave, take};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::columns::Fixed;
use super::guards::Judge;
use super::node::{Cell, Gives, Layout};
use super::rank::{Chosen, Ranking, Slice, Standing, Tie, constant, rank};
use crate::catalog::types::PgType;
use crate::error::Error;
use crate::planner::output::written;
use crate::values::Zone;

/// What rows are made of.
pub(super) struct Maker {
    pub layout: Arc<Layout>,
    pub gives: Gives,
    /// The cells' functions, in their order.
    pub functions: Arc<Vec<AggregateFunctionExpr>>,
    /// Says which branches are taken.
    pub judge: Arc<Judge>,
    pub schema: SchemaRef,
    pub zone: Zone,
}

/// One row that is to be given: a candidate, or a cell with its best candidate.
#[derive(Clone, Copy)]
struct Line {
    group: usize,
    cell: usize,
    /// A row of the slice.
    row: usize,
    standing: Standing,
    chosen: bool,
}

/// About how many bytes a row takes beside itself for each cell that it is a candidate of: its place in the ranking, and
/// what is told of it.
const TOLD: usize = 256;
const RANKED: usize = 48;

impl Maker {
    /// About how many bytes making the lineage of so many rows takes, beside the rows themselves.
    pub fn bytes(&self, rows: usize) -> usize {
        let each = if self.gives == Gives::Candidates { TOLD } else { RANKED };
        rows.saturating_mul(self.layout.cells.len()).saturating_mul(each)
    }

    /// The lineage of the groups of a slice; `keys` are the groups' keys, those that are shown.
    pub fn make(&self, slice: &Slice, keys: &[ArrayRef]) -> DfResult<RecordBatch> {
        let computes = self.gives == Gives::Cells;
        let groups = self.judge.groups(slice)?;
        let taken = self.judge.judged(groups.as_ref())?;
        let mut rankings = vec![];
        for (cell, function) in self.layout.cells.iter().zip(self.functions.iter()) {
            let ranking = if cell.constant { constant(cell, slice)? } else { rank(cell, function, slice, computes)? };
            rankings.push(passed_over(ranking, &rankings, cell, &taken));
        }
        match self.gives {
            Gives::Candidates => self.candidates(slice, keys, &rankings),
            Gives::Cells => {
                let shown = self.judge.shown(groups.as_ref(), self.zone)?;
                self.cells(slice, keys, &rankings, &shown)
            }
            Gives::Reasons => self.reasons(slice, keys, &rankings),
        }
    }

    fn candidates(&self, slice: &Slice, keys: &[ArrayRef], rankings: &[Ranking]) -> DfResult<RecordBatch> {
        let mut lines: Vec<Line> = vec![];
        for group in 0..slice.len() {
            for (cell, ranking) in rankings.iter().enumerate() {
                let Some(standing) = ranking.standings.get(group).copied() else { continue };
                let rows = ranking.rows.get(standing.start..standing.end).unwrap_or_default();
                lines.extend(rows.iter().enumerate().map(|(nth, row)| {
                    let chosen = match standing.chosen {
                        Chosen::First => nth == 0,
                        Chosen::All => true,
                        Chosen::None => false,
                    };
                    Line { group, cell, row: *row, standing, chosen }
                }));
            }
        }
        let mut columns = keys_of(keys, &lines)?;
        let rows = indices(lines.iter().map(|line| line.row));
        for fixed in Fixed::of(self.gives) {
            columns.push(match fixed {
                Fixed::Value => self.mixed(slice, &lines, &DataType::Utf8View, |cell| Some(cell.text))?,
                Fixed::Source => self.of_row(slice, &lines, &rows, |cell| cell.source)?,
                Fixed::RecordId => self.of_row(slice, &lines, &rows, |cell| cell.record)?,
                Fixed::ObservedAt => self.mixed(slice, &lines, &self.layout.time_type, |cell| cell.time)?,
                Fixed::Trust => self.mixed(slice, &lines, &self.layout.trust_type, |cell| cell.trust)?,
                Fixed::Chosen => Arc::new(BooleanArray::from_iter(lines.iter().map(|line| Some(line.chosen)))),
                Fixed::Changed => self.changes(slice, &lines)?,
                other => self.of_cell(*other, &lines)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn cells(
        &self,
        slice: &Slice,
        keys: &[ArrayRef],
        rankings: &[Ranking],
        shown: &[ArrayRef],
    ) -> DfResult<RecordBatch> {
        let mut lines: Vec<Line> = vec![];
        for group in 0..slice.len() {
            lines.extend(rankings.iter().enumerate().filter_map(|(cell, ranking)| {
                let standing = ranking.standings.get(group).copied().filter(|standing| !standing.passed_over)?;
                let row = *ranking.rows.get(standing.start..standing.end)?.first()?;
                Some(Line { group, cell, row, standing, chosen: standing.chosen == Chosen::First })
            }));
        }
        let mut columns = keys_of(keys, &lines)?;
        for fixed in Fixed::of(self.gives) {
            columns.push(match fixed {
                Fixed::Value => self.results(slice, rankings, &lines, shown)?,
                Fixed::Values | Fixed::Sources => self.listed(slice, rankings, &lines, *fixed == Fixed::Sources)?,
                Fixed::Single => {
                    let lists = |line: &Line| {
                        let function = self.functions.get(line.cell);
                        function
                            .is_some_and(|f| matches!(f.field().data_type(), DataType::List(_)) && !self.chooses(line))
                    };
                    Arc::new(BooleanArray::from_iter(lines.iter().map(|line| Some(!lists(line)))))
                }
                other => self.of_cell(*other, &lines)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn chooses(&self, line: &Line) -> bool {
        line.standing.chosen != Chosen::All
    }

    fn reasons(&self, slice: &Slice, keys: &[ArrayRef], rankings: &[Ranking]) -> DfResult<RecordBatch> {
        let mut lines: Vec<(Line, String)> = vec![];
        for group in 0..slice.len() {
            for (cell, ranking) in rankings.iter().enumerate() {
                let Some(standing) = ranking.standings.get(group).copied() else { continue };
                let Some(row) = ranking.rows.get(standing.start..standing.end).and_then(<[usize]>::first) else {
                    continue;
                };
                let line = Line { group, cell, row: *row, standing, chosen: standing.chosen == Chosen::First };
                let Some(reason) = self.reason(slice, &line, ranking)? else { continue };
                let column = |cell: usize| self.layout.cells.get(cell).map(|cell| cell.column.as_str());
                match lines.last_mut() {
                    Some((last, words)) if last.group == group && column(last.cell) == column(cell) => {
                        words.push_str("; ");
                        words.push_str(&reason);
                    }
                    _ => lines.push((line, reason)),
                }
            }
        }
        let (lines, reasons): (Vec<Line>, Vec<String>) = lines.into_iter().unzip();
        let mut columns = keys_of(keys, &lines)?;
        for fixed in Fixed::of(self.gives) {
            columns.push(match fixed {
                Fixed::Reason => Arc::new(StringViewArray::from_iter_values(&reasons)),
                other => self.of_cell(*other, &lines)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Why a cell is what it is: `newest: erp 42 at 2024-03-01 (repaired: normalize_name)`. None for a cell that another
    /// one was asked before.
    fn reason(&self, slice: &Slice, line: &Line, ranking: &Ranking) -> DfResult<Option<String>> {
        let Some(cell) = self.layout.cells.get(line.cell) else { return Ok(None) };
        let rule = &cell.rule;
        let candidates = line.standing.candidates();
        let said = |at: Option<usize>, row: usize| -> DfResult<Option<String>> {
            let Some(at) = at else { return Ok(None) };
            let texts = slice.column(at)?.as_string_view_opt().filter(|texts| texts.is_valid(row));
            Ok(texts.map(|texts| texts.value(row).to_string()))
        };
        let (reason, changes) = match line.standing.chosen {
            Chosen::First => {
                let changes = said(cell.changed_after.or(cell.changed), line.row)?;
                if cell.constant {
                    return Ok(changes);
                }
                let source = [said(cell.source, line.row)?, said(cell.record, line.row)?];
                let mut words: Vec<String> = source.into_iter().flatten().collect();
                if let Some(time) = said(cell.time, line.row)? {
                    words.push(format!("at {time}"));
                }
                let reason = if words.is_empty() { rule.to_string() } else { format!("{rule}: {}", words.join(" ")) };
                (reason, Vec::from_iter(changes))
            }
            Chosen::All => {
                let rows = ranking.rows.get(line.standing.start..line.standing.end).unwrap_or_default();
                let changes = rows.iter().map(|row| said(cell.changed, *row)).collect::<DfResult<Vec<_>>>()?;
                let changes = BTreeSet::from_iter(changes.into_iter().flatten());
                let values = if candidates == 1 { "value" } else { "values" };
                (format!("{rule} of {candidates} {values}"), Vec::from_iter(changes))
            }
            Chosen::None if line.standing.passed_over => return Ok(None),
            Chosen::None => (format!("{rule}: {} different values", line.standing.distinct), vec![]),
        };
        Ok(Some(if changes.is_empty() { reason } else { format!("{reason} ({})", changes.join("; ")) }))
    }

    /// The result of each line's cell as text: what the view makes of it, which `shown` has by group.
    fn results(&self, slice: &Slice, rankings: &[Ranking], lines: &[Line], shown: &[ArrayRef]) -> DfResult<ArrayRef> {
        let mut texts: Vec<Option<ArrayRef>> = vec![];
        for (ranking, function) in rankings.iter().zip(self.functions.iter()) {
            let field = function.field();
            let results = ranking.results.as_ref();
            let kind = PgType::of_field(&field);
            texts.push(results.map(|results| written(&kind, results, self.zone)).transpose()?);
        }
        let chosen = self.mixed(slice, lines, &DataType::Utf8View, |cell| Some(cell.text))?;
        let chosen = chosen.as_string_view_opt().ok_or_else(|| Error::internal("texts that are none"))?;
        let mut out = StringViewBuilder::with_capacity(lines.len());
        for (nth, line) in lines.iter().enumerate() {
            let of_view = self.layout.cells.get(line.cell).and_then(|cell| shown.get(cell.shown?));
            if let Some(texts) = of_view.and_then(|texts| texts.as_string_view_opt()) {
                out.append_option(texts.is_valid(line.group).then(|| texts.value(line.group)));
                continue;
            }
            let computed = texts.get(line.cell).and_then(Option::as_ref).and_then(|texts| texts.as_string_view_opt());
            match (line.standing.chosen, computed) {
                // As it is beside the candidates: a text of its own type.
                (Chosen::First, _) if chosen.is_valid(nth) => out.append_value(chosen.value(nth)),
                (Chosen::All, Some(texts)) if texts.is_valid(line.group) => out.append_value(texts.value(line.group)),
                _ => out.append_null(),
            }
        }
        Ok(Arc::new(out.finish()))
    }

    /// The different values of each line's cell, the best first; or the sources of each of them.
    fn listed(&self, slice: &Slice, rankings: &[Ranking], lines: &[Line], sources: bool) -> DfResult<ArrayRef> {
        let mut out = ListBuilder::new(StringViewBuilder::new());
        for line in lines {
            let (Some(cell), Some(ranking)) = (self.layout.cells.get(line.cell), rankings.get(line.cell)) else {
                return Err(Error::internal("lineage lacks a cell").into());
            };
            let source = match cell.source {
                Some(at) => slice.column(at)?.as_string_view_opt(),
                None => None,
            };
            let texts = slice.column(cell.text)?;
            let texts = texts.as_string_view_opt().ok_or_else(|| Error::internal("texts that are none"))?;
            let rows = ranking.rows.get(line.standing.start..line.standing.end).unwrap_or_default();
            let mut sorted: Vec<(usize, usize)> = rows.iter().copied().enumerate().collect();
            sorted.sort_unstable_by(|a, b| ranking.compare_values(a.1, b.1).then(a.0.cmp(&b.0)));
            let mut values: Vec<&[(usize, usize)]> =
                sorted.chunk_by(|a, b| ranking.compare_values(a.1, b.1).is_eq()).collect();
            // By the best row of each.
            values.sort_unstable_by_key(|same| same.first().map(|(rank, _)| *rank));
            for same in values {
                let mut rows = same.iter().map(|(_, row)| *row);
                let text = match sources {
                    true => {
                        let mut names: Vec<&str> = match source {
                            Some(names) => {
                                rows.filter(|row| names.is_valid(*row)).map(|row| names.value(row)).collect()
                            }
                            None => vec![],
                        };
                        names.sort_unstable();
                        names.dedup();
                        (!names.is_empty()).then(|| names.join(", "))
                    }
                    false => rows.next().filter(|row| texts.is_valid(*row)).map(|row| texts.value(row).to_string()),
                };
                out.values().append_option(text);
            }
            out.append(true);
        }
        Ok(Arc::new(out.finish()))
    }

    /// A column that is the same for all lines of a cell in a group.
    fn of_cell(&self, fixed: Fixed, lines: &[Line]) -> DfResult<ArrayRef> {
        let cells = indices(lines.iter().map(|line| line.cell));
        Ok(match fixed {
            Fixed::ColumnName => {
                let names = self.layout.cells.iter().map(|cell| cell.column.as_str());
                take(&StringViewArray::from_iter_values(names), &cells, None)?
            }
            Fixed::Rule => {
                let names = self.layout.cells.iter().map(|cell| cell.rule.as_str());
                take(&StringViewArray::from_iter_values(names), &cells, None)?
            }
            Fixed::TieLevel => {
                let names = StringViewArray::from_iter_values(Tie::NAMES);
                let levels = lines.iter().map(|line| line.standing.tie.map(|tie| tie.index() as u64));
                take(&names, &UInt64Array::from_iter(levels), None)?
            }
            Fixed::Candidates => Arc::new(Int64Array::from_iter_values(
                lines.iter().map(|line| i64::try_from(line.standing.candidates()).unwrap_or(i64::MAX)),
            )),
            Fixed::DistinctValues => Arc::new(Int64Array::from_iter_values(
                lines.iter().map(|line| i64::try_from(line.standing.distinct).unwrap_or(i64::MAX)),
            )),
            other => return Err(Error::internal(format!("lineage cannot make {}", other.name())).into()),
        })
    }

    /// A column that is in another place of the input for each cell.
    fn mixed(
        &self,
        slice: &Slice,
        lines: &[Line],
        data_type: &DataType,
        of: impl Fn(&Cell) -> Option<usize>,
    ) -> DfResult<ArrayRef> {
        let nothing = new_null_array(data_type, 1);
        let mut arrays: Vec<&dyn Array> = vec![];
        let mut known = vec![];
        for cell in &self.layout.cells {
            let at = of(cell);
            known.push(at.is_some());
            arrays.push(match at {
                Some(at) => slice.column(at)?.as_ref(),
                None => nothing.as_ref(),
            });
        }
        if arrays.is_empty() || !known.contains(&true) {
            return Ok(new_null_array(data_type, lines.len()));
        }
        let places = lines.iter().map(|line| match known.get(line.cell) {
            Some(true) => (line.cell, line.row),
            _ => (line.cell, 0),
        });
        Ok(interleave(&arrays, &places.collect::<Vec<_>>())?)
    }

    /// What was done to each line's value; of a chosen one also what was done to it afterwards.
    fn changes(&self, slice: &Slice, lines: &[Line]) -> DfResult<ArrayRef> {
        let before = self.mixed(slice, lines, &DataType::Utf8View, |cell| cell.changed)?;
        if self.layout.cells.iter().all(|cell| cell.changed_after.is_none()) {
            return Ok(before);
        }
        let all = self.mixed(slice, lines, &DataType::Utf8View, |cell| cell.changed_after.or(cell.changed))?;
        let chosen = BooleanArray::from_iter(lines.iter().map(|line| Some(line.chosen)));
        Ok(zip(&chosen, &all, &before)?)
    }

    /// A text of each line's row, which mostly is the same column for all cells.
    fn of_row(
        &self,
        slice: &Slice,
        lines: &[Line],
        rows: &UInt64Array,
        of: impl Fn(&Cell) -> Option<usize>,
    ) -> DfResult<ArrayRef> {
        let mut places = self.layout.cells.iter().map(&of);
        let first = places.next().flatten();
        match first {
            Some(at) if places.all(|other| other == first) => Ok(take(slice.column(at)?, rows, None)?),
            _ => self.mixed(slice, lines, &DataType::Utf8View, of),
        }
    }
}

/// Nothing is chosen of a cell where one that was asked before it has candidates, or where no branch is taken that it
/// stands in.
fn passed_over(mut ranking: Ranking, before: &[Ranking], cell: &Cell, taken: &[BooleanArray]) -> Ranking {
    for (group, standing) in ranking.standings.iter_mut().enumerate() {
        let earlier = cell.after.iter().filter_map(|at| before.get(*at)?.standings.get(group));
        let mut guards = cell.guards.iter().filter_map(|at| taken.get(*at));
        let is_taken = cell.guards.is_empty() || guards.any(|taken| taken.is_valid(group) && taken.value(group));
        if !is_taken || earlier.into_iter().any(|earlier| earlier.candidates() > 0) {
            standing.chosen = Chosen::None;
            standing.tie = None;
            standing.passed_over = true;
            if cell.constant {
                // Nobody offered it.
                standing.end = standing.start;
            }
        }
    }
    ranking
}

fn indices(places: impl Iterator<Item = usize>) -> UInt64Array {
    UInt64Array::from_iter_values(places.map(|at| at as u64))
}

fn keys_of(keys: &[ArrayRef], lines: &[Line]) -> DfResult<Vec<ArrayRef>> {
    let groups = indices(lines.iter().map(|line| line.group));
    keys.iter().map(|key| Ok(take(key, &groups, None)?)).collect()
}
