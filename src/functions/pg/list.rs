//! Every one of these functions: one line a function.

use datafusion::logical_expr::ScalarUDF;

use super::{
    age, any_of, array_of, array_remove, array_rows, clock_timestamp, coalesce, date_bin, date_parse, date_part,
    date_text, date_trunc, div, gen_random_uuid, isfinite, json, justify, levenshtein, mode, ordinals, regexp_split,
    round, sign, similar, soundex, string_parts, substring, timezone, width_bucket,
};

/// Every function of Postgres's that is written here.
pub fn all() -> Vec<ScalarUDF> {
    let mut functions = vec![
        age::udf(),
        any_of::udf(),
        array_of::udf(),
        array_remove::udf(),
        array_rows::all_rows(),
        array_rows::array_rows(),
        clock_timestamp::udf(),
        coalesce::udf(),
        date_bin::udf(),
        date_part::extract(),
        date_part::udf(),
        date_text::to_char(),
        date_trunc::udf(),
        date_parse::to_date(),
        date_parse::to_timestamp(),
        div::udf(),
        gen_random_uuid::udf(),
        isfinite::udf(),
        justify::days(),
        justify::hours(),
        justify::interval(),
        levenshtein::udf(),
        mode::udf(),
        ordinals::udf(),
        regexp_split::udf(),
        round::udf(),
        sign::udf(),
        similar::udf(),
        soundex::udf(),
        substring::udf(),
        timezone::local_time(),
        timezone::udf(),
        width_bucket::udf(),
    ];
    functions.extend(json::all());
    functions.extend(string_parts::udfs());
    functions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_given_once() {
        let functions = all();
        let names: BTreeSet<&str> = functions.iter().map(ScalarUDF::name).collect();
        assert_eq!(names.len(), functions.len());
    }
}
