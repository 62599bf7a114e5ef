//! A jsonpath once it is read.

use regex::Regex;

use super::numbers::Operator;

/// A whole jsonpath.
#[derive(Clone, Debug)]
pub(super) struct JsonPath {
    /// Whether what does not fit is passed over, and arrays are made and taken apart as needed.
    pub lax: bool,
    pub expr: Expr,
}

/// What gives items.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// Steps from somewhere.
    Steps(Root, Vec<Step>),
    /// A condition gives `true`, `false` or `null`.
    Condition(Box<Condition>),
    /// `left operator right`, of one number each.
    Computed(Box<Expr>, Operator, Box<Expr>),
    /// `+` or `-` before numbers.
    Signed(bool, Box<Expr>),
}

/// Where steps begin.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// `$`
    Whole,
    /// `@`
    Current,
    /// `$name`
    Variable(String),
    /// A scalar, as JSON.
    Literal(String),
    /// `last`: the number of the last element.
    Last,
    /// What stands in parentheses.
    Nested(Box<Expr>),
}

/// One step down.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `.name`
    Member(String),
    /// `.*`
    Members,
    /// `[*]`
    Elements,
    /// `[0, 2 to last]`
    Subscripts(Vec<(Expr, Option<Expr>)>),
    /// `?(condition)`
    Filter(Condition),
    /// `.type()`
    Type,
    /// `.size()`
    Size,
    /// `.**{first to last}`: the value and all within it, by how deep it is; none for the innermost.
    Within(Option<u32>, Option<u32>),
    /// `.double()`
    Double,
    /// `.abs()`
    Abs,
    /// `.floor()`
    Floor,
    /// `.ceiling()`
    Ceiling,
    /// `.keyvalue()`
    KeyValue,
}

/// What is true, false or unknown of an item.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Compare(Expr, Comparison, Expr),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    IsUnknown(Box<Condition>),
    Exists(Expr),
    StartsWith(Expr, Expr),
    LikeRegex(Expr, Regex),
}

/// How two scalars are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
