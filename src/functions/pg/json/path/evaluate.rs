//! What a jsonpath gives of a value.

use std::cmp::Ordering;

use super::super::convert::{jsonb, quoted};
use super::super::scan::{Json, member, read};
use super::numbers::{absolute, computed, negated, whole};
use super::tree::{Comparison, Condition, Expr, JsonPath, Root, Step};
use crate::error::{Error, Result, SqlState};

/// What an expression is evaluated in.
#[derive(Clone, Copy)]
struct Place<'a> {
    whole: &'a str,
    current: &'a str,
    variables: &'a str,
    /// The number of the last element of the array that is subscripted.
    last: i64,
    lax: bool,
    /// Whether what is not there is passed over, as in lax mode and behind `.**`.
    forgives: bool,
}

/// Puts the items that a path gives into `found`, each as JSON. On an error those before it are there.
pub(super) fn items(path: &JsonPath, whole: &str, variables: &str, found: &mut Vec<String>) -> Result<()> {
    let place = Place { whole, current: whole, variables, last: -1, lax: path.lax, forgives: path.lax };
    give(&path.expr, place, found)
}

/// Whether an error is about how a path fits a value: such are left out where errors are not to be told, and make
/// conditions unknown.
pub(super) fn is_about_fit(error: &Error) -> bool {
    error.state().to_string().starts_with("2203") || error.state() == SqlState::DIVISION_BY_ZERO
}

fn misfit(state: &'static str, message: impl Into<String>) -> Error {
    Error::new(SqlState(state), message.into())
}

fn give(expr: &Expr, place: Place<'_>, found: &mut Vec<String>) -> Result<()> {
    match expr {
        Expr::Condition(condition) => {
            found.push(truth_as_json(holds(condition, place)?).to_string());
            Ok(())
        }
        Expr::Computed(left, operator, right) => {
            let one = |side: &str, expr: &Expr| -> Result<String> {
                if let [only] = unwrapped(expr, place)?.as_slice()
                    && matches!(read(only)?, Json::Number(_))
                {
                    return Ok(only.clone());
                }
                let sign = operator.sign();
                let message = format!("{side} operand of jsonpath operator {sign} is not a single numeric value");
                Err(misfit("22038", message))
            };
            let (left, right) = (one("left", left)?, one("right", right)?);
            found.push(computed(&left, *operator, &right)?);
            Ok(())
        }
        Expr::Signed(minus, inner) => {
            for item in unwrapped(inner, place)? {
                if !matches!(read(&item)?, Json::Number(_)) {
                    let sign = if *minus { "-" } else { "+" };
                    let message = format!("operand of unary jsonpath operator {sign} is not a numeric value");
                    return Err(misfit("2203B", message));
                }
                found.push(if *minus { negated(&item)? } else { item });
            }
            Ok(())
        }
        Expr::Steps(root, steps) => match root {
            Root::Whole => down(steps, place.whole, place, place.lax, found),
            Root::Current => down(steps, place.current, place, place.lax, found),
            Root::Literal(json) => down(steps, json, place, place.lax, found),
            Root::Last => down(steps, &place.last.to_string(), place, place.lax, found),
            Root::Variable(name) => {
                let Json::Object(members) = read(place.variables)? else { return Ok(()) };
                let Some(value) = member(&members, name) else {
                    return Err(Error::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!("could not find jsonpath variable \"{name}\""),
                    ));
                };
                down(steps, value, place, place.lax, found)
            }
            Root::Nested(inner) => {
                let mut begun = vec![];
                give(inner, place, &mut begun)?;
                for item in begun {
                    down(steps, &item, place, place.lax, found)?;
                }
                Ok(())
            }
        },
    }
}

fn truth_as_json(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    }
}

