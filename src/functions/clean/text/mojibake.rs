//! UTF-8 that was read as Windows-1252 or Latin-1, and how it is told from text that only looks like it.

/// What Windows-1252 has at 0x80 to 0x9F. Where it has nothing a reader kept the control character of Latin-1.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// Characters that also stand behind a capital letter with an accent in sound text: `CAFÉ’S`, `„Ä“`, `20 À…`.
const PUNCTUATION: &str = "…‘’“”–—™\u{A0}«»°©®";

/// Blocks of characters that people write, beyond ASCII.
const PLAUSIBLE: &[(char, char)] = &[
    ('\u{A0}', '\u{24F}'),
    ('\u{2B0}', '\u{2FF}'),
    ('\u{370}', '\u{4FF}'),
    ('\u{531}', '\u{6FF}'),
    ('\u{900}', '\u{E7F}'),
    ('\u{10A0}', '\u{11FF}'),
    ('\u{1E00}', '\u{1FFF}'),
    ('\u{2010}', '\u{2027}'),
    ('\u{2030}', '\u{205E}'),
    ('\u{20A0}', '\u{20C0}'),
    ('\u{2100}', '\u{27BF}'),
    ('\u{3000}', '\u{9FFF}'),
    ('\u{AC00}', '\u{D7A3}'),
    ('\u{F900}', '\u{FAFF}'),
    ('\u{FE30}', '\u{FE4F}'),
    ('\u{FF01}', '\u{FFEE}'),
    ('\u{1F300}', '\u{1FAFF}'),
    ('\u{20000}', '\u{3134F}'),
];

/// The text as it was before it was read wrongly, once; none when that is not certain.
///
/// Certain is: every character is one of Windows-1252, all bytes together are UTF-8, what comes out is what people
/// write, and it does not hang on one pair of characters that can stand in sound text.
pub(super) fn undone(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes = text.chars().map(byte).collect::<Option<Vec<u8>>>()?;
    let read = String::from_utf8(bytes).ok()?;
    let mut certain = 0;
    let mut likely = 0;
    let chars: Vec<char> = read.chars().collect();
    for (at, &c) in chars.iter().enumerate().filter(|(_, c)| !c.is_ascii()) {
        if !PLAUSIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c)) {
            return None;
        }
        // How it looked: the first byte, and what stood for the last one.
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        let last = bytes.last().copied().map(character)?;
        match bytes {
            [_, _, _, ..] => certain += 1,
            // The letters of western and central Europe.
            [0xC2..=0xC5, _] if !PUNCTUATION.contains(last) => certain += 1,
            [0xC3, 0xA0] => certain += 1,
            [_, _] if fits_among(&chars, at) => certain += 1,
            [_, _] if !PUNCTUATION.contains(last) => likely += 1,
            _ => {}
        }
    }
    (certain > 0 || likely > 1).then_some(read)
}

/// Whether one of the common letters whose last byte looks like punctuation can be nothing else where it stands: as it
/// looked, the punctuation would stand inside a word.
fn fits_among(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| chars.get(at)).copied();
    let (previous, next) = (before(1), chars.get(at + 1).copied());
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let capital = |c: Option<char>| c.is_some_and(char::is_uppercase);
    let small = |c: Option<char>| c.is_some_and(char::is_lowercase);
    match chars.get(at) {
        // `JosÃ©`, `RÃ©gis`, `NoÃ«l`; a capital `Ã` ends words in capitals alone: `IRMÃ©`.
        Some('é' | 'ë') => (letter(previous) && !capital(previous)) || small(next),
        // `Ä°stanbul`, `Ã–mer`, `KÃ–LN`.
        Some('İ' | 'Ö') => letter(next),
        // `Ã…sa`, not `AMANHÃ…TALVEZ`.
        Some('Å') => letter(next) && !capital(previous),
        // `Å koda` with a space that does not break, not `20 Å` of something.
        Some('Š') => {
            small(next) && (previous.is_none() || letter(previous) || (previous == Some(' ') && letter(before(2))))
        }
        _ => false,
    }
}

/// The byte that a character of Windows-1252 was.
fn byte(c: char) -> Option<u8> {
    match HIGH.iter().position(|high| *high == c) {
        Some(at) => u8::try_from(at + 0x80).ok(),
        None => u8::try_from(u32::from(c)).ok(),
    }
}

/// The character that a byte became.
fn character(byte: u8) -> char {
    let high = byte.checked_sub(0x80).and_then(|at| HIGH.get(usize::from(at)));
    high.copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_wrongly() {
        for (broken, sound) in [
            ("MÃ¼ller", "Müller"),
            ("Ä°brahim YÄ±ldÄ±rÄ±m", "İbrahim Yıldırım"),
            ("DoÄŸan", "Doğan"),
            ("voilÃ\u{A0}", "voilà"),
            ("it’s", ""),
            ("itâ€™s", "it’s"),
            ("å¼\u{A0}ä¼Ÿ", "张伟"),
            ("ÐœÐ¾ÑÐºÐ²Ð°", ""),
            ("Ðœ\u{D0}¾\u{D1}\u{81}ÐºÐ²Ð°", "Москва"),
            ("â‚¬ 5", "€ 5"),
            ("JosÃ©", "José"),
            ("RenÃ©e", "Renée"),
            ("AndrÃ©s", "Andrés"),
            ("FrÃ©dÃ©ric", "Frédéric"),
            ("RÃ©gis", "Régis"),
            ("NoÃ«l", "Noël"),
            ("CitroÃ«n", "Citroën"),
            ("Ä°brahim", "İbrahim"),
            ("Ä°stanbul", "İstanbul"),
            ("Ã–mer", "Ömer"),
            ("KÃ–LN", "KÖLN"),
            ("Ã…sa", "Åsa"),
            ("Å\u{A0}koda", "Škoda"),
        ] {
            let expected = (!sound.is_empty()).then_some(sound);
            assert_eq!(undone(broken).as_deref(), expected, "{broken:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it() {
        for text in [
            "Müller",
            "CAFÉ’S",
            "IRMÃ”",
            "JOÃO",
            "SÃO PAULO",
            "IRMÃ…",
            "AMANHÃ…TALVEZ",
            "IRMÃ©",
            "20 Å\u{A0}lang",
            "Å leve",
            "AMANHÃ – TALVEZ",
            "„Ä“",
            "ANDRÉ…",
            "20 Å",
            "Ø±",
            "ÀÉÎ",
            "São Paulo",
            "groß€",
            "naïve",
            "张伟",
            "Â",
        ] {
            assert_eq!(undone(text), None, "{text}");
        }
    }
}
