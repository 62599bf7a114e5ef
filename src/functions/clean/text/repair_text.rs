//! `repair_text(text)`: a text as it was before systems spoilt it.

use std::borrow::Cow;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::mojibake::undone;
use crate::functions::clean::characters::normalized;
use crate::functions::clean::list::SECTION;
use crate::functions::clean::text_function::TextFunction;

/// How often what one step has done may give the other one new work, before the text is taken as it is.
const MOST_PASSES: usize = 8;

/// `repair_text`.
pub(in crate::functions::clean) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The text as it was before systems spoilt it:\n\n\
         1. UTF-8 that was read as Windows-1252 or Latin-1 is read again, also when that happened twice: `MÃ¼ller` is \
         `Müller`, `å¼\u{a0}ä¼Ÿ` is `张伟`. Only where it is certain: the whole text must \
         make sense so, and sound text such as `CAFÉ’S` stays.\n\
         2. Invisible and control characters go: zero-width characters, soft hyphens, direction marks, byte order \
         marks. Line breaks and tabs stay.\n\
         3. The rest is brought to Unicode's form NFKC: full-width letters and digits become the plain ones, ligatures \
         are taken apart, accents join their letters.\n\n\
         Spaces and case stay as they are; `normalize_text` collapses spaces. What was lost on the way, such as `?` or \
         `\u{FFFD}` for a letter, cannot be found again.",
        "repair_text(text)",
    )
    .with_argument("text", "The text. NULL gives NULL, an empty text stays empty.")
    .with_sql_example(
        "\
```sql
SELECT repair_text('MÃ¼ller') AS name, repair_text('Ｕｌｍ') AS city;
```
```text
  name  | city
--------+------
 Müller | Ulm
```",
    )
    .with_related_udf("normalize_text")
    .build();
    TextFunction::udf("repair_text", documentation, clean)
}

/// The sound text.
pub(in crate::functions::clean) fn clean(text: &str) -> Option<Cow<'_, str>> {
    let mut sound = pass(text);
    for _ in 0..MOST_PASSES {
        let next = pass(&sound).into_owned();
        if next == sound {
            break;
        }
        sound = Cow::Owned(next);
    }
    Some(sound)
}

fn pass(text: &str) -> Cow<'_, str> {
    let Some(mut read) = undone(text) else { return normalized(text) };
    while let Some(again) = undone(&read) {
        read = again;
    }
    Cow::Owned(normalized(&read).into_owned())
}
