//! Templates of `to_char` for numbers: `FM999,990.00`, `S999`, `9.99EEEE`, `RN`, as Postgres reads them.

use crate::error::{Error, Result, SqlState};

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `9` or `0`: a place for a digit.
    Digit { zero: bool },
    /// `.` or `D`
    Point,
    /// `,` or `G`
    Group,
    /// `L`
    Currency,
    /// `MI`
    Minus,
    /// `PL`
    Plus,
    /// `SG`
    Sign,
    /// `RN` or `rn`: where the letters stand.
    Roman,
    /// `TH` or `th`
    Ordinal { upper: bool },
    /// What is shown as it is.
    Text(String),
}

/// Where the sign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignPlace {
    /// Before the first digit: a minus or a blank.
    Before,
    /// Before the first digit: a minus or a plus.
    Anchored,
    /// Behind the last digit.
    Behind,
    /// `<12>`
    Brackets,
    /// Where pieces of its own say so.
    Apart {
        /// Whether it stands before the digits all the same.
        also_before: bool,
    },
}

/// A whole notation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Plain,
    /// `EEEE`
    Scientific,
    /// `RN` or `rn`
    Roman {
        upper: bool,
    },
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub pieces: Vec<Piece>,
    pub notation: Notation,
    /// Places before the point, and behind it.
    pub before: usize,
    pub behind: usize,
    pub has_point: bool,
    /// `V`: how often the number is multiplied by ten.
    pub shift: usize,
    /// The first place that shows a zero before the number begins.
    pub zeros_from: Option<usize>,
    /// How many places behind the point show their zeros whatever is left out.
    pub zeros_to_behind: usize,
    /// `FM`: no blanks, and no zeros at the end.
    pub fill: bool,
    pub sign: SignPlace,
}

/// The words of a template; those that mean nothing are shown as nothing.
const WORDS: [&str; 21] = [
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "th", ",", ".", "0", "9", "B", "C", "D", "G", "L", "S", "V",
];

/// The word that a text begins with: in capitals or in small letters.
fn word(text: &str) -> Option<&'static str> {
    WORDS.into_iter().find(|word| text.starts_with(word) || text.starts_with(&word.to_ascii_lowercase()))
}

impl Template {
    /// Reads a template. 42601 where its parts do not go together.
    pub(super) fn read(text: &str) -> Result<Template> {
        let mut reading = Reading::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(found) = word(rest) {
                let small = rest.starts_with(char::is_lowercase);
                reading.word(found, small)?;
                rest = &rest[found.len()..];
                continue;
            }
            rest = &rest[first.len_utf8()..];
            match first {
                '"' => rest = reading.quoted(rest),
                '\\' if rest.starts_with('"') => {
                    reading.pieces.push(Piece::Text("\"".to_string()));
                    rest = &rest[1..];
                }
                first => reading.pieces.push(Piece::Text(first.to_string())),
            }
        }
        Ok(reading.template())
    }
}

#[derive(Debug, Default)]
struct Reading {
    pieces: Vec<Piece>,
    before: usize,
    behind: usize,
    shift: usize,
    shifts: bool,
    has_point: bool,
    zeros_from: Option<usize>,
    zeros_to: usize,
    fill: bool,
    scientific: bool,
    roman: Option<bool>,
    /// `S`: after how many places it stood, and whether behind the point.
    anchored: Option<(usize, bool)>,
    minus: bool,
    plus: bool,
    brackets: bool,
    blank: bool,
}

fn refused(message: &str) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, message)
}