/// Goes the steps down from an item; `unwraps` says whether the first step takes an array apart that it is not for.
fn down(steps: &[Step], item: &str, place: Place<'_>, unwraps: bool, found: &mut Vec<String>) -> Result<()> {
    let Some((step, rest)) = steps.split_first() else {
        found.push(item.to_string());
        return Ok(());
    };
    let value = read(item)?;
    let takes_apart =
        !matches!(step, Step::Elements | Step::Subscripts(_) | Step::Type | Step::Size | Step::Within(..));
    if let (Json::Array(elements), true, true) = (&value, unwraps, takes_apart) {
        return elements.iter().try_for_each(|element| down(steps, element, place, false, found));
    }
    let mut on = |item: &str| down(rest, item, place, place.lax, found);
    match (step, value) {
        (Step::Member(name), Json::Object(members)) => match member(&members, name) {
            Some(value) => on(value),
            None if place.forgives => Ok(()),
            None => Err(misfit("2203A", format!("JSON object does not contain key {}", quoted(name)))),
        },
        (Step::Members, Json::Object(members)) => members.iter().try_for_each(|(_, value)| on(value)),
        (Step::Member(_) | Step::Members, _) if place.forgives => Ok(()),
        (Step::Member(_), _) => Err(misfit("2203A", "jsonpath member accessor can only be applied to an object")),
        (Step::Members, _) => {
            Err(misfit("2203C", "jsonpath wildcard member accessor can only be applied to an object"))
        }
        (Step::Elements, Json::Array(elements)) => elements.iter().try_for_each(|element| on(element)),
        (Step::Elements, _) if place.lax => on(item),
        (Step::Elements, _) if place.forgives => Ok(()),
        (Step::Elements, _) => Err(misfit("22039", "jsonpath wildcard array accessor can only be applied to an array")),
        (Step::Subscripts(subscripts), value) => {
            let elements = match value {
                Json::Array(elements) => elements,
                _ if place.lax => vec![item],
                _ if place.forgives => return Ok(()),
                _ => return Err(misfit("22039", "jsonpath array accessor can only be applied to an array")),
            };
            let count = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            let inside = Place { last: count - 1, ..place };
            for (first, last) in subscripts {
                let from = subscript(first, inside)?;
                let to = last.as_ref().map_or(Ok(from), |last| subscript(last, inside))?;
                if !place.forgives && (from < 0 || from > to || to >= count) {
                    return Err(misfit("22033", "jsonpath array subscript is out of bounds"));
                }
                for at in from.max(0)..=to.min(count - 1) {
                    if let Some(element) = usize::try_from(at).ok().and_then(|at| elements.get(at)) {
                        on(element)?;
                    }
                }
            }
            Ok(())
        }
        (Step::Filter(condition), _) => match holds(condition, Place { current: item, ..place })? {
            Some(true) => on(item),
            _ => Ok(()),
        },
        (Step::Type, value) => on(&quoted(match value {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::Text(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        })),
        (Step::Size, Json::Array(elements)) => on(&elements.len().to_string()),
        (Step::Size, _) if place.lax => on("1"),
        (Step::Size, _) if place.forgives => Ok(()),
        (Step::Size, _) => Err(misfit("22039", "jsonpath item method .size() can only be applied to an array")),
        (Step::Within(first, last), value) => {
            let forgiving = Place { forgives: true, ..place };
            if *first == Some(0) {
                down(rest, item, forgiving, place.lax, found)?;
            }
            within(rest, value, (*first, *last), 1, forgiving, found)
        }
        (Step::Double, Json::Number(number)) => match number.parse::<f64>() {
            Ok(double) if double.is_finite() => on(item),
            _ => Err(misfit(
                "22036",
                "numeric argument of jsonpath item method .double() is out of range for type double precision",
            )),
        },
        (Step::Double, Json::Text(text)) => on(&double(&text)?),
        (Step::Double, _) => {
            Err(misfit("22036", "jsonpath item method .double() can only be applied to a string or numeric value"))
        }
        (Step::Abs, Json::Number(number)) => on(&absolute(number)?),
        (Step::Floor, Json::Number(number)) => on(&whole(number, false)?),
        (Step::Ceiling, Json::Number(number)) => on(&whole(number, true)?),
        (Step::Abs | Step::Floor | Step::Ceiling, _) => {
            let name = match step {
                Step::Abs => "abs",
                Step::Floor => "floor",
                _ => "ceiling",
            };
            let message = format!("jsonpath item method .{name}() can only be applied to a numeric value");
            Err(misfit("22036", message))
        }
        (Step::KeyValue, Json::Object(members)) => {
            // Any number that no other object of the value has; the value itself has Postgres's.
            let id = place.whole.find(item).unwrap_or(place.whole.len());
            members.iter().try_for_each(|(name, value)| {
                on(&format!("{{\"id\": {id}, \"key\": {}, \"value\": {value}}}", quoted(name)))
            })
        }
        (Step::KeyValue, _) => {
            Err(misfit("2203C", "jsonpath item method .keyvalue() can only be applied to an object"))
        }
    }
}

/// Goes the steps down from what lies in a value, between two depths; without a first one only from what holds nothing.
fn within(
    steps: &[Step],
    value: Json<'_>,
    levels: (Option<u32>, Option<u32>),
    level: u32,
    place: Place<'_>,
    found: &mut Vec<String>,
) -> Result<()> {
    let (first, last) = levels;
    if last.is_some_and(|last| level > last) {
        return Ok(());
    }
    let parts = match value {
        Json::Array(elements) => elements,
        Json::Object(members) => members.into_iter().map(|(_, value)| value).collect(),
        _ => return Ok(()),
    };
    for part in parts {
        let value = read(part)?;
        let holds = matches!(value, Json::Array(_) | Json::Object(_));
        let wanted = match first {
            Some(first) => level >= first,
            None => last.is_none() && !holds,
        };
        if wanted {
            down(steps, part, place, place.lax, found)?;
        }
        if holds {
            within(steps, value, levels, level + 1, place, found)?;
        }
    }
    Ok(())
}

/// A text as a number of double precision, with the digits that Postgres gives one as `numeric`.
fn double(text: &str) -> Result<String> {
    let wrong = || {
        misfit(
            "22036",
            "string argument of jsonpath item method .double() is not a valid representation of a double precision number",
        )
    };
    let text = text.trim_matches(|blank: char| blank.is_ascii_whitespace());
    let double: f64 = text.parse().map_err(|_| wrong())?;
    if !double.is_finite() {
        return Err(wrong());
    }
    // Fifteen digits, without zeros at their end.
    let written = format!("{double:.14e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let json = jsonb(&format!("{digits}e{exponent}"))?;
    Ok(json.try_as_str().flatten().unwrap_or_default().to_string())
}

/// The number that a subscript is, without its fraction.
fn subscript(expr: &Expr, place: Place<'_>) -> Result<i64> {
    let mut given = vec![];
    give(expr, place, &mut given)?;
    let number = match given.as_slice() {
        [only] => match read(only)? {
            Json::Number(number) => number.parse::<f64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let number = number.ok_or_else(|| misfit("22033", "jsonpath array subscript is not a single numeric value"))?;
    let whole = number.trunc();
    if whole < f64::from(i32::MIN) || whole > f64::from(i32::MAX) {
        return Err(misfit("22033", "jsonpath array subscript is out of integer range"));
    }
    Ok(whole as i64)
}

/// Whether a condition holds; none where it is not known.
fn holds(condition: &Condition, place: Place<'_>) -> Result<Option<bool>> {
    Ok(match condition {
        Condition::And(left, right) => match holds(left, place)? {
            Some(false) => Some(false),
            left => match holds(right, place)? {
                Some(true) => left,
                right => right,
            },
        },
        Condition::Or(left, right) => match holds(left, place)? {
            Some(true) => Some(true),
            left => match holds(right, place)? {
                Some(false) => left,
                right => right,
            },
        },
        Condition::Not(inner) => holds(inner, place)?.map(|truth| !truth),
        Condition::IsUnknown(inner) => Some(holds(inner, place)?.is_none()),
        Condition::Exists(expr) => operand(expr, place, false)?.map(|found| !found.is_empty()),
        Condition::Compare(left, comparison, right) => {
            of_pairs(left, Some((right, true)), place, |a, b| compare(a, b, *comparison))?
        }
        Condition::StartsWith(left, right) => of_pairs(left, Some((right, false)), place, |a, b| match (a, b) {
            (Json::Text(text), Json::Text(start)) => Some(text.starts_with(start.as_str())),
            _ => None,
        })?,
        Condition::LikeRegex(left, regex) => of_pairs(left, None, place, |a, _| match a {
            Json::Text(text) => Some(regex.is_match(text)),
            _ => None,
        })?,
    })
}

/// The items of an operand of arithmetic, arrays taken apart in lax mode.
fn unwrapped(expr: &Expr, place: Place<'_>) -> Result<Vec<String>> {
    let mut found = vec![];
    give(expr, place, &mut found)?;
    if place.lax { apart(found) } else { Ok(found) }
}

/// Arrays as their elements.
fn apart(items: Vec<String>) -> Result<Vec<String>> {
    let mut apart = Vec::with_capacity(items.len());
    for item in items {
        match read(&item)? {
            Json::Array(elements) => apart.extend(elements.into_iter().map(str::to_string)),
            _ => apart.push(item),
        }
    }
    Ok(apart)
}

/// The items of an operand, arrays taken apart where that is wanted; none where the path does not fit.
fn operand(expr: &Expr, place: Place<'_>, unwraps: bool) -> Result<Option<Vec<String>>> {
    let mut found = vec![];
    match give(expr, place, &mut found) {
        Ok(()) => {}
        Err(error) if is_about_fit(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    if !unwraps || !place.lax {
        return Ok(Some(found));
    }
    apart(found).map(Some)
}

/// Whether something holds for a pair of items of both sides; in strict mode for any, and known for all.
fn of_pairs(
    left: &Expr,
    right: Option<(&Expr, bool)>,
    place: Place<'_>,
    test: impl Fn(&Json<'_>, &Json<'_>) -> Option<bool>,
) -> Result<Option<bool>> {
    let Some(lefts) = operand(left, place, true)? else { return Ok(None) };
    let rights = match right {
        Some((right, unwraps)) => match operand(right, place, unwraps)? {
            Some(rights) => rights,
            None => return Ok(None),
        },
        None => vec!["null".to_string()],
    };
    let (mut found, mut unknown) = (false, false);
    for a in &lefts {
        for b in &rights {
            match test(&read(a)?, &read(b)?) {
                None if !place.lax => return Ok(None),
                None => unknown = true,
                Some(true) if place.lax => return Ok(Some(true)),
                Some(true) => found = true,
                Some(false) => {}
            }
        }
    }
    Ok(if found {
        Some(true)
    } else if unknown {
        None
    } else {
        Some(false)
    })
}

fn compare(a: &Json<'_>, b: &Json<'_>, comparison: Comparison) -> Option<bool> {
    let order = match (a, b) {
        (Json::Null, Json::Null) => Ordering::Equal,
        // A null is another than whatever is none, and before or behind nothing.
        (Json::Null, _) | (_, Json::Null) => return Some(comparison == Comparison::NotEqual),
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        (Json::Number(a), Json::Number(b)) => numbers(a, b),
        // As JavaScript orders texts.
        (Json::Text(a), Json::Text(b)) => a.encode_utf16().cmp(b.encode_utf16()),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

/// Numbers by their value, whatever their digits.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (super::super::contains::normal(a), super::super::contains::normal(b));
    let sign = |(negative, digits, _): &(bool, String, i64)| match (digits.is_empty(), negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    };
    let size = |(_, digits, exponent): &(bool, String, i64)| digits.len() as i64 + exponent;
    let larger = || size(&a).cmp(&size(&b)).then_with(|| a.1.cmp(&b.1));
    match (sign(&a), sign(&b)) {
        (-1, -1) => larger().reverse(),
        (1, 1) => larger(),
        (a, b) => a.cmp(&b),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn found(path: &str, whole: &str) -> String {
        let mut found = vec![];
        let path = match parse(path) {
            Ok(path) => path,
            Err(error) => return error.state().to_string(),
        };
        match items(&path, whole, r#"{"x": 2, "名": "b"}"#, &mut found) {
            Ok(()) => found.join(" "),
            Err(error) => error.state().to_string(),
        }
    }

    #[test]
    fn paths_are_followed_as_in_postgres() {
        let whole = r#"{"a": [1, 2, {"b": "x"}], "c": {"d": null, "名": "b"}, "e": [[1, 2], [3]]}"#;
        for (path, expected) in [
            ("$", whole),
            ("$.a[*]", r#"1 2 {"b": "x"}"#),
            ("$.a.b", r#""x""#),
            ("$.a[0, 2 to last].b", r#""x""#),
            ("$.a[last]", r#"{"b": "x"}"#),
            ("$.a[1.9]", "2"),
            ("$.a ? (@ > 1)", "2"),
            ("$.a[*] ? (@ >= $x)", "2"),
            ("$.c.* ? (@ == $名)", r#""b""#),
            ("$.c.d == null", "true"),
            ("$.nothing", ""),
            ("strict $.nothing", "2203A"),
            ("strict $.a.b", "2203A"),
            ("strict $.a.*", "2203C"),
            ("strict $.a[7]", "22033"),
            ("$.a[7]", ""),
            ("$.e[*].size()", "2 1"),
            ("$.e.type()", r#""array""#),
            ("$.c.d[0]", "null"),
            ("-1.50e1", "-15.0"),
            (r#""\u00e9""#, "\"é\""),
            ("$ ? (exists(@.a ? (@.b starts with \"x\")))", whole),
            ("$.a[*].b like_regex \"^X$\" flag \"i\"", "true"),
            ("$.a == \"q\"", "null"),
            ("($.a == \"q\") is unknown", "true"),
            ("!($.a[0] == 1) || $.a[1] == 2.00", "true"),
            ("$.a + 1", "22038"),
            ("$.a[0] + 2 * 3 - 1", "6"),
            ("-$.a[0 to 1]", "-1 -2"),
            ("-$.a[2]", "2203B"),
            ("$.a[last - 1] / 0", "22012"),
            ("$ ? (@.a[0] / 0 > 1)", ""),
            ("($.a[0] + 1) * 2 == 4", "true"),
            ("1 + (2 > 1)", "42601"),
            ("-1.50.floor()", "-1"),
            ("$.e.**{1}", "[1, 2] [3]"),
            ("$.e.**{last}", "1 2 3"),
            ("$.e.**{2 to last}", "1 2 3"),
            ("strict $.**.b", r#""x""#),
            ("strict $.**{1 to 2}.d", "null"),
            ("$.**{1 to}", "42601"),
            ("$.a[0 to 1].double()", "1 2"),
            ("\" 1e3 \".double()", "1000"),
            ("\"0.1234567890123456789\".double()", "0.123456789012346"),
            ("\"1e400\".double()", "22036"),
            ("$.a.double()", "22036"),
            ("$.a[2].abs()", "22036"),
            ("$.c.keyvalue().key", "\"d\" \"名\""),
            ("$.a.keyvalue()", "2203C"),
            ("$.c.datetime()", "0A000"),
            ("$.a[", "42601"),
            ("@", "42601"),
            ("$.a[*] ? (@ == $unknown)", "42704"),
        ] {
            assert_eq!(found(path, whole), expected, "{path}");
        }
    }

    #[test]
    fn numbers_have_their_order() {
        let ordered =
            ["-1e3", "-2.5", "-2.45", "0", "0.001", "0.01", "1", "1.5", "12", "1.2e2", "100000000000000000000"];
        for pair in ordered.windows(2) {
            assert_eq!(numbers(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(numbers("-0", "0.00"), Ordering::Equal);
        assert_eq!(numbers("120", "1.2E+2"), Ordering::Equal);
    }
}
