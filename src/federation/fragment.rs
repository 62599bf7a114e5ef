//! Pieces of SQL with their parameters where they stand.
//!
//! Placeholders are numbered only when a whole statement is rendered, so pieces can be put together in any order.

use super::cleaning;
use super::dialect::{Operand, Parameter, RemoteDialect};
use crate::sources::scan::Keys;

/// A piece of SQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fragment(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Sql(String),
    Parameter(Parameter),
    /// A restriction to keys that are known when the statement is sent.
    Keys(KeysPiece),
}

/// The restriction of `operand`, or of a function of it, to the keys of a slot.
#[derive(Clone, Debug, PartialEq)]
struct KeysPiece {
    slot: usize,
    function: Option<String>,
    operand: Operand,
}

/// A statement ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The statement, with the dialect's placeholders.
    pub sql: String,
    /// The placeholders' values, in order.
    pub parameters: Vec<Parameter>,
}

impl Fragment {
    /// SQL as it stands.
    pub fn sql(text: impl Into<String>) -> Self {
        Fragment(vec![Piece::Sql(text.into())])
    }

    /// One parameter.
    pub fn parameter(parameter: Parameter) -> Self {
        Fragment(vec![Piece::Parameter(parameter)])
    }

    /// Whether `operand`, or the function of it, is among the keys of the `slot`th restriction, from 0.
    pub fn keys(slot: usize, function: Option<&str>, operand: Operand) -> Self {
        Fragment(vec![Piece::Keys(KeysPiece { slot, function: function.map(str::to_string), operand })])
    }

    /// The template with each `{}` replaced by the next of the parts.
    pub fn of(template: &str, parts: &[&Fragment]) -> Self {
        let mut whole = Fragment::default();
        let mut parts = parts.iter();
        for (index, text) in template.split("{}").enumerate() {
            if index > 0
                && let Some(part) = parts.next()
            {
                whole.push(part);
            }
            whole.push_sql(text);
        }
        whole
    }

    /// The parts one after another, with the separator between them.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Fragment>, separator: &str) -> Self {
        let mut whole = Fragment::default();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                whole.push_sql(separator);
            }
            whole.push(part);
        }
        whole
    }

    /// Adds SQL at the end.
    pub fn push_sql(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Sql(last)) => last.push_str(text),
            _ => self.0.push(Piece::Sql(text.to_string())),
        }
    }

    /// Adds a fragment at the end.
    pub fn push(&mut self, other: &Fragment) {
        for piece in &other.0 {
            match piece {
                Piece::Sql(text) => self.push_sql(text),
                other => self.0.push(other.clone()),
            }
        }
    }

    /// Whether a parameter or keys stand in it: written twice it is not the same expression to every source.
    pub fn has_parameters(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::Sql(_)))
    }

    /// Whether it is one parameter and nothing else.
    pub fn is_parameter(&self) -> bool {
        matches!(self.0.as_slice(), [Piece::Parameter(_)])
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        self.0.iter().filter(|piece| matches!(piece, Piece::Parameter(_))).count()
    }

    /// Its parameters, in order; none of keys.
    pub fn values(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Parameter(parameter) => Some(parameter),
            Piece::Sql(_) | Piece::Keys(_) => None,
        })
    }

    /// Whether it is the same but for the values of its parameters.
    pub fn is_like(&self, other: &Fragment) -> bool {
        let is_like = |(one, other): (&Piece, &Piece)| match (one, other) {
            (Piece::Parameter(one), Piece::Parameter(other)) => one.column == other.column,
            (Piece::Sql(one), Piece::Sql(other)) => one == other,
            _ => false,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_like)
    }

    /// The statement. Without `keys` (for EXPLAIN) a restriction by keys is shown in words; keys that the dialect
    /// cannot be asked for restrict nothing.
    pub fn render(&self, dialect: &dyn RemoteDialect, keys: Option<&[Keys]>) -> Rendered {
        let mut rendered = Rendered { sql: String::new(), parameters: vec![] };
        self.render_into(dialect, keys, &mut rendered);
        rendered
    }

    fn render_into(&self, dialect: &dyn RemoteDialect, keys: Option<&[Keys]>, to: &mut Rendered) {
        for piece in &self.0 {
            match piece {
                Piece::Sql(text) => to.sql.push_str(text),
                Piece::Parameter(parameter) => {
                    let index = place(parameter, dialect.numbered(), &mut to.parameters);
                    to.sql.push_str(&dialect.placeholder(index, &parameter.column));
                }
                Piece::Keys(piece) => piece.render_into(dialect, keys, to),
            }
        }
    }
}

impl KeysPiece {
    fn render_into(&self, dialect: &dyn RemoteDialect, keys: Option<&[Keys]>, to: &mut Rendered) {
        let Some(keys) = keys else {
            let mut operand = Rendered { sql: String::new(), parameters: std::mem::take(&mut to.parameters) };
            self.operand.sql.render_into(dialect, None, &mut operand);
            to.parameters = operand.parameters;
            to.sql.push_str(&match &self.function {
                Some(function) => format!("{function}({}) IN (keys found while it runs)", operand.sql),
                None => format!("{} IN (keys found while it runs)", operand.sql),
            });
            return;
        };
        let found = keys.get(self.slot);
        match found
            .and_then(|keys| cleaning::among_keys(dialect, self.function.as_deref(), &self.operand, &keys.values))
        {
            Some(restriction) => {
                to.sql.push('(');
                restriction.render_into(dialect, None, to);
                to.sql.push(')');
            }
            None => to.sql.push_str("1 = 1"),
        }
    }
}

/// The number of the parameter's placeholder, from 1. What was just sent is not sent again, where placeholders have
/// numbers.
fn place(parameter: &Parameter, numbered: bool, parameters: &mut Vec<Parameter>) -> usize {
    const LOOK_BACK: usize = 8;
    let start = parameters.len().saturating_sub(LOOK_BACK);
    let sent = if numbered { parameters.iter().skip(start).position(|sent| sent == parameter) } else { None };
    match sent {
        Some(position) => start + position + 1,
        None => {
            parameters.push(parameter.clone());
            parameters.len()
        }
    }
}
