//! Every one of these functions: one line a function.

use datafusion::logical_expr::ScalarUDF;

use super::{
    age, any_of, array_dims, array_of, array_relations, array_remove, array_rows, byte_at, byte_length,
    clock_timestamp, coalesce, date_bin, date_parse, date_part, date_text, date_trunc, div, encode, found_again,
    gen_random_uuid, generate_series, interval_fields, isfinite, json, justify, levenshtein, make_times, maybe, mode,
    num_nulls, ordinals, overlaps, percentile, regexp_match, regexp_replace, regexp_split, round, scale, sign, similar,
    soundex, string_parts, substr, substring, time_span, timezone, to_hex, to_number, to_precision, whole,
    width_bucket,
};

/// Every function of Postgres's that is written here.
pub fn all() -> Vec<ScalarUDF> {
    let mut functions = vec![
        age::udf(),
        any_of::udf(),
        array_dims::udf(),
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
        encode::decode(),
        encode::encode(),
        gen_random_uuid::udf(),
        generate_series::udf(),
        interval_fields::udf(),
        isfinite::udf(),
        justify::days(),
        justify::hours(),
        justify::interval(),
        levenshtein::udf(),
        found_again::udf(),
        maybe::udf(),
        mode::udf(),
        ordinals::udf(),
        overlaps::udf(),
        percentile::cont(),
        percentile::disc(),
        regexp_split::udf(),
        round::udf(),
        sign::udf(),
        similar::udf(),
        soundex::udf(),
        substr::udf(),
        substring::udf(),
        time_span::udf(),
        timezone::local_time(),
        timezone::udf(),
        to_hex::udf(),
        to_precision::udf(),
        width_bucket::udf(),
    ];
    functions.extend(array_relations::udfs());
    functions.extend(byte_at::udfs());
    functions.extend(byte_length::udfs());
    functions.extend(json::all());
    functions.extend(make_times::udfs());
    functions.extend(num_nulls::udfs());
    functions.extend(regexp_match::udfs());
    functions.extend(regexp_replace::udfs());
    functions.extend(scale::udfs());
    functions.extend(string_parts::udfs());
    functions.extend(to_number::udfs());
    functions.extend(whole::udfs());
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
