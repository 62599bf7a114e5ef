//! The blanks that fill a `character(n)`, which its values are held without.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;

/// Texts without the blanks at their ends. What is no text stays as it is.
pub(crate) fn without_blanks(texts: &ArrayRef) -> ArrayRef {
    each(texts, |text| text.trim_end_matches(' ').to_string(), |text| text.ends_with(' '))
}

/// Texts filled with blanks to `length` characters.
pub(crate) fn with_blanks(texts: &ArrayRef, length: usize) -> ArrayRef {
    let missing = |text: &str| length.saturating_sub(text.chars().count());
    each(texts, |text| format!("{text}{}", " ".repeat(missing(text))), |text| missing(text) > 0)
}

fn each(texts: &ArrayRef, change: impl Fn(&str) -> String, wants: impl Fn(&str) -> bool) -> ArrayRef {
    let Ok(views) = cast(texts, &DataType::Utf8View) else { return Arc::clone(texts) };
    let Some(views) = views.as_any().downcast_ref::<StringViewArray>() else { return Arc::clone(texts) };
    if !views.iter().flatten().any(wants) {
        return Arc::new(views.clone());
    }
    Arc::new(views.iter().map(|text| text.map(&change)).collect::<StringViewArray>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_at_the_end_come_and_go() {
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a "), None, Some(" é"), Some("")]));
        let shown = |texts: &ArrayRef| {
            let texts = texts.as_any().downcast_ref::<StringViewArray>().unwrap();
            texts.iter().map(|text| text.map(str::to_string)).collect::<Vec<_>>()
        };
        let of = |text: &str| Some(text.to_string());
        let bare = without_blanks(&texts);
        assert_eq!(shown(&bare), [of("a"), None, of(" é"), of("")]);
        assert_eq!(shown(&with_blanks(&bare, 3)), [of("a  "), None, of(" é "), of("   ")]);
    }
}
