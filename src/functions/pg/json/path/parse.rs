//! Reads jsonpath.

use regex::RegexBuilder;

use super::super::convert::jsonb;
use super::numbers::Operator;
use super::tree::{Comparison, Condition, Expr, JsonPath, Root, Step};
use crate::error::{Error, Result, SqlState};

/// How deeply parentheses may nest.
const DEEPEST: usize = 100;

/// How many arithmetic operators one may have: each is evaluated within the next.
const MOST_OPERATORS: usize = 500;

/// Methods that Postgres has and this does not.
const REFUSED: &[&str] = &["datetime"];

/// Reads a jsonpath. 42601 for what is none, 0A000 for what is not supported, 54001 for what nests too deeply.
pub(super) fn parse(text: &str) -> Result<JsonPath> {
    let mut reader = Reader { rest: text, depth: 0, filters: 0, subscripts: 0, operators: 0 };
    let lax = if reader.word("strict") {
        false
    } else {
        reader.word("lax");
        true
    };
    let expr = reader.either()?;
    reader.blanks();
    if !reader.rest.is_empty() {
        return Err(reader.wrong());
    }
    Ok(JsonPath { lax, expr })
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
    /// How many filters and subscripts stand around: `@` and `last` mean something there alone.
    filters: usize,
    subscripts: usize,
    operators: usize,
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || !letter.is_ascii()
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    }

    fn wrong(&self) -> Error {
        let near: String = self.rest.chars().take_while(|letter| is_name(*letter)).collect();
        let near = if near.is_empty() { self.rest.chars().take(1).collect() } else { near };
        let place = if near.is_empty() { "end".to_string() } else { format!("or near \"{near}\"") };
        Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at {place} of jsonpath input"))
    }

    fn next(&mut self) -> Option<char> {
        self.blanks();
        self.rest.chars().next()
    }

    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong()) }
    }

    /// Takes a word in any case, whole.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let Some((head, tail)) = self.rest.split_at_checked(word.len()) else { return false };
        let whole = head.eq_ignore_ascii_case(word) && !tail.starts_with(is_name);
        if whole {
            self.rest = tail;
        }
        whole
    }

    fn name(&mut self) -> Option<String> {
        let end = self.rest.find(|letter: char| !is_name(letter)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
        self.rest = rest;
        Some(name.to_string())
    }

    /// A string in double quotes, as JSON and as the text that it is.
    fn string(&mut self) -> Result<(String, String)> {
        self.blanks();
        let mut escaped = false;
        let end = self.rest.strip_prefix('"').and_then(|rest| {
            rest.find(|letter: char| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            })
        });
        let (json, rest) = end.and_then(|end| self.rest.split_at_checked(end + 2)).ok_or_else(|| self.wrong())?;
        let text: String = serde_json::from_str(json).map_err(|_| self.wrong())?;
        let json = canonical(json)?;
        self.rest = rest;
        Ok((json, text))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "jsonpath nests too deeply")
                .with_detail(format!("It may nest {DEEPEST} levels.")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn either(&mut self) -> Result<Expr> {
        let mut left = self.both()?;
        while self.take("||") {
            let right = self.both()?;
            left = Expr::Condition(Box::new(Condition::Or(self.condition(left)?, self.condition(right)?)));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr> {
        let mut left = self.not()?;
        while self.take("&&") {
            let right = self.not()?;
            left = Expr::Condition(Box::new(Condition::And(self.condition(left)?, self.condition(right)?)));
        }
        Ok(left)
    }

    fn condition(&self, expr: Expr) -> Result<Box<Condition>> {
        match expr {
            Expr::Condition(condition) => Ok(condition),
            _ => Err(self.wrong()),
        }
    }

    fn not(&mut self) -> Result<Expr> {
        self.blanks();
        if self.rest.starts_with('!') && !self.rest.starts_with("!=") {
            self.take("!");
            let inner = self.deeper(Self::not)?;
            return Ok(Expr::Condition(Box::new(Condition::Not(self.condition(inner)?))));
        }
        self.compared()
    }

    fn compared(&mut self) -> Result<Expr> {
        if self.word("exists") {
            self.expect("(")?;
            let inner = self.deeper(Self::sum)?;
            self.expect(")")?;
            return Ok(Expr::Condition(Box::new(Condition::Exists(inner))));
        }
        let left = self.sum()?;
        if let Expr::Condition(condition) = left {
            if self.word("is") {
                if !self.word("unknown") {
                    return Err(self.wrong());
                }
                return Ok(Expr::Condition(Box::new(Condition::IsUnknown(condition))));
            }
            return Ok(Expr::Condition(condition));
        }
        const SIGNS: [(&str, Comparison); 8] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        for (sign, comparison) in SIGNS {
            if self.take(sign) {
                let right = self.sum()?;
                if matches!(right, Expr::Condition(_)) {
                    return Err(self.wrong());
                }
                return Ok(Expr::Condition(Box::new(Condition::Compare(left, comparison, right))));
            }
        }
        if self.word("starts") {
            if !self.word("with") {
                return Err(self.wrong());
            }
            let right = match self.next() {
                Some('"') => Root::Literal(self.string()?.0),
                Some('$') => self.root()?,
                _ => return Err(self.wrong()),
            };
            if matches!(right, Root::Whole) {
                return Err(self.wrong());
            }
            let right = Expr::Steps(right, vec![]);
            return Ok(Expr::Condition(Box::new(Condition::StartsWith(left, right))));
        }
        if self.word("like_regex") {
            let (_, pattern) = self.string()?;
            let flags = if self.word("flag") { self.string()?.1 } else { String::new() };
            return Ok(Expr::Condition(Box::new(Condition::LikeRegex(left, regex(&pattern, &flags)?))));
        }
        Ok(left)
    }

    /// What gives items, with its steps; or a condition in parentheses.
    fn value(&mut self) -> Result<Expr> {
        let value = match self.next() {
            Some('(') => {
                self.take("(");
                let inner = self.deeper(Self::either)?;
                self.expect(")")?;
                let steps = self.steps()?;
                match inner {
                    Expr::Condition(condition) if steps.is_empty() => return Ok(Expr::Condition(condition)),
                    inner if steps.is_empty() => inner,
                    inner => Expr::Steps(Root::Nested(Box::new(inner)), steps),
                }
            }
            Some('-' | '+') => {
                let minus = self.take("-");
                if !minus {
                    self.take("+");
                }
                match self.deeper(Self::value)? {
                    Expr::Condition(_) => return Err(self.wrong()),
                    Expr::Steps(Root::Literal(number), steps) if steps.is_empty() && is_number(&number) => {
                        Expr::Steps(Root::Literal(if minus { negated(&number)? } else { number }), steps)
                    }
                    other => Expr::Signed(minus, Box::new(other)),
                }
            }
            Some(_) => {
                let root = self.root()?;
                Expr::Steps(root, self.steps()?)
            }
            None => return Err(self.wrong()),
        };
        Ok(value)
    }

    /// What is added and taken away; or a condition in parentheses.
    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.next() {
                Some('+') => Operator::Plus,
                Some('-') => Operator::Minus,
                _ => return Ok(left),
            };
            left = self.computed(left, operator, Self::product)?;
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.value()?;
        loop {
            let operator = match self.next() {
                Some('*') => Operator::Times,
                Some('/') => Operator::DividedBy,
                Some('%') => Operator::Modulo,
                _ => return Ok(left),
            };
            left = self.computed(left, operator, Self::value)?;
        }
    }

    /// Takes an operator and what stands behind it. Each is as deep as a parenthesis: it is evaluated so.
    fn computed(
        &mut self,
        left: Expr,
        operator: Operator,
        right: impl FnOnce(&mut Self) -> Result<Expr>,
    ) -> Result<Expr> {
        self.operators += 1;
        if self.operators > MOST_OPERATORS {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "jsonpath computes too much")
                .with_detail(format!("It may have {MOST_OPERATORS} operators.")));
        }
        self.take(operator.sign());
        let right = self.deeper(right)?;
        if matches!(left, Expr::Condition(_)) || matches!(right, Expr::Condition(_)) {
            return Err(self.wrong());
        }
        Ok(Expr::Computed(Box::new(left), operator, Box::new(right)))
    }

    fn root(&mut self) -> Result<Root> {
        match self.next() {
            Some('$') => {
                self.take("$");
                if self.rest.starts_with('"') {
                    return Ok(Root::Variable(self.string()?.1));
                }
                Ok(self.name().map_or(Root::Whole, Root::Variable))
            }
            Some('@') if self.filters > 0 => {
                self.take("@");
                Ok(Root::Current)
            }
            Some('@') => Err(Error::new(SqlState::SYNTAX_ERROR, "@ is not allowed in root expressions")),
            Some('"') => Ok(Root::Literal(self.string()?.0)),
            Some('0'..='9' | '.') => Ok(Root::Literal(self.number()?)),
            _ => {
                for literal in ["true", "false", "null"] {
                    if self.word(literal) {
                        return Ok(Root::Literal(literal.to_string()));
                    }
                }
                if self.word("last") {
                    if self.subscripts == 0 {
                        return Err(Error::new(SqlState::SYNTAX_ERROR, "LAST is allowed only in array subscripts"));
                    }
                    return Ok(Root::Last);
                }
                Err(self.wrong())
            }
        }
    }

    /// A number as JSON writes it.
    fn number(&mut self) -> Result<String> {
        self.blanks();
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let whole = digits(0);
        let mut end = whole;
        let mut fraction = 0;
        if bytes.get(end) == Some(&b'.') {
            fraction = digits(end + 1);
            // `1.type()` is no number with a fraction.
            if fraction > 0 || whole > 0 && !self.rest.get(end + 1..).is_some_and(|rest| rest.starts_with(is_name)) {
                end += 1 + fraction;
            }
        }
        if whole + fraction == 0 {
            return Err(self.wrong());
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent == 0 {
                return Err(self.wrong());
            }
            end += 1 + sign + exponent;
        }
        let (number, rest) = self.rest.split_at_checked(end).ok_or_else(|| self.wrong())?;
        let zero_first = whole > 1 && number.starts_with('0');
        if zero_first || rest.starts_with(is_name) {
            return Err(self.wrong());
        }
        let mut json = if whole == 0 { format!("0{number}") } else { number.to_string() };
        if json.ends_with('.') {
            json.pop();
        }
        self.rest = rest;
        canonical(&json.replace(".e", "e").replace(".E", "e"))
    }

    fn steps(&mut self) -> Result<Vec<Step>> {
        let mut steps = vec![];
        loop {
            if self.take(".") {
                steps.push(self.member()?);
            } else if self.take("[") {
                steps.push(self.deeper(Self::subscript)?);
            } else if self.take("?") {
                self.expect("(")?;
                self.filters += 1;
                let condition = self.deeper(Self::either);
                self.filters -= 1;
                let condition = self.condition(condition?)?;
                self.expect(")")?;
                steps.push(Step::Filter(*condition));
            } else {
                return Ok(steps);
            }
        }
    }

    fn member(&mut self) -> Result<Step> {
        self.blanks();
        if self.take("**") {
            return self.within();
        }
        if self.take("*") {
            return Ok(Step::Members);
        }
        if self.rest.starts_with('"') {
            return Ok(Step::Member(self.string()?.1));
        }
        let name = self.name().ok_or_else(|| self.wrong())?;
        if !self.rest.trim_start().starts_with('(') {
            return Ok(Step::Member(name));
        }
        let step = match name.to_ascii_lowercase().as_str() {
            "type" => Step::Type,
            "size" => Step::Size,
            "double" => Step::Double,
            "abs" => Step::Abs,
            "floor" => Step::Floor,
            "ceiling" => Step::Ceiling,
            "keyvalue" => Step::KeyValue,
            known if REFUSED.contains(&known) => {
                return Err(Error::unsupported(format!("method .{known}() is not supported in jsonpath")));
            }
            _ => return Err(self.wrong()),
        };
        self.expect("(")?;
        self.expect(")")?;
        Ok(step)
    }

    /// What stands behind `.**`: nothing, a level, or the first and the last one.
    fn within(&mut self) -> Result<Step> {
        if !self.take("{") {
            return Ok(Step::Within(Some(0), None));
        }
        let first = self.level()?;
        let last = if self.word("to") { self.level()? } else { first };
        self.expect("}")?;
        Ok(Step::Within(first, last))
    }

    fn level(&mut self) -> Result<Option<u32>> {
        if self.word("last") {
            return Ok(None);
        }
        self.blanks();
        let digits: String = self.rest.chars().take_while(char::is_ascii_digit).collect();
        let level = digits.parse().map_err(|_| self.wrong())?;
        self.take(&digits);
        Ok(Some(level))
    }

    fn subscript(&mut self) -> Result<Step> {
        if self.take("*") {
            self.expect("]")?;
            return Ok(Step::Elements);
        }
        self.subscripts += 1;
        let read = self.subscript_list();
        self.subscripts -= 1;
        read
    }

    fn subscript_list(&mut self) -> Result<Step> {
        let mut all = vec![];
        loop {
            let first = self.sum()?;
            let last = if self.word("to") { Some(self.sum()?) } else { None };
            all.push((first, last));
            if !self.take(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(Step::Subscripts(all))
    }
}

/// A scalar as `jsonb` has it.
fn canonical(json: &str) -> Result<String> {
    let value = jsonb(json)?;
    Ok(value.try_as_str().flatten().unwrap_or(json).to_string())
}

fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// The other side of zero.
fn negated(number: &str) -> Result<String> {
    match number.strip_prefix('-') {
        Some(positive) => Ok(positive.to_string()),
        None => canonical(&format!("-{number}")),
    }
}

fn regex(pattern: &str, flags: &str) -> Result<regex::Regex> {
    let mut builder = match flags.contains('q') {
        true => RegexBuilder::new(&regex::escape(pattern)),
        false => RegexBuilder::new(pattern),
    };
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            's' => builder.dot_matches_new_line(true),
            'm' => builder.multi_line(true),
            'q' => &mut builder,
            'x' => {
                return Err(Error::unsupported("XQuery \"x\" flag (expanded regular expressions) is not implemented"));
            }
            _ => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid input syntax for type jsonpath")
                    .with_detail(format!("Unrecognized flag character \"{flag}\" in LIKE_REGEX predicate.")));
            }
        };
    }
    builder.build().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
        Error::new(SqlState("2201B"), format!("invalid regular expression: {reason}"))
    })
}
