//! Templates of `to_char`, `to_date` and `to_timestamp`: `YYYY-MM-DD HH24:MI:SS`, as Postgres reads them.

/// What one piece of a template is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A field, as it is written; `fill` for `FM`, `ordinal` for `th` or `TH` behind it.
    Field { name: &'static str, written: String, fill: bool, ordinal: Option<bool> },
    /// A space or a separator.
    Separator(char),
    /// Any other character.
    Literal(char),
}

/// The fields, those first that others begin with. Names of days and months are known in three spellings, the others
/// in capitals and in small letters.
const FIELDS: &[&str] = &[
    "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4", "FF5",
    "FF6", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS",
    "OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY", "YYY",
    "YY", "Y",
];

/// Reads a template. `TM` is `FM`: names are English here. `FX` stands for itself as a field of no width.
pub(super) fn pieces(template: &str) -> Vec<Piece> {
    let mut out = vec![];
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let (fill, after) = match rest.get(..2) {
            Some("FM" | "fm" | "TM" | "tm") => (true, rest.get(2..).unwrap_or_default()),
            _ => (false, rest),
        };
        if let Some((name, written)) = field(after) {
            let mut left = after.get(written.len()..).unwrap_or_default();
            let ordinal = match left.get(..2) {
                Some("TH") => Some(true),
                Some("th") => Some(false),
                _ => None,
            };
            if ordinal.is_some() {
                left = left.get(2..).unwrap_or_default();
            }
            out.push(Piece::Field { name, written: written.to_string(), fill, ordinal });
            rest = left;
            continue;
        }
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '"' => quoted(after, &mut out),
            '\\' => {
                let next = after.chars().next();
                out.extend(next.map(Piece::Literal));
                after.get(next.map_or(0, char::len_utf8)..).unwrap_or_default()
            }
            other if is_separator(other) => {
                out.push(Piece::Separator(other));
                after
            }
            other => {
                out.push(Piece::Literal(other));
                after
            }
        };
    }
    out
}

/// What stands for a separator in a template and in a text.
pub(super) fn is_separator(character: char) -> bool {
    character.is_ascii() && character > '\u{8}' && !character.is_ascii_alphanumeric() && character != '\u{7f}'
}

fn quoted<'a>(rest: &'a str, out: &mut Vec<Piece>) -> &'a str {
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => out.extend(characters.next().map(Piece::Literal)),
            other => out.push(Piece::Literal(other)),
        }
    }
    characters.as_str()
}

fn field(text: &str) -> Option<(&'static str, &str)> {
    FIELDS.iter().find_map(|name| {
        let written = text.get(..name.len())?;
        let named = matches!(*name, "DAY" | "DY" | "MONTH" | "MON");
        let lower = name.to_ascii_lowercase();
        let mixed = || name.chars().take(1).chain(lower.chars().skip(1)).eq(written.chars());
        (written == *name || written == lower || (named && mixed())).then_some((*name, written))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read() {
        let names: Vec<&str> = pieces("YYYY-MM-DD HH24:MI:SS.MS")
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Field { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["YYYY", "MM", "DD", "HH24", "MI", "SS", "MS"]);
        let field =
            |name, written: &str, fill, ordinal| Piece::Field { name, written: written.to_string(), fill, ordinal };
        assert_eq!(pieces("FMDDth"), [field("DD", "DD", true, Some(false))]);
        assert_eq!(
            pieces("\"at\" Mon"),
            [Piece::Literal('a'), Piece::Literal('t'), Piece::Separator(' '), field("MON", "Mon", false, None)]
        );
    }
}
