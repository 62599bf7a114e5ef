//! Which mark stands before the decimals.

/// Languages that write a decimal comma, as the Common Locale Data Repository has it.
const COMMA: &[&str] = &[
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fo", "fr", "gl", "hr", "hu",
    "hy", "id", "is", "it", "ka", "kk", "ky", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk",
    "sl", "sq", "sr", "sv", "tr", "tt", "uk", "uz", "vi",
];
/// Languages that write a decimal point.
const POINT: &[&str] = &[
    "am", "ar", "bn", "cy", "en", "fa", "fil", "ga", "gu", "he", "hi", "ja", "km", "kn", "ko", "lo", "ml", "mn", "mr",
    "ms", "mt", "my", "ne", "pa", "si", "sw", "ta", "te", "th", "ur", "zh", "zu",
];
/// Places whose custom is not their language's: those that write a point.
const POINT_PLACES: &[&str] = &[
    "de-ch", "de-li", "it-ch", "es-us", "es-mx", "es-pr", "es-gt", "es-sv", "es-hn", "es-ni", "es-pa", "es-pe",
    "es-do", "es-cu",
];
/// And those that write a comma.
const COMMA_PLACES: &[&str] = &["en-at", "en-be", "en-de", "en-dk", "en-fi", "en-nl", "en-se", "en-si", "en-za"];

/// The mark that an option asks for: the mark itself, or the custom of a language with or without a country
/// (`de`, `de-CH`, `tr_TR`). None for anything else.
pub(super) fn decimal_mark(option: &str) -> Option<char> {
    let option = option.trim();
    if matches!(option, "." | ",") {
        return option.chars().next();
    }
    let tag = option.to_ascii_lowercase().replace('_', "-");
    // `de-DE.UTF-8` of the POSIX locales
    let tag = tag.split('.').next().unwrap_or_default();
    let language = tag.split('-').next().unwrap_or_default();
    if POINT_PLACES.contains(&tag) {
        Some('.')
    } else if COMMA_PLACES.contains(&tag) || COMMA.contains(&language) {
        Some(',')
    } else if POINT.contains(&language) {
        Some('.')
    } else {
        None
    }
}
