//! What was found, with what is to be reached.

use std::fmt;

/// Lines of what was measured.
#[derive(Default)]
pub struct Table(Vec<Line>);

struct Line {
    what: String,
    found: f64,
    unit: &'static str,
    reach: Reach,
}

/// Where a figure is to be.
#[derive(Clone, Copy)]
pub enum Reach {
    AtMost(f64),
    AtLeast(f64),
}

impl Table {
    /// Adds a figure, which is also printed at once, as the whole takes minutes.
    pub fn add(&mut self, what: impl Into<String>, found: f64, unit: &'static str, reach: Reach) {
        let line = Line { what: what.into(), found, unit, reach };
        println!("{line}");
        self.0.push(line);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | found | to reach |\n|---|---|---|")?;
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, bound, reached) = match self.reach {
            Reach::AtMost(most) => ("at most", most, self.found <= most),
            Reach::AtLeast(least) => ("at least", least, self.found >= least),
        };
        let missed = if reached { "" } else { ", **missed**" };
        write!(f, "| {} | {:.2}{}{missed} | {words} {bound}{} |", self.what, self.found, self.unit, self.unit)
    }
}
