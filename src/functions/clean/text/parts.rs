//! The family name and the given names in a person's name.

use super::chinese;
use crate::functions::clean::characters::{is_cjk, tidy};
use crate::functions::clean::normalize_name::{self, is_particle, is_suffix};

/// Titles before a name, in lower case without dots.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "sir",
    "dame",
    "lord",
    "lady",
    "rev",
    "herr",
    "frau",
    "hr",
    "fr",
    "dipl-ing",
    "ing",
    "mag",
    "m",
    "mme",
    "mlle",
    "sr",
    "sra",
    "srta",
    "don",
    "doña",
    "sig",
    "sigra",
    "dott",
    "dhr",
    "mevr",
    "pan",
    "pani",
    "bay",
    "bayan",
    "av",
];
/// Family names of Korea of two syllables.
const KOREAN: &[&str] = &["남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방"];

/// The family name and the given names; either is none where it is not known. None when the text is no name.
pub(super) fn parts(text: &str) -> Option<(Option<String>, Option<String>)> {
    let name = normalize_name::clean(text)?;
    if let Some((family, given)) = chinese::split(&spaced(text)) {
        return Some((Some(family), Some(given)));
    }
    if name.contains(is_cjk) {
        return Some(east_asian(text, &name));
    }
    let words: Vec<&str> = name.split(' ').collect();
    let start = words.iter().take_while(|word| is_title(word)).count();
    let named = words.get(start..)?;
    let tail = named.iter().rev().take_while(|word| is_suffix(word.trim_matches(','))).count();
    let named = named.get(..named.len().saturating_sub(tail))?;
    if named.len() < 2 {
        // One word is a family name in one place and a given name in another.
        return Some((None, None));
    }
    let family = match before_comma(text) {
        Some(words) => words.min(named.len() - 1),
        None => 1 + named.iter().rev().skip(1).take_while(|word| is_particle(&word.to_lowercase())).count(),
    };
    let (given, family) = named.split_at(named.len().saturating_sub(family));
    let joined = |words: &[&str]| {
        let joined = words.join(" ").trim_end_matches(',').to_string();
        (!joined.is_empty()).then_some(joined)
    };
    Some((joined(family), joined(given)))
}

/// The tidy text with a comma between family and given name as a space.
fn spaced(text: &str) -> String {
    let tidy = tidy(text);
    match tidy.split_once([',', '，']) {
        Some((family, given)) => format!("{} {}", family.trim(), given.trim()),
        None => tidy.into_owned(),
    }
}

/// How many words stand before the one comma of `Last, First`; none when there is none.
fn before_comma(text: &str) -> Option<usize> {
    let tidy = tidy(text);
    let (last, first) = tidy.split_once(',')?;
    let named = !last.trim().is_empty() && !first.trim().is_empty() && !first.contains(',') && !is_suffix(first.trim());
    named.then(|| last.split_whitespace().filter(|word| !is_title(word)).count().max(1))
}

fn is_title(word: &str) -> bool {
    // `Sr` behind a name is another thing; before it, it is Spanish.
    TITLES.contains(&word.replace('.', "").to_lowercase().as_str())
}

/// Korean and Japanese names: in writing without spaces only the Korean ones can be parted.
fn east_asian(text: &str, name: &str) -> (Option<String>, Option<String>) {
    let spaced = spaced(text);
    let mut words = spaced.split(' ');
    if let (Some(family), Some(given), None) = (words.next(), words.next(), words.next())
        && family.chars().all(is_cjk)
        && given.chars().all(is_cjk)
    {
        return (Some(family.to_string()), Some(given.to_string()));
    }
    let hangul = name.chars().all(|c| matches!(c, '\u{AC00}'..='\u{D7A3}'));
    let length = name.chars().count();
    let family = if KOREAN.iter().any(|family| name.starts_with(family)) && length > 2 { 2 } else { 1 };
    if hangul && (2..=4).contains(&length) {
        (Some(name.chars().take(family).collect()), Some(name.chars().skip(family).collect()))
    } else {
        (None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_parts() {
        for (text, family, given) in [
            ("Ann Berg", Some("Berg"), Some("Ann")),
            ("JAN VAN DER BERG", Some("van der Berg"), Some("Jan")),
            ("VAN DER BERG, JAN", Some("van der Berg"), Some("Jan")),
            ("García Márquez, Gabriel", Some("García Márquez"), Some("Gabriel")),
            ("Dr. Ann Marie Berg", Some("Berg"), Some("Ann Marie")),
            ("John Smith, Jr.", Some("Smith"), Some("John")),
            ("John Smith III", Some("Smith"), Some("John")),
            ("İBRAHİM YILDIRIM", Some("Yıldırım"), Some("İbrahim")),
            ("Madonna", None, None),
            ("张伟", Some("张"), Some("伟")),
            ("欧阳，娜娜", Some("欧阳"), Some("娜娜")),
            ("김민수", Some("김"), Some("민수")),
            ("남궁 민", Some("남궁"), Some("민")),
            ("남궁민수", Some("남궁"), Some("민수")),
            ("山田 太郎", Some("山田"), Some("太郎")),
            ("やまだたろう", None, None),
        ] {
            let expected = Some((family.map(str::to_owned), given.map(str::to_owned)));
            assert_eq!(parts(text), expected, "{text}");
        }
        assert_eq!(parts(" - "), None);
    }
}