impl Reading {
    /// A text in quotes, from behind the first quote; gives what comes after it.
    fn quoted<'a>(&mut self, text: &'a str) -> &'a str {
        let mut shown = String::new();
        let mut letters = text.char_indices();
        let mut rest = "";
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    rest = &text[at + 1..];
                    break;
                }
                '\\' => shown.extend(letters.next().map(|(_, letter)| letter)),
                letter => shown.push(letter),
            }
        }
        self.pieces.push(Piece::Text(shown));
        rest
    }

    fn word(&mut self, word: &str, small: bool) -> Result<()> {
        match word {
            "9" | "0" => {
                if self.brackets {
                    return Err(refused(&format!("\"{word}\" must be ahead of \"PR\"")));
                }
                let zero = word == "0";
                if self.shifts && !zero {
                    self.shift += 1;
                } else if self.has_point {
                    self.behind += 1;
                } else {
                    if zero {
                        self.zeros_from.get_or_insert(self.before);
                    }
                    self.before += 1;
                }
                if zero {
                    self.zeros_to = self.before + self.behind;
                }
                self.pieces.push(Piece::Digit { zero });
            }
            "." | "D" => {
                if self.has_point {
                    return Err(refused("multiple decimal points"));
                }
                if self.shifts {
                    return Err(refused("cannot use \"V\" and decimal point together"));
                }
                self.has_point = true;
                self.pieces.push(Piece::Point);
            }
            "," | "G" => self.pieces.push(Piece::Group),
            "L" => self.pieces.push(Piece::Currency),
            "FM" => self.fill = true,
            "B" => self.blank |= self.before == 0 && self.behind == 0,
            "S" => {
                if self.anchored.is_some() {
                    return Err(refused("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.brackets {
                    return Err(refused("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
                }
                self.anchored = Some((self.before, self.has_point));
            }
            "MI" | "PL" | "SG" => {
                if self.anchored.is_some() {
                    return Err(refused(&format!("cannot use \"S\" and \"{word}\" together")));
                }
                self.minus |= word != "PL";
                self.plus |= word != "MI";
                self.pieces.push(match word {
                    "MI" => Piece::Minus,
                    "PL" => Piece::Plus,
                    _ => Piece::Sign,
                });
            }
            "PR" => {
                if self.anchored.is_some() || self.plus || self.minus {
                    return Err(refused("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                self.brackets = true;
            }
            "TH" | "th" => self.pieces.push(Piece::Ordinal { upper: !small }),
            "RN" => {
                self.roman = Some(!small);
                self.pieces.push(Piece::Roman);
            }
            "V" => {
                if self.has_point {
                    return Err(refused("cannot use \"V\" and decimal point together"));
                }
                self.shifts = true;
            }
            "EEEE" => {
                if self.scientific {
                    return Err(refused("cannot use \"EEEE\" twice"));
                }
                let signed = self.anchored.is_some() || self.brackets || self.minus || self.plus;
                if self.fill || self.blank || signed || self.roman.is_some() || self.shifts {
                    return Err(refused("\"EEEE\" is incompatible with other formats")
                        .with_detail("\"EEEE\" may only be used together with digit and decimal point patterns."));
                }
                self.scientific = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn template(self) -> Template {
        let sign = match self.anchored {
            Some((_, true)) => SignPlace::Behind,
            Some((places, false)) if places == self.before => SignPlace::Behind,
            Some(_) => SignPlace::Anchored,
            None if self.brackets => SignPlace::Brackets,
            None if self.plus || self.minus => SignPlace::Apart { also_before: !self.minus },
            None => SignPlace::Before,
        };
        let notation = match (self.roman, self.scientific) {
            (Some(upper), _) => Notation::Roman { upper },
            (None, true) => Notation::Scientific,
            (None, false) => Notation::Plain,
        };
        Template {
            zeros_to_behind: self.zeros_to.saturating_sub(self.before),
            before: self.before + self.shift,
            pieces: self.pieces,
            notation,
            behind: self.behind,
            has_point: self.has_point,
            shift: self.shift,
            zeros_from: self.zeros_from,
            fill: self.fill,
            sign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_do_not_go_together_are_refused() {
        for (template, message) in [
            ("9.9.9", "multiple decimal points"),
            ("S9S", "cannot use \"S\" twice"),
            ("S9MI", "cannot use \"S\" and \"MI\" together"),
            ("PR9", "\"9\" must be ahead of \"PR\""),
            ("9V9.9", "cannot use \"V\" and decimal point together"),
            ("FM9EEEE", "\"EEEE\" is incompatible with other formats"),
        ] {
            assert_eq!(Template::read(template).unwrap_err().message(), message, "{template}");
        }
    }

    #[test]
    fn places_are_counted() {
        let read = Template::read("FM999,990.00").unwrap();
        assert_eq!((read.before, read.behind, read.zeros_from, read.zeros_to_behind), (6, 2, Some(5), 2));
        assert_eq!(Template::read("99V99").unwrap().before, 4);
        assert_eq!(Template::read("9 \"9\"\\\"").unwrap().before, 1);
    }
}
