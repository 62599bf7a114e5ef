//! `proper_case(text [, locale])`: capitals where they belong in names.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use crate::error::Result;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::normalize_name::proper_word;
use crate::functions::clean::scalar::{Body, Options, Scalar, no_such_option};

/// How often one rule may give another one new work before the text is taken as it is.
const MOST_PASSES: usize = 8;

/// `proper_case`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The text with capitals where names have them. A word that is all capital or all small gets one at its start, \
         after a hyphen, dot or slash, after `O'`, `D'` and the like, and after `Mc`: `McDonald`, `O'Neil`. Particles \
         such as `van`, `der`, `von`, `de` and `bin` stay small unless they begin or end the text; `II`, `III` and so \
         on stay capital at the end. A word that has both cases is left as it is: `deVries`. Scripts without case, \
         spaces and everything else stay.\n\n\
         `I` and `İ` are the capitals of `ı` and `i` where the locale is Turkish or Azerbaijani, or the text has a \
         letter that only those have (`İ`, `ı`, `Ğ`, `ğ`). In Dutch `IJ` is one letter: `IJssel`. Abbreviations cannot \
         be told from words: `IBM` becomes `Ibm`.",
        "proper_case(text [, locale])",
    )
    .with_argument("text", "The text. NULL gives NULL.")
    .with_argument(
        "locale",
        "A language, with or without a country: `'tr'`, `'nl-BE'`. Only `tr`, `az` and `nl` have rules of their own. \
         NULL is as without it; what is no language tag is an error (22023).",
    )
    .with_sql_example(
        "\
```sql
SELECT proper_case('IAN MCDONALD') AS scots, proper_case('jan van der berg') AS dutch,
       proper_case('ISPARTA', 'tr') AS tr;
```
```text
    scots     |      dutch       |   tr
--------------+------------------+---------
 Ian McDonald | Jan van der Berg | Isparta
```",
    )
    .with_related_udf("normalize_name")
    .build();
    Scalar { name: "proper_case", least: 1, most: 2, body: Body::Text(clean) }.udf(documentation)
}

fn clean(text: &str, options: &Options<'_>) -> Result<Option<String>> {
    let locale = options.first().copied().flatten();
    let language = match locale {
        None => String::new(),
        Some(locale) => language(locale).ok_or_else(|| {
            no_such_option("proper_case", locale, "Use a language such as 'en', 'tr' or 'nl-BE', or NULL.")
        })?,
    };
    Ok(Some(cased(text, &language)))
}

/// The language of a tag in lower case; none when it is no tag.
fn language(tag: &str) -> Option<String> {
    let tag = tag.trim().to_ascii_lowercase();
    let plain = tag.split(['-', '_', '.', '@']).next().unwrap_or_default();
    let sound = (2..=3).contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_lowercase());
    sound.then(|| plain.to_string())
}

/// The text with capitals where they belong.
pub(in crate::functions::clean) fn cased(text: &str, language: &str) -> String {
    let mut cased = pass(text, language);
    for _ in 0..MOST_PASSES {
        let next = pass(&cased, language);
        if next == cased {
            break;
        }
        cased = next;
    }
    cased
}

fn pass(text: &str, language: &str) -> String {
    let turkish = matches!(language, "tr" | "az") || text.contains(['İ', 'ı', 'Ğ', 'ğ']);
    let end = text.split_whitespace().count();
    let mut at = 0;
    let mut cased = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (spaces, words) = rest.split_at(start);
        cased.push_str(spaces);
        let stop = words.find(char::is_whitespace).unwrap_or(words.len());
        let (word, after) = words.split_at(stop);
        rest = after;
        if word.is_empty() {
            continue;
        }
        at += 1;
        if word.contains(char::is_uppercase) == word.contains(char::is_lowercase) {
            cased.push_str(word);
        } else {
            let before = cased.len();
            proper_word(&mut cased, word, at, end, turkish);
            if language == "nl" && cased.get(before..).is_some_and(|word| word.starts_with("Ij")) {
                cased.replace_range(before + 1..before + 2, "J");
            }
        }
    }
    cased
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_get_their_case() {
        for (text, language, expected) in [
            ("IAN MCDONALD", "", "Ian McDonald"),
            ("o'neil", "", "O'Neil"),
            ("JAN VAN DER BERG", "", "Jan van der Berg"),
            ("VAN DER BERG", "", "Van der Berg"),
            ("JOHN deVries III", "", "John deVries III"),
            ("  ann\t BERG-olsen ", "", "  Ann\t BERG-olsen "),
            ("ISPARTA izmir", "tr", "Isparta İzmir"),
            ("ISPARTA izmir", "", "Isparta Izmir"),
            ("YILDIRIM", "tr", "Yıldırım"),
            ("DOĞAN IŞIK", "", "Doğan Işık"),
            ("IJSSEL", "nl", "IJssel"),
            ("ΓΙΩΡΓΟΣ ИВАН", "", "Γιωργος Иван"),
            ("张伟 ZHANG", "", "张伟 Zhang"),
            ("", "", ""),
        ] {
            assert_eq!(cased(text, language), expected, "{text}");
        }
        assert_eq!(language("tr_TR.UTF-8").as_deref(), Some("tr"));
        assert_eq!(language("x"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn twice_is_once(text in "([A-Za-zİıĞğßǰΣς .'-]|van|MC|III| ){0,12}|\\PC*", at in 0_usize..3) {
            let language = ["", "tr", "nl"][at];
            let once = cased(&text, language);
            prop_assert_eq!(&cased(&once, language), &once);
        }
    }
}
