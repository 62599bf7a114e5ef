//! `normalize_company(text)`: a company's name without its legal form.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::legal_forms::{is_before, is_behind, is_word, without_joined};
use crate::functions::clean::characters::tidy;
use crate::functions::clean::fold::words;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::text_function::TextFunction;

/// How many words a legal form has at most.
const MOST_WORDS: usize = 7;
/// What says nothing at either end of a name.
const JUNK: &[char] =
    &[' ', ',', ';', ':', '-', '–', '—', '/', '&', '+', '"', '“', '”', '„', '«', '»', '*', '_', '|', '、', '・', '·'];

/// `normalize_company`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "A company's name for comparing: as `normalize_text`, without the legal form and what joins it to the name. \
         `Müller GmbH & Co. KG` is `Müller`, `Acme, Inc.` is `Acme`, `Yıldız San. ve Tic. Ltd. Şti.` is `Yıldız`, \
         `北京小米科技有限责任公司` is `北京小米科技`, `株式会社トヨタ` is `トヨタ`, `ООО «Ромашка»` is `Ромашка`. Forms of \
         Europe, the Americas, Turkey, Russia, China, Japan, Korea, India and South-East Asia are known, with or \
         without dots.\n\n\
         A form that is a word too, such as `Spa` or `As`, goes only where it is written as an abbreviation: `SPA`, \
         `S.p.A.`. Words such as `Holding`, `Group` and `集团` stay: they are part of the name. Case and accents stay; \
         write `lower(normalize_company(name))` to compare without case. A name that is nothing but a form stays as \
         it is; NULL when no letter or digit is left.",
        "normalize_company(text)",
    )
    .with_argument("text", "The name. NULL gives NULL.")
    .with_sql_example(
        "\
```sql
SELECT normalize_company('Müller GmbH & Co. KG') AS german, normalize_company('Acme, Inc.') AS american;
```
```text
 german | american
--------+----------
 Müller | Acme
```",
    )
    .with_related_udf("normalize_name")
    .build();
    TextFunction::udf("normalize_company", documentation, clean)
}

/// The name without its legal form; none when it holds no letter or digit.
pub(in crate::functions::clean) fn clean(text: &str) -> Option<Cow<'_, str>> {
    let tidy = tidy(text);
    let mut name = unquoted(&tidy);
    while let Some(shorter) = shorter(name) {
        name = shorter;
    }
    name.contains(char::is_alphanumeric).then(|| Cow::Owned(name.to_string()))
}

/// The name without one form; none when there is none, or nothing would be left.
fn shorter(name: &str) -> Option<&str> {
    let cut = without_joined(name).or_else(|| without_last(name)).or_else(|| without_first(name))?;
    let cut = unquoted(cut);
    (cut.len() < name.len() && cut.contains(char::is_alphanumeric)).then_some(cut)
}

/// The name without junk and quotes at its ends, and without a bracket that lacks the other one.
fn unquoted(name: &str) -> &str {
    let mut name = name.trim_matches(JUNK);
    loop {
        let before = name.len();
        if let Some(cut) = name.strip_suffix('(').or_else(|| name.strip_suffix("()")) {
            name = cut;
        }
        if let Some(cut) = name.strip_prefix(')').or_else(|| name.strip_prefix("()")) {
            name = cut;
        }
        if let Some(inner) = name.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            name = inner;
        }
        name = name.trim_matches(JUNK);
        if name.len() == before {
            return name;
        }
    }
}

fn without_last(name: &str) -> Option<&str> {
    // Places where the last one, two, .. words begin.
    let starts: Vec<usize> = name
        .char_indices()
        .filter(|(at, c)| *at > 0 && !is_gap(*c) && name.get(..*at).is_some_and(|head| head.ends_with(is_gap)))
        .map(|(at, _)| at)
        .collect();
    starts.iter().rev().take(MOST_WORDS).rev().find_map(|start| {
        let (head, form) = name.split_at_checked(*start)?;
        is_form(form, is_behind).then_some(head)
    })
}

fn without_first(name: &str) -> Option<&str> {
    let (form, rest) = name.split_once(' ')?;
    is_form(form, is_before).then_some(rest)
}

/// What stands between the words of a form. A dot does not: `S.A.` is one word.
fn is_gap(c: char) -> bool {
    c == ' ' || c == ',' || c == '(' || c == '&' || c == '+'
}

fn is_form(form: &str, known: fn(&str) -> bool) -> bool {
    let folded: String =
        words(form).into_iter().filter(|word| !matches!(word.as_str(), "and" | "und" | "et")).collect();
    if !known(&folded) {
        return false;
    }
    if !is_word(&folded) {
        return true;
    }
    let capitals = form.chars().filter(|c| c.is_uppercase()).count();
    let marked = form.contains(['.', '/']);
    marked || capitals > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_forms() {
        for (text, name) in [
            ("Müller GmbH & Co. KG", Some("Müller")),
            ("Acme, Inc.", Some("Acme")),
            ("ACME  INC", Some("ACME")),
            ("Smith & Co.", Some("Smith")),
            ("Foo Co., Ltd.", Some("Foo")),
            ("Foo (Pty) Ltd", Some("Foo")),
            ("Foo Pvt. Ltd.", Some("Foo")),
            ("Banque de France S.A.", Some("Banque de France")),
            ("Banque S. A.", Some("Banque")),
            ("FIAT S.p.A.", Some("FIAT")),
            ("FIAT SPA", Some("FIAT")),
            ("Wellness Spa", Some("Wellness Spa")),
            ("Yıldız San. ve Tic. Ltd. Şti.", Some("Yıldız")),
            ("Koç Holding A.Ş.", Some("Koç Holding")),
            ("KOÇ HOLDİNG AŞ", Some("KOÇ HOLDİNG")),
            ("Maersk A/S", Some("Maersk")),
            ("Nokia Oyj", Some("Nokia")),
            ("Foo Sp. z o.o.", Some("Foo")),
            ("Foo s.r.o.", Some("Foo")),
            ("北京小米科技有限责任公司", Some("北京小米科技")),
            ("鴻海精密工業股份有限公司", Some("鴻海精密工業")),
            ("株式会社トヨタ", Some("トヨタ")),
            ("㈱トヨタ", Some("トヨタ")),
            ("주식회사 카카오", Some("카카오")),
            ("ООО «Ромашка»", Some("Ромашка")),
            ("SARL Dupont", Some("Dupont")),
            ("PT Astra Tbk", Some("Astra")),
            ("GmbH", Some("GmbH")),
            ("Inc. Ltd.", Some("Inc.")),
            (" \u{200B}", None),
            ("---", None),
            ("Ｆｏｏ　Ｌｔｄ．", Some("Foo")),
            ("O'Neil LLC", Some("O'Neil")),
        ] {
            assert_eq!(clean(text).as_deref(), name, "{text:?}");
        }
    }
}
