//! `normalize_name(text)`: a person's name in the one form that compares and shows well.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::characters::{is_cjk, tidy};
use super::list::SECTION;
use super::text_function::TextFunction;

/// How often one rule may give another one new work before the name is taken as it is; two is what it takes.
const MOST_PASSES: usize = 8;

/// Marks that say nothing at either end of a name.
const JUNK: &str = ",;:_*|/\\=~^#+&";
/// Quotes, which go where they enclose the whole name, or stand alone at one of its ends.
const QUOTES: &str = "\"`“”„‟«»‹›「」『』《》〈〉";
/// Those of them that begin, wherever they stand, and those that end.
const OPENING: &str = "「『《〈„‟";
const CLOSING: &str = "」』》〉";
/// Marks that go when they stand around the whole name.
const PAIRS: &[(char, char)] = &[('\'', '\''), ('‘', '’'), ('’', '’'), ('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];
/// What after a comma is no first name.
const SUFFIXES: &[&str] =
    &["jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "esq", "inc", "ltd", "llc", "corp", "gmbh"];
/// Words that stay small inside a name.
const PARTICLES: &[&str] = &[
    "af", "al", "av", "bin", "bint", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "e",
    "ibn", "la", "las", "los", "of", "ten", "ter", "und", "van", "vom", "von", "y", "zu", "zum", "zur",
];
/// Generations, which stay capital at the end of a name.
const GENERATIONS: &[&str] = &["II", "III", "IV", "VI", "VII", "VIII"];

/// `normalize_name`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "A person's name for comparing and showing; NULL when no letter or digit is left. In this order:\n\n\
         1. As `normalize_text`: NFKC, no invisible characters, single spaces.\n\
         2. Commas, dashes and the like around the name go, and quotes and brackets that hold all of it.\n\
         3. `Last, First` becomes `First Last` when there is exactly one comma, unless what follows it is a suffix \
         such as `Jr.`, `III`, `PhD` or `GmbH`. Chinese, Japanese and Korean names keep their order.\n\
         4. Spaces between two Chinese, Japanese or Korean characters go: `张 伟` is `张伟`. The script is kept.\n\
         5. A name that is all capital or all small gets a capital at the start of each word, after a hyphen, dot or \
         slash, after `O'`, `D'` and the like, and after `Mc`; particles such as `van`, `von`, `de` and `bin` stay \
         small unless they begin or end the name; `II`, `III` and so on stay capital at the end. A name that has both \
         cases is left as it is: `McDonald`, `deVries`.\n\n\
         A name with `İ`, `ı`, `Ğ` or `ğ` is Turkish, and `I` and `İ` are the capitals of `ı` and `i` in it. No other \
         name is: without a locale, `YILDIRIM` becomes `Yildirim`. An `i` that another system gave a second dot \
         (U+0307) loses it.",
        "normalize_name(text)",
    )
    .with_argument("text", "The name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_name('MCDONALD, IAN') AS name;
```
```text
     name
--------------
 Ian McDonald
```",
    )
    .build();
    TextFunction::udf("normalize_name", documentation, clean)
}

/// The name in its one form; none when it holds no letter or digit.
pub(super) fn clean(text: &str) -> Option<Cow<'_, str>> {
    let mut name = pass(text);
    for _ in 0..MOST_PASSES {
        let next = pass(&name);
        if next == name {
            break;
        }
        name = next;
    }
    name.chars().any(char::is_alphanumeric).then_some(Cow::Owned(name))
}

fn pass(text: &str) -> String {
    let text = tidy(text);
    let (text, dotted) = undotted(&text);
    let name = first_last(without_junk(&text));
    cased(&joined(&name), dotted)
}

/// Takes the second dot off an `i`, and says whether there was one: it is what a lower case without a locale makes
/// of the Turkish `İ`.
fn undotted(text: &str) -> (Cow<'_, str>, bool) {
    if !text.contains("i\u{307}") {
        return (Cow::Borrowed(text), false);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\u{307}' || !plain.ends_with('i') {
            plain.push(c);
        }
    }
    (Cow::Owned(plain), true)
}

fn without_junk(text: &str) -> &str {
    let mut name = text;
    loop {
        let before = name.len();
        name = name.trim_matches(|c: char| c.is_whitespace() || JUNK.contains(c));
        name = without_quotes(name);
        name = name.trim_start_matches(['.', '-', '!', '?', ')', ']', '}', '>']);
        name = name.trim_end_matches(['-', '(', '[', '{', '<']);
        for &(open, close) in PAIRS {
            if let Some(inner) = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
                && !inner.contains([open, close])
            {
                name = inner;
            }
        }
        if name.len() == before {
            return name;
        }
    }
}

/// Takes off the quotes at the ends that no other quote within belongs to: `"Ann"` is `Ann`, `Hans "Hansi"` is left.
fn without_quotes(name: &str) -> &str {
    let is_quote = |c: char| QUOTES.contains(c);
    let marks = quotes(name);
    let inner = marks.get(1..marks.len().saturating_sub(1)).unwrap_or_default();
    match (name.strip_prefix(is_quote), name.strip_suffix(is_quote)) {
        (Some(rest), Some(_)) if marks.len() > 1 && is_balanced(inner) => rest.strip_suffix(is_quote).unwrap_or(rest),
        (Some(rest), _) if !closes(marks.get(1..).unwrap_or_default()) => rest,
        (_, Some(rest)) if open_at_end(marks.split_last().map_or(&[], |(_, before)| before)) == 0 => rest,
        _ => name,
    }
}

/// Whether each quote of a name begins a quotation, in their order. One that most languages use at both ends does so at
/// the start of a word.
fn quotes(name: &str) -> Vec<bool> {
    let mut marks = vec![];
    let mut starts = true;
    for c in name.chars() {
        if QUOTES.contains(c) {
            let opens = OPENING.contains(c) || (starts && !CLOSING.contains(c));
            marks.push(opens);
            starts = opens;
        } else {
            starts = c.is_whitespace() || "([{<-/".contains(c);
        }
    }
    marks
}

fn is_balanced(marks: &[bool]) -> bool {
    let depth =
        marks.iter().try_fold(0usize, |depth, opens| if *opens { Some(depth + 1) } else { depth.checked_sub(1) });
    depth == Some(0)
}

/// Whether one of the quotes ends the quotation that they stand in.
fn closes(marks: &[bool]) -> bool {
    let mut depth = 1usize;
    marks.iter().any(|opens| {
        depth = if *opens { depth + 1 } else { depth.saturating_sub(1) };
        depth == 0
    })
}

/// How many quotations are not ended.
fn open_at_end(marks: &[bool]) -> usize {
    marks.iter().fold(0, |depth, opens| if *opens { depth + 1 } else { depth.saturating_sub(1) })
}

fn first_last(name: &str) -> Cow<'_, str> {
    let mut parts = name.split(',').map(str::trim);
    let (Some(last), Some(first), None) = (parts.next(), parts.next(), parts.next()) else {
        return Cow::Borrowed(name);
    };
    if last.is_empty() || first.is_empty() {
        Cow::Borrowed(name)
    } else if SUFFIXES.contains(&first.replace('.', "").to_lowercase().as_str()) {
        Cow::Owned(format!("{last}, {first}"))
    } else if last.ends_with(is_cjk) && first.starts_with(is_cjk) {
        Cow::Owned(format!("{last} {first}"))
    } else {
        Cow::Owned(format!("{first} {last}"))
    }
}

/// Removes the spaces that stand between two Chinese, Japanese or Korean characters.
fn joined(name: &str) -> String {
    let mut joined = String::with_capacity(name.len());
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let between = c == ' ' && joined.ends_with(is_cjk) && rest.peek().is_some_and(|&next| is_cjk(next));
        if !between {
            joined.push(c);
        }
    }
    joined
}

/// Capitals where they belong, in a name that has only one case.
fn cased(name: &str, dotted: bool) -> String {
    if name.contains(char::is_uppercase) == name.contains(char::is_lowercase) {
        return name.to_owned();
    }
    let turkish = dotted || name.contains(['İ', 'ı', 'Ğ', 'ğ']);
    let end = name.split(' ').count();
    let mut cased = String::with_capacity(name.len());
    for (at, word) in (1..).zip(name.split(' ')) {
        if at > 1 {
            cased.push(' ');
        }
        proper_word(&mut cased, word, at, end, turkish);
    }
    cased
}

/// Appends the word that stands at a place, counted from 1, among so many, with capitals where they belong.
pub(super) fn proper_word(cased: &mut String, word: &str, at: usize, end: usize, turkish: bool) {
    let generation = word.to_ascii_uppercase();
    let word = lower_case(word, turkish);
    if word == "'t" || word == "’t" || (at > 1 && at < end && is_particle(&word)) {
        cased.push_str(&word);
    } else if at > 1 && at == end && GENERATIONS.contains(&generation.as_str()) {
        cased.push_str(&generation);
    } else {
        push_capitalized(cased, &word, turkish);
    }
}

/// Whether a word in lower case belongs to the name behind it and stays small.
pub(super) fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}

/// Whether a word says of which generation a person is, or what they have studied.
pub(super) fn is_suffix(word: &str) -> bool {
    let word = word.replace('.', "").to_lowercase();
    SUFFIXES.contains(&word.as_str()) || GENERATIONS.contains(&word.to_uppercase().as_str())
}

fn lower_case(word: &str, turkish: bool) -> String {
    if turkish { word.replace('I', "ı").replace('İ', "i").to_lowercase() } else { word.to_lowercase() }
}

/// Appends a word in lower case with capitals at its start and after the marks that begin a new part of it.
fn push_capitalized(name: &mut String, word: &str, turkish: bool) {
    // Letters of the part so far; a part that began with a digit gets no capital, so that `2nd` stays.
    let mut part = String::new();
    let mut starts = true;
    for c in word.chars() {
        if c.is_alphabetic() {
            if starts || part == "mc" {
                push_capital(name, c, turkish);
            } else {
                name.push(c);
            }
            part.push(c);
            starts = false;
        } else {
            name.push(c);
            starts = match c {
                // O'Neil and D'Angelo, but not Bob's; one that opens the word changes nothing.
                '\'' | '’' => part.chars().count() == 1 || (starts && part.is_empty()),
                _ if c.is_numeric() => false,
                '-' | '‐' | '–' | '.' | '/' | '(' | '"' | '&' | '+' => true,
                _ => starts,
            };
            if starts {
                part.clear();
            }
        }
    }
}

fn push_capital(name: &mut String, c: char, turkish: bool) {
    match c {
        'i' if turkish => name.push('İ'),
        // Georgian capitals are for whole words; no name begins with one.
        '\u{10D0}'..='\u{10FF}' => name.push(c),
        _ => {
            let mut capital = c.to_uppercase();
            name.extend(capital.next());
            // `ß` alone has two capitals; only the first one begins a word.
            name.extend(capital.flat_map(char::to_lowercase));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("  ann   BERG ", Some("ann BERG")),
            ("ANN BERG", Some("Ann Berg")),
            ("ann berg-olsen", Some("Ann Berg-Olsen")),
            ("MCDONALD, IAN", Some("Ian McDonald")),
            ("McDonald, Ian", Some("Ian McDonald")),
            ("o'neil", Some("O'Neil")),
            ("JAN VAN DER BERG", Some("Jan van der Berg")),
            ("VAN DER BERG", Some("Van der Berg")),
            ("VAN DER BERG, JAN", Some("Jan van der Berg")),
            ("JOHN SMITH III", Some("John Smith III")),
            ("John Smith, Jr.", Some("John Smith, Jr.")),
            ("j.r.r. tolkien", Some("J.R.R. Tolkien")),
            ("\"Ann Berg\",", Some("Ann Berg")),
            ("Hans \"Hansi\"", Some("Hans \"Hansi\"")),
            ("\"Hansi\" Müller", Some("\"Hansi\" Müller")),
            ("\"Hans \"Hansi\" Müller\"", Some("Hans \"Hansi\" Müller")),
            ("\"Ann\" and \"Bo\"", Some("\"Ann\" and \"Bo\"")),
            ("ООО «Ромашка»", Some("ООО «Ромашка»")),
            ("«Ромашка»", Some("Ромашка")),
            ("„Ann“", Some("Ann")),
            ("「太郎」", Some("太郎")),
            ("\"\"Ann\"\"", Some("Ann")),
            ("\"Ann Berg", Some("Ann Berg")),
            ("Ann Berg\"", Some("Ann Berg")),
            ("\"", None),
            ("(Ann)", Some("Ann")),
            ("Ann (née Berg)", Some("Ann (née Berg)")),
            ("张 伟", Some("张伟")),
            ("张，伟", Some("张伟")),
            ("김 민수", Some("김민수")),
            ("山田　太郎", Some("山田太郎")),
            ("张伟 ZHANG", Some("张伟 Zhang")),
            ("Ｓｍｉｔｈ， Ａｎｎ", Some("Ann Smith")),
            ("İBRAHİM YILDIRIM", Some("İbrahim Yıldırım")),
            ("i\u{307}brahim", Some("İbrahim")),
            ("DOĞAN IŞIK", Some("Doğan Işık")),
            ("ΓΙΩΡΓΟΣ", Some("Γιωργος")),
            ("გიორგი", Some("გიორგი")),
            ("ß", Some("Ss")),
            ("-.-", None),
            ("\u{200B} \u{3000}", None),
            ("", None),
        ] {
            assert_eq!(clean(text).as_deref(), name, "{text:?}");
        }
    }
}
