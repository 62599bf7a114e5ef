//! Names as they are compared: without case, accents, punctuation and spaces.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::functions::clean::characters::tidy;

/// Longer texts are no names of a country or a currency.
const LONGEST: usize = 200;

/// The words of a name in the form in which they compare. `the` says nothing, `&` is `and` and `St.` is `saint`.
pub(super) fn words(text: &str) -> Vec<String> {
    if text.len() > LONGEST {
        return vec![];
    }
    let tidy = tidy(text).replace('&', " and ");
    let mut words = vec![];
    let mut word = String::new();
    for c in tidy.nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ı' | 'İ' => word.push('i'),
            'ß' | 'ẞ' => word.push_str("ss"),
            'ø' | 'Ø' => word.push('o'),
            'ł' | 'Ł' => word.push('l'),
            'đ' | 'Đ' => word.push('d'),
            'æ' | 'Æ' => word.push_str("ae"),
            'œ' | 'Œ' => word.push_str("oe"),
            // An apostrophe parts no words: `People's`.
            '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '´' => {}
            c if c.is_alphanumeric() => word.extend(c.to_lowercase().filter(|c| !is_combining_mark(*c))),
            _ => end(&mut words, &mut word),
        }
    }
    end(&mut words, &mut word);
    words
}

fn end(words: &mut Vec<String>, word: &mut String) {
    let word = std::mem::take(word);
    match word.as_str() {
        "" | "the" => {}
        "st" | "ste" => words.push("saint".to_string()),
        _ => words.push(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_accents() {
        assert_eq!(words(" The  Côte d’Ivoire "), ["cote", "divoire"]);
        assert_eq!(words("St. Kitts & Nevis"), ["saint", "kitts", "and", "nevis"]);
        assert_eq!(words("TÜRKİYE"), ["turkiye"]);
        assert_eq!(words("Føroyar"), ["foroyar"]);
        assert_eq!(words("ＵＫ"), ["uk"]);
        assert!(words("\u{200B} -").is_empty());
    }
}
