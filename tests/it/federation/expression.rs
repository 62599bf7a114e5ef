//! Random expressions that Postgres takes, with what is known to differ left out or marked.

use super::dice::Dice;
use super::kind::{Kind, quoted};

/// An expression: SQL with a gap (`\u{1}`) for each of its parts.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: Kind,
    template: String,
    parts: Vec<Expr>,
    /// Means something else in PostgreSQL, as docs/differences.md says: it is only compared among our own answers.
    exempt: bool,
}

/// A gap in a template.
const GAP: char = '\u{1}';

/// A column that an expression may use.
#[derive(Clone, Debug)]
pub struct Column {
    pub sql: String,
    pub kind: Kind,
}

impl Expr {
    pub fn new(kind: Kind, template: impl Into<String>, parts: Vec<Expr>) -> Expr {
        Expr { kind, template: template.into(), parts, exempt: false }
    }

    /// A column or a literal.
    pub fn leaf(kind: Kind, sql: impl Into<String>) -> Expr {
        Expr::new(kind, sql, vec![])
    }

    pub fn exempt(mut self) -> Expr {
        self.exempt = true;
        self
    }

    pub fn sql(&self) -> String {
        let mut parts = self.parts.iter();
        let mut sql = String::new();
        for letter in self.template.chars() {
            match (letter == GAP).then(|| parts.next()).flatten() {
                Some(part) => sql.push_str(&part.sql()),
                None => sql.push(letter),
            }
        }
        sql
    }

    /// Whether it is an aggregate of the query's rows.
    pub fn is_aggregate(&self) -> bool {
        ["count(", "sum(", "avg(", "min(", "max(", "bool_or("].iter().any(|name| self.template.starts_with(name))
    }

    pub fn is_exempt(&self) -> bool {
        self.exempt || self.parts.iter().any(Expr::is_exempt)
    }

    /// Simpler expressions of the same kind.
    pub fn simpler(&self) -> Vec<Expr> {
        let mut found: Vec<Expr> = self.parts.iter().filter(|part| part.kind == self.kind).cloned().collect();
        for (at, part) in self.parts.iter().enumerate() {
            for simple in part.simpler() {
                let mut expr = self.clone();
                expr.parts[at] = simple;
                found.push(expr);
            }
        }
        found
    }
}

/// Makes expressions over the columns in scope.
pub struct Writer<'a> {
    pub dice: &'a mut Dice,
    pub columns: &'a [Column],
}

const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// Kinds whose order and equality every place has.
const COMPARED: [Kind; 12] = [
    Kind::Small,
    Kind::Int,
    Kind::Big,
    Kind::Price,
    Kind::Wide,
    Kind::Ratio,
    Kind::Extreme,
    Kind::Text,
    Kind::Code,
    Kind::Day,
    Kind::Moment,
    Kind::Instant,
];

