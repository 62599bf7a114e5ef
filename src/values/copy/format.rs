//! How COPY's rows are written.

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyKind {
    /// Lines, with backslashes before what is special.
    Text,
    /// Lines, with quotes around what is special.
    Csv,
    /// Fields with their lengths, in the types' binary forms.
    Binary,
    /// Lines, each an object of JSON. Who writes them makes them first, as texts.
    Json,
}

/// What the first line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A row.
    No,
    /// The columns' names: written, or passed over.
    Names,
    /// The columns' names, which must be the table's.
    Match,
}

/// Which columns have quotes around every value that is not null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForceQuote {
    /// All.
    All,
    /// These.
    Columns(Vec<String>),
}

/// How rows are written, with Postgres's defaults in place of what was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFormat {
    /// FORMAT
    pub kind: CopyKind,
    /// Between fields; one byte, which is ASCII.
    pub delimiter: u8,
    /// What a null is written as.
    pub null: String,
    /// HEADER
    pub header: Header,
    /// Around fields of CSV.
    pub quote: u8,
    /// Before a quote within quotes; the quote itself unless given.
    pub escape: u8,
    /// FORCE_QUOTE
    pub force_quote: ForceQuote,
    /// FORCE_NOT_NULL: columns in which what looks like a null is a text.
    pub force_not_null: Vec<String>,
    /// FORCE_NULL: columns in which a quoted null is a null too.
    pub force_null: Vec<String>,
}

impl CopyFormat {
    /// A form with nothing said but its kind.
    pub fn new(kind: CopyKind) -> CopyFormat {
        let csv = kind == CopyKind::Csv;
        CopyFormat {
            kind,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { String::new() } else { "\\N".to_string() },
            header: Header::No,
            quote: b'"',
            escape: b'"',
            force_quote: ForceQuote::Columns(vec![]),
            force_not_null: vec![],
            force_null: vec![],
        }
    }
}
