//! The page of functions, from what each function documents itself.

use datafusion::logical_expr::Documentation;

use super::markdown::{code, table, without_trailing_space, word};
use crate::functions::{clean, merge, registry};

/// Merge functions, then cleaning functions, each in order of name.
pub(super) fn body() -> String {
    let (merging, trust) = (registry::aggregates(), merge::scalars());
    let merging = merging.iter().filter_map(|function| Some((function.name(), function.documentation()?)));
    let merging = merging.chain(trust.iter().filter_map(|f| Some((f.name(), f.documentation()?))));
    let cleaning = clean::all();
    let cleaning = cleaning.iter().filter_map(|function| Some((function.name(), function.documentation()?)));
    let windows = registry::windows();
    let windows = windows.iter().filter_map(|function| Some((function.name(), function.documentation()?)));
    format!(
        "What this program adds to SQL. Every other function is DataFusion's, under Postgres's name where it has \
         one.\n\n{}\n{}\n{}",
        section(
            "Merge functions",
            "Aggregates that make one value of the values that several sources give. NULLs never win. The result \
             never depends on the order of the rows: ties are broken by what the function is given, and last by the \
             greater value.",
            merging,
        ),
        section(
            "Cleaning functions",
            "Functions of one value. NULL gives NULL. They are immutable, so that they can stand in keys, and the \
             normalizers are idempotent: cleaning twice is cleaning once.",
            cleaning,
        ),
        section(
            "Cleaning a column",
            "Window functions, with `OVER`: `PARTITION BY` says which rows belong together, `ORDER BY` in which order \
             they follow each other where that matters. They always see the whole partition; a frame says nothing.",
            windows,
        ),
    )
}

fn section<'a>(
    title: &str,
    introduction: &str,
    functions: impl Iterator<Item = (&'a str, &'a Documentation)>,
) -> String {
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by_key(|(name, _)| *name);
    let links: Vec<String> = functions.iter().map(|(name, _)| format!("[`{name}`](#{name})")).collect();
    let mut text = format!("## {title}\n\n{introduction}\n\n{}\n", links.join(" · "));
    for (name, documentation) in functions {
        text.push('\n');
        text.push_str(&function(name, documentation));
    }
    text
}

fn function(name: &str, documentation: &Documentation) -> String {
    let mut text = format!("### {name}\n\n");
    let mut syntaxes = vec![documentation.syntax_example.as_str()];
    syntaxes.extend(documentation.alternative_syntax.iter().flatten().map(String::as_str));
    text.push_str(&code("sql", &syntaxes.join("\n")));
    text.push_str(&format!("\n{}\n", without_trailing_space(documentation.description.trim())));
    let arguments: Vec<[String; 2]> = documentation
        .arguments
        .iter()
        .flatten()
        .map(|(argument, description)| [word(argument), description.clone()])
        .collect();
    if !arguments.is_empty() {
        text.push_str(&format!("\n{}", table(["Argument", "Description"], &arguments)));
    }
    if let Some(example) = &documentation.sql_example {
        let example = without_trailing_space(example.trim());
        // An example comes with its own fences or as bare SQL.
        let example = if example.contains("```") { format!("{example}\n") } else { code("sql", &example) };
        text.push_str(&format!("\n{example}"));
    }
    if let Some(related) = documentation.related_udfs.as_deref().filter(|related| !related.is_empty()) {
        let links: Vec<String> = related.iter().map(|name| format!("[`{name}`](#{name})")).collect();
        text.push_str(&format!("\nSee also: {}.\n", links.join(", ")));
    }
    text
}
