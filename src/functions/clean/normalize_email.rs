//! `normalize_email(text)`: an e-mail address in the one form that compares well.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::characters::normalized;
use super::list::SECTION;
use super::text_function::TextFunction;

/// A longer text, in bytes, holds no single address.
const LONGEST_TEXT: usize = 4096;
/// The longest local part, in bytes (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest address, in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
const LONGEST_ADDRESS: usize = 254;
/// The longest label of a domain, in characters (RFC 1035, 2.3.4).
const LONGEST_LABEL: usize = 63;

/// `normalize_email`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The e-mail address in a text, in lower case, or NULL when there is no plausible one. Full-width characters \
         become plain ones; white space and invisible characters around the address, a `mailto:` before it, the name \
         and angle brackets of `Name <address>` and dots at the end of the domain go.\n\n\
         The part before the `@` is put in lower case too: mail systems could tell `Ann@` from `ann@`, but none in \
         use does. Tags (`ann+shop@`) and dots (`a.nn@`) stay: what they mean is each mail provider's own rule, and \
         two people must not become one by a guess. The Turkish `İ` becomes `i`.\n\n\
         An address is plausible when it has exactly one `@`, a part before it without spaces, brackets or quotes and \
         of at most 64 bytes, and a domain of two or more labels of letters, digits and inner hyphens, the last of \
         them no number. Two addresses in one text are none. Labels in any script are taken as they are: they are not turned into their `xn--` form. \
         Whether the address can receive mail is not asked.",
        "normalize_email(text)",
    )
    .with_argument("text", "The text that holds the address. NULL, a blank text and one of over 4096 bytes give NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_email('Ann Berg <Ann.Berg@Example.COM>') AS email;
```
```text
        email
----------------------
 ann.berg@example.com
```",
    )
    .build();
    TextFunction::udf("normalize_email", documentation, clean)
}

/// The address in its one form; none when it is not plausible.
pub(super) fn clean(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    let text = normalized(text);
    let (local, domain) = bare(&text).split_once('@')?;
    // The ideographic full stop separates labels as the dot does (RFC 3490, 3.1).
    let domain = domain.replace('\u{3002}', ".");
    let address = lower_case(&format!("{local}@{}", domain.trim_end_matches('.')));
    (is_plausible(&address) && !names_another(&text, &address)).then_some(Cow::Owned(address))
}

/// Whether there is another address in a text of the form `Name <address>`, which may well repeat the one that it has.
fn names_another(text: &str, address: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '[' | ']');
    text.contains('<')
        && text.split(ends).filter(|word| word.contains('@')).any(|word| {
            let word = lower_case(&word.replace('\u{3002}', "."));
            let word = word.strip_prefix("mailto:").unwrap_or(&word).trim_end_matches('.');
            let other = word.trim_matches(['\'', '.', ':']);
            word != address && other != address && is_plausible(other)
        })
}

/// What is left when `mailto:` and `Name <..>` are taken off, however often they stand around it.
fn bare(text: &str) -> &str {
    let mut address = text.trim();
    loop {
        let inner = match address.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((_, inner)) => inner,
            None => address,
        };
        let inner = match inner.split_at_checked("mailto:".len()) {
            // What follows a question mark in such a link is a subject or the like.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => {
                rest.split_once('?').map_or(rest, |(address, _)| address)
            }
            _ => inner,
        };
        let inner = inner.trim();
        if inner.len() == address.len() {
            return inner;
        }
        address = inner;
    }
}

/// Lower case without a locale. `İ` is `i`: its own lower case is an `i` with a second dot, which no address means,
/// and where another system has made that of it, the dot goes. Composed again, for some letters have an accented
/// form in lower case alone.
fn lower_case(address: &str) -> String {
    if address.is_ascii() {
        return address.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            'İ' => lower.push('i'),
            '\u{307}' if lower.ends_with('i') => {}
            _ => lower.extend(c.to_lowercase()),
        }
    }
    lower.nfkc().collect()
}

fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    address.len() <= LONGEST_ADDRESS
        && (1..=LONGEST_LOCAL).contains(&local.len())
        && local.chars().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain.rsplit('.').next().is_some_and(is_top_label)
}

/// The characters of RFC 5322's dot-atom, and letters of any script (RFC 6531). Dots may stand anywhere: some
/// providers have given out addresses with two in a row.
fn is_local(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
    } else {
        c.is_alphanumeric() || is_combining_mark(c)
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.chars().count() <= LONGEST_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c == '-' || c.is_alphanumeric() || is_combining_mark(c))
}

/// No top-level domain is a number, and none in ASCII is a single letter: the end of an IP address or of an
/// abbreviation is no domain.
fn is_top_label(label: &str) -> bool {
    !label.chars().all(|c| c.is_ascii_digit()) && label.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, address) in [
            (" Ann@Example.COM ", Some("ann@example.com")),
            ("\u{3000}Ａｎｎ＠Ｅｘａｍｐｌｅ．ｃｏｍ\u{200B}", Some("ann@example.com")),
            ("mailto:Ann@x.org?subject=hi", Some("ann@x.org")),
            ("\"Berg, Ann\" < mailto:ann@x.org >", Some("ann@x.org")),
            ("ann@x.org..", Some("ann@x.org")),
            ("a.n.n+shop@gmail.com", Some("a.n.n+shop@gmail.com")),
            ("İnfo@Örnek.com.tr", Some("info@örnek.com.tr")),
            ("张伟@例子。中国", Some("张伟@例子.中国")),
            ("ann@x", None),
            ("ann@@x.org", None),
            ("ann@b@x.org", None),
            ("an n@x.org", None),
            ("@x.org", None),
            ("ann@-x.org", None),
            ("ann@x..org", None),
            ("ann@127.0.0.1", None),
            ("ann@x.org, bob@x.org", None),
            ("Ann <ann@x.org>, Bo <bo@x.org>", None),
            ("ann@x.org, Bo <bo@x.org>", None),
            ("Ann@x.org <ann@x.org>", Some("ann@x.org")),
            ("'ann@x.org' <mailto:ann@x.org>", Some("ann@x.org")),
            ("Ann @ Work <ann@x.org>", Some("ann@x.org")),
            ("<>", None),
            (" ", None),
        ] {
            assert_eq!(clean(text).as_deref(), address, "{text:?}");
        }
    }
}
