//! The page of options, from what each kind of source declares.

use super::markdown::{table, without_trailing_space, word};
use crate::sources::kind::SourceKind;
use crate::sources::kinds::KINDS;
use crate::sources::options::OptionPlace;

/// The places in the order in which a project comes to them, with the statement of each.
const PLACES: &[(OptionPlace, &str)] = &[
    (OptionPlace::Server, "`CREATE SERVER`"),
    (OptionPlace::UserMapping, "`CREATE USER MAPPING`"),
    (OptionPlace::Import, "`IMPORT FOREIGN SCHEMA`"),
    (OptionPlace::Table, "`CREATE FOREIGN TABLE`"),
    (OptionPlace::Column, "a column of `CREATE FOREIGN TABLE`"),
];

/// Each kind with its options by place.
pub(super) fn body() -> String {
    let links: Vec<String> = KINDS.iter().map(|kind| format!("[`{0}`](#{0})", kind.name())).collect();
    let mut text = format!(
        "The name after `FOREIGN DATA WRAPPER` in `CREATE SERVER` is the kind of source, and each kind takes the \
         options below in `OPTIONS (name 'value', ..)`. Any other option is an error (HV00D), and so is a value that \
         cannot be used (HV00N). A secret's value is never shown: not in the catalog, not in logs, not in errors. In \
         files, `${{env:NAME}}` stands for a variable of the environment and `${{file:PATH}}` for what a file holds.\n\
         \nKinds: {}\n",
        links.join(" · "),
    );
    for kind in KINDS {
        text.push('\n');
        text.push_str(&kind_section(*kind));
    }
    text
}

fn kind_section(kind: &dyn SourceKind) -> String {
    let mut text = format!("## {}\n\n{}\n", kind.name(), without_trailing_space(kind.description().trim()));
    for &(place, statement) in PLACES {
        let rows: Vec<[String; 4]> = kind
            .options()
            .iter()
            .filter(|option| option.place == place)
            .map(|option| {
                let secret = if option.secret { "yes" } else { "" };
                [word(option.name), option.doc.to_owned(), option.default.to_owned(), secret.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            let table = table(["Option", "What it does", "When left out", "Secret"], &rows);
            text.push_str(&format!("\n### {}: {} options\n\nIn {statement}.\n\n{table}", kind.name(), place.title()));
        }
    }
    text
}
