//! Error reports on a terminal.

/// Fails unless the report has a line `file:line:column: error[state]: ..`, the line of the file under it, and a caret
/// under the `word` that is wrong.
pub fn points_at(said: &str, file: &str, state: &str, word: &str) -> Result<(), String> {
    let lines: Vec<&str> = said.lines().collect();
    let head = lines.iter().position(|line| line.contains(file) && line.contains(&format!("error[{state}]")));
    let Some(head) = head else { return Err(format!("no error[{state}] of {file} in:\n{said}")) };
    let (Some(text), Some(caret)) = (lines.get(head + 1).copied(), lines.get(head + 2).copied()) else {
        return Err(format!("the line and its caret are missing in:\n{said}"));
    };
    let place = lines[head].split(": error[").next().unwrap_or_default();
    let mut numbers = place.rsplit(':').map(|n| n.parse::<usize>());
    let (Some(Ok(_)), Some(Ok(line))) = (numbers.next(), numbers.next()) else {
        return Err(format!("no line and column in {place:?}"));
    };
    if !text.trim_start().starts_with(&line.to_string()) {
        return Err(format!("line {line} is not shown in:\n{said}"));
    }
    let under = |line: &str| line.split_once('|').map(|(_, rest)| rest.chars().collect::<Vec<_>>()).unwrap_or_default();
    let at = under(caret).iter().position(|c| *c == '^');
    let rest: String = at.map(|at| under(text)[at..].iter().collect()).unwrap_or_default();
    if rest.starts_with(word) { Ok(()) } else { Err(format!("the caret is not under {word:?} in:\n{said}")) }
}
