//! What the cleaning functions know about characters: invisible ones, white space, digits, scripts.

use std::borrow::Cow;
use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

/// Characters that are drawn as nothing: Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt) and the
/// interlinear annotation marks. Zero-width spaces and joiners, soft hyphens, direction marks, byte order marks,
/// variation selectors and tags are all among them.
const INVISIBLE: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// The zero of every run of ten decimal digits outside ASCII that people write numbers with (General_Category Nd).
/// The mathematical and full-width ones are not here: NFKC turns those into ASCII.
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
];

/// Blocks of Chinese, Japanese and Korean writing: Hangul and its letters, kana, bopomofo and ideographs.
const CJK: &[(char, char)] = &[
    ('\u{1100}', '\u{11FF}'),
    ('\u{2E80}', '\u{2FDF}'),
    ('\u{3005}', '\u{3007}'),
    ('\u{3021}', '\u{3029}'),
    ('\u{3031}', '\u{3035}'),
    ('\u{3038}', '\u{303B}'),
    ('\u{3041}', '\u{318F}'),
    ('\u{31A0}', '\u{31BF}'),
    ('\u{31F0}', '\u{31FF}'),
    ('\u{3400}', '\u{4DBF}'),
    ('\u{4E00}', '\u{9FFF}'),
    ('\u{A960}', '\u{A97F}'),
    ('\u{AC00}', '\u{D7FF}'),
    ('\u{F900}', '\u{FAFF}'),
    ('\u{1AFF0}', '\u{1B16F}'),
    ('\u{20000}', '\u{3FFFD}'),
];

fn within(ranges: &[(char, char)], c: char) -> bool {
    let place = |&(first, last): &(char, char)| {
        if last < c {
            Ordering::Less
        } else if first > c {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    };
    ranges.binary_search_by(place).is_ok()
}

/// Whether a character is drawn as nothing and takes no room. Control characters count, unless they are white space.
pub(super) fn is_invisible(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_control() && !c.is_whitespace() } else { within(INVISIBLE, c) || is_control(c) }
}

fn is_control(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// Whether a character leaves the page blank: white space as Unicode has it (U+3000 and the no-break space are), or
/// an invisible character.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Whether a character belongs to Chinese, Japanese or Korean writing, which puts no spaces inside a name.
pub(super) fn is_cjk(c: char) -> bool {
    c >= '\u{1100}' && within(CJK, c)
}

/// The ASCII digit that a decimal digit of any script stands for.
pub(super) fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let value = ZEROS.iter().find_map(|&zero| u32::from(c).checked_sub(zero).filter(|&value| value < 10))?;
    char::from_digit(value, 10)
}

/// The text without invisible characters, in Unicode's form NFKC: full-width letters, digits and punctuation become
/// the plain ones, ligatures are taken apart, accents join their letters. White space stays where it is.
///
/// Removing comes first, since what a removed character held apart may compose; NFKC makes no invisible characters.
pub(super) fn normalized(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| !is_invisible(c)).nfkc().collect())
}

/// [`normalized`], with every run of white space and line breaks as one space, and none at either end.
pub(super) fn tidy(text: &str) -> Cow<'_, str> {
    match normalized(text) {
        Cow::Borrowed(text) => single_spaced(text),
        Cow::Owned(text) => Cow::Owned(single_spaced(&text).into_owned()),
    }
}

fn single_spaced(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let mut after_space = false;
    let plain = text.chars().all(|c| {
        let fine = !c.is_whitespace() || (c == ' ' && !after_space);
        after_space = c == ' ';
        fine
    });
    if plain {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    Cow::Owned(spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_found() {
        for ranges in [INVISIBLE, CJK] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
            assert!(ranges.iter().all(|&(first, last)| within(ranges, first) && within(ranges, last)));
        }
        assert!(is_invisible('\u{200B}') && is_invisible('\u{FEFF}') && is_invisible('\u{7}') && !is_invisible('\n'));
        assert!(is_cjk('张') && is_cjk('ン') && is_cjk('김') && !is_cjk('a') && !is_cjk('\u{3000}'));
    }

    #[test]
    fn digits_of_every_script() {
        assert_eq!(
            "٠٩۵७๗x".chars().map(digit).collect::<Vec<_>>(),
            [Some('0'), Some('9'), Some('5'), Some('7'), Some('7'), None]
        );
    }

    #[test]
    fn tidy_collapses_white_space() {
        assert_eq!(tidy("  a\u{3000}\r\n\u{A0}b\u{200B}c\u{FEFF} "), "a bc");
        assert_eq!(tidy("Ａｎｎ　Ｂ"), "Ann B");
        assert!(matches!(tidy(" plain text "), Cow::Borrowed("plain text")));
    }
}