impl Writer<'_> {
    /// An expression of a kind; `depth` bounds how far it nests.
    pub fn expr(&mut self, kind: Kind, depth: usize) -> Expr {
        if depth == 0 || self.dice.chance(35) {
            return self.leaf(kind);
        }
        match self.dice.below(10) {
            0 => return self.of(kind, "coalesce(\u{1}, \u{1})", &[kind, kind], depth),
            1 => return self.of(kind, "nullif(\u{1}, \u{1})", &[kind, kind], depth),
            2 => return self.of(kind, "CASE WHEN \u{1} THEN \u{1} ELSE \u{1} END", &[Kind::Flag, kind, kind], depth),
            3 => return self.of(kind, "CASE WHEN \u{1} THEN \u{1} END", &[Kind::Flag, kind], depth),
            _ => {}
        }
        match kind {
            Kind::Small | Kind::Flag | Kind::Extreme => match kind {
                Kind::Flag => self.predicate(depth),
                _ => self.leaf(kind),
            },
            Kind::Int => match self.dice.below(4) {
                0 => self.of(kind, "length(\u{1})", &[Kind::Text], depth),
                1 => self.of(kind, "strpos(\u{1}, \u{1})", &[Kind::Text, Kind::Code], depth),
                2 => self.of(kind, "extract(year FROM \u{1})::integer", &[Kind::Day], depth),
                _ => self.of(kind, "\u{1}::integer", &[Kind::Small], depth),
            },
            Kind::Big => {
                // Of whole numbers that are widened first, so that nothing overflows, wherever it is evaluated.
                let (one, other) = (self.narrow(), self.narrow());
                match self.dice.below(7) {
                    0 => Expr::new(kind, "(\u{1}::bigint + \u{1}::bigint)", vec![one, other]),
                    1 => Expr::new(kind, "(\u{1}::bigint - \u{1}::bigint)", vec![one, other]),
                    2 => Expr::new(kind, "(\u{1}::bigint * \u{1}::bigint)", vec![one, other]),
                    3 => Expr::new(kind, "(\u{1}::bigint / nullif(\u{1}::bigint, 0))", vec![one, other]),
                    4 => Expr::new(kind, "(\u{1}::bigint % nullif(\u{1}::bigint, 0))", vec![one, other]),
                    5 => Expr::new(kind, "abs(\u{1}::bigint)", vec![one]),
                    _ => Expr::new(kind, "(- \u{1}::bigint)", vec![one]),
                }
            }
            Kind::Price => {
                let template = *self.dice.pick(&["(\u{1} + \u{1})", "(\u{1} - \u{1})", "(\u{1} * \u{1})"]);
                let parts = vec![self.leaf(kind), self.leaf(kind)];
                Expr::new(kind, template, parts)
            }
            Kind::Wide => self.of(kind, "\u{1}::numeric(38,10)", &[Kind::Price], 1),
            Kind::Ratio => match self.dice.below(4) {
                0 => self.of(kind, "(\u{1} + \u{1})", &[kind, kind], depth),
                1 => self.of(kind, "(\u{1} - \u{1})", &[kind, kind], depth),
                2 => self.of(kind, "\u{1}::double precision", &[Kind::Int], depth),
                _ => self.of(kind, "abs(\u{1})", &[kind], depth),
            },
            Kind::Text => self.text(depth),
            Kind::Code => match self.dice.below(3) {
                0 => self.of(kind, "lower(\u{1})", &[kind], depth),
                1 => self.of(kind, "upper(\u{1})", &[kind], depth),
                _ => self.of(kind, "substr(\u{1}, 1, 1)", &[kind], depth),
            },
            Kind::Day => self.of(kind, "\u{1}::date", &[Kind::Moment], depth),
            Kind::Moment => self.of(kind, "date_trunc('month', \u{1})", &[kind], depth),
            Kind::Instant => self.leaf(kind),
        }
    }

    /// A column of the kind if there is one, or a literal.
    pub fn leaf(&mut self, kind: Kind) -> Expr {
        if self.dice.chance(85)
            && let Some(column) = self.column(kind)
        {
            return column;
        }
        let value = kind.value(self.dice);
        Expr::leaf(kind, kind.literal(value))
    }

    /// A column of the kind.
    pub fn column(&mut self, kind: Kind) -> Option<Expr> {
        let fitting: Vec<&Column> = self.columns.iter().filter(|column| column.kind == kind).collect();
        if fitting.is_empty() {
            return None;
        }
        Some(Expr::leaf(kind, self.dice.pick(&fitting).sql.clone()))
    }

    /// A column of whatever kind.
    pub fn any_column(&mut self) -> Expr {
        let column = self.dice.pick(self.columns);
        Expr::leaf(column.kind, column.sql.clone())
    }

    /// The kind of a column that is there.
    pub fn kind(&mut self) -> Kind {
        self.dice.pick(self.columns).kind
    }

    fn of(&mut self, kind: Kind, template: &str, kinds: &[Kind], depth: usize) -> Expr {
        let parts = kinds.iter().map(|part| self.expr(*part, depth - 1)).collect();
        Expr::new(kind, template, parts)
    }

    /// A smallint or an integer, without arithmetic.
    fn narrow(&mut self) -> Expr {
        let kind = *self.dice.pick(&[Kind::Small, Kind::Int]);
        self.leaf(kind)
    }

    fn text(&mut self, depth: usize) -> Expr {
        let kind = Kind::Text;
        match self.dice.below(14) {
            0 => self.of(kind, "(\u{1} || \u{1})", &[kind, kind], depth),
            1 => self.of(kind, "concat(\u{1}, '-', \u{1})", &[kind, Kind::Code], depth),
            // Unicode's upper and lower case are ours.
            2 => self.of(kind, "lower(\u{1})", &[kind], depth).exempt(),
            3 => self.of(kind, "upper(\u{1})", &[kind], depth).exempt(),
            4 => {
                let (from, count) = (self.dice.between(0, 3), self.dice.between(0, 4));
                self.of(kind, &format!("substr(\u{1}, {from}, {count})"), &[kind], depth)
            }
            5 => self.of(kind, "trim(\u{1})", &[kind], depth),
            6 => self.of(kind, "ltrim(\u{1})", &[kind], depth),
            7 => self.of(kind, "replace(\u{1}, \u{1}, \u{1})", &[kind, Kind::Code, Kind::Code], depth),
            8 => {
                let count = self.dice.between(0, 4);
                self.of(kind, &format!("left(\u{1}, {count})"), &[kind], depth)
            }
            9 => {
                let count = self.dice.between(0, 4);
                self.of(kind, &format!("right(\u{1}, {count})"), &[kind], depth)
            }
            10 => self.of(kind, "\u{1}::text", &[Kind::Int], depth),
            11 => self.of(kind, "\u{1}::text", &[Kind::Flag], depth),
            12 => self.of(kind, "\u{1}::text", &[Kind::Day], depth),
            _ => self.of(kind, "reverse(\u{1})", &[kind], depth),
        }
    }

    /// A predicate.
    pub fn predicate(&mut self, depth: usize) -> Expr {
        let flag = Kind::Flag;
        if depth > 0 && self.dice.chance(35) {
            return match self.dice.below(5) {
                0 | 1 => self.nested("(\u{1} AND \u{1})", 2, depth),
                2 | 3 => self.nested("(\u{1} OR \u{1})", 2, depth),
                _ => self.nested("(NOT \u{1})", 1, depth),
            };
        }
        if self.dice.chance(8) {
            let template = *self.dice.pick(&[
                "\u{1}",
                "(NOT \u{1})",
                "(\u{1} IS TRUE)",
                "(\u{1} IS NOT TRUE)",
                "(\u{1} IS FALSE)",
                "(\u{1} IS UNKNOWN)",
                "(\u{1} = true)",
            ]);
            let part = self.leaf(flag);
            return Expr::new(flag, template, vec![part]);
        }
        if self.dice.chance(12) {
            let column = self.any_column();
            return Expr::new(flag, *self.dice.pick(&["(\u{1} IS NULL)", "(\u{1} IS NOT NULL)"]), vec![column]);
        }
        let mut kind = self.kind();
        if !COMPARED.contains(&kind) {
            kind = *self.dice.pick(&COMPARED);
        }
        // Mostly what can be sent: a column and literals.
        let plain = self.dice.chance(60);
        let side = if plain { self.leaf(kind) } else { self.expr(kind, depth.min(2)) };
        if kind.is_text() && self.dice.chance(35) {
            return self.like(side);
        }
        match self.dice.below(8) {
            0 => {
                let count = self.dice.between(1, 4);
                let mut members: Vec<String> = (0..count).map(|_| self.literal(kind)).collect();
                if self.dice.chance(15) {
                    members.push("NULL".into());
                }
                let not = if self.dice.chance(30) { "NOT " } else { "" };
                Expr::new(flag, format!("(\u{1} {not}IN ({}))", members.join(", ")), vec![side])
            }
            1 => {
                let (low, high) = (self.literal(kind), self.literal(kind));
                let not = if self.dice.chance(25) { "NOT " } else { "" };
                Expr::new(flag, format!("(\u{1} {not}BETWEEN {low} AND {high})"), vec![side])
            }
            2 => {
                let not = if self.dice.chance(50) { "NOT " } else { "" };
                let literal = self.literal(kind);
                Expr::new(flag, format!("(\u{1} IS {not}DISTINCT FROM {literal})"), vec![side])
            }
            3 => {
                let op = *self.dice.pick(&COMPARISONS);
                let other = if plain { self.leaf(kind) } else { self.expr(kind, depth.min(1)) };
                Expr::new(flag, format!("(\u{1} {op} \u{1})"), vec![side, other])
            }
            4 => {
                let (op, literal) = (*self.dice.pick(&COMPARISONS), self.literal(kind));
                Expr::new(flag, format!("({literal} {op} \u{1})"), vec![side])
            }
            _ => {
                let (op, literal) = (*self.dice.pick(&COMPARISONS), self.literal(kind));
                Expr::new(flag, format!("(\u{1} {op} {literal})"), vec![side])
            }
        }
    }

    fn nested(&mut self, template: &str, count: usize, depth: usize) -> Expr {
        let parts = (0..count).map(|_| self.predicate(depth - 1)).collect();
        Expr::new(Kind::Flag, template, parts)
    }

    fn literal(&mut self, kind: Kind) -> String {
        let value = kind.value(self.dice);
        kind.bare(value, self.dice)
    }

    fn like(&mut self, side: Expr) -> Expr {
        let kind = side.kind;
        let value = kind.value(self.dice);
        let escaped: String = value
            .chars()
            .flat_map(|letter| {
                let escape = matches!(letter, '\\' | '%' | '_');
                escape.then_some('\\').into_iter().chain([letter])
            })
            .collect();
        let pattern = match self.dice.below(6) {
            0 => format!("{}%", escaped.chars().take(1).filter(|c| *c != '\\').collect::<String>()),
            1 => format!("%{}", value.chars().last().filter(|c| *c != '\\').map(String::from).unwrap_or_default()),
            2 => format!("%{escaped}%"),
            3 => escaped,
            4 => "_%".into(),
            _ => format!("{}_%", value.chars().take(1).filter(|c| *c != '\\').collect::<String>()),
        };
        let not = if self.dice.chance(30) { "NOT " } else { "" };
        // Case beyond ASCII is Unicode's here, and the C library's there.
        let ilike = kind == Kind::Code && self.dice.chance(30);
        let op = if ilike { "ILIKE" } else { "LIKE" };
        Expr::new(Kind::Flag, format!("(\u{1} {not}{op} {})", quoted(&pattern)), vec![side])
    }
}
