//! `soundex(text)`: a letter and three digits for how an English name sounds, as in Postgres's fuzzystrmatch.

use datafusion::logical_expr::ScalarUDF;

use super::row_function::{Param, Spec, returns_text, text};

/// `soundex`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("soundex", &[Param::Text], returns_text, |call| Ok(text(code(call.text(0).unwrap_or_default())))).udf()
}

/// The digit of a letter, `0` for one that has none; any other character is itself.
fn digit(letter: char) -> char {
    match letter.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        'A'..='Z' => '0',
        other => other,
    }
}

fn code(name: &str) -> String {
    let mut characters = name.chars().skip_while(|c| !c.is_ascii_alphabetic());
    let Some(first) = characters.next() else { return String::new() };
    let mut out = String::from(first.to_ascii_uppercase());
    let mut before = first;
    for character in characters {
        let found = digit(character);
        // What sounds like the letter right before it is not said twice.
        if found.is_ascii_digit() && character.is_ascii_alphabetic() && found != '0' && found != digit(before) {
            out.push(found);
        }
        before = character;
        if out.len() == 4 {
            break;
        }
    }
    while out.len() < 4 {
        out.push('0');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sound() {
        for (name, sounds) in [("Anne", "A500"), ("hello world!", "H464"), ("Pfister", "P236"), ("", ""), ("42", "")] {
            assert_eq!(code(name), sounds, "{name}");
        }
    }
}
