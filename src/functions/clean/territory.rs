//! Numbering plans of countries and territories, as libphonenumber describes them.
//!
//! The metadata are those of the `phonenumber` crate; reading numbers by them is ours (`phone_number.rs`). That
//! crate's own parser takes a national prefix off twice (`8 812 ..` in Russia), accepts a number of which only the
//! beginning fits its pattern, and keeps all its patterns behind one lock.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Database, Descriptor};
use regex::{Regex, RegexBuilder};

/// The largest country calling code (ITU-T E.164, 6.2.1).
const LARGEST_CODE: u16 = 999;
/// How numbers that belong to no territory, such as `+800`, are named.
const NO_TERRITORY: &str = "001";

static TERRITORIES: LazyLock<Territories> = LazyLock::new(Territories::read);

struct Territories {
    by_code: HashMap<u16, Vec<Arc<Territory>>>,
    by_id: HashMap<&'static str, Arc<Territory>>,
}

impl Territories {
    fn read() -> Self {
        let database: &'static Database = &DATABASE;
        let mut territories = Territories { by_code: HashMap::new(), by_id: HashMap::new() };
        for code in 1..=LARGEST_CODE {
            for metadata in database.by_code(&code).unwrap_or_default() {
                let territory = Arc::new(Territory { metadata, plan: OnceLock::new() });
                if metadata.id() != NO_TERRITORY {
                    territories.by_id.insert(metadata.id(), Arc::clone(&territory));
                }
                territories.by_code.entry(code).or_default().push(territory);
            }
        }
        territories
    }
}

/// The territory with this ISO 3166-1 alpha-2 code, in capitals.
pub(super) fn find(id: &str) -> Option<&'static Territory> {
    TERRITORIES.by_id.get(id).map(AsRef::as_ref)
}

/// The territories that share a country calling code, the main one first; none when it is no calling code.
pub(super) fn with_code(code: u16) -> &'static [Arc<Territory>] {
    TERRITORIES.by_code.get(&code).map(Vec::as_slice).unwrap_or_default()
}

/// One country or territory. Its patterns are compiled when they are first needed.
#[derive(Debug)]
pub(super) struct Territory {
    metadata: &'static Metadata,
    plan: OnceLock<Plan>,
}

#[derive(Debug)]
struct Plan {
    general: Pattern,
    kinds: Vec<Pattern>,
    international_prefix: Option<Regex>,
    national_prefix: Option<Regex>,
}

/// What the whole of a national number looks like.
#[derive(Debug)]
struct Pattern {
    /// In digits; empty where the pattern alone says it.
    lengths: Vec<u16>,
    regex: Option<Regex>,
}

impl Territory {
    /// The country calling code.
    pub(super) fn code(&self) -> u16 {
        self.metadata.country_code()
    }

    /// Whether a national number looks like one of this territory, of any kind.
    pub(super) fn could_be(&self, number: &str) -> bool {
        self.plan().general.matches(number)
    }

    /// Whether a national number is one of this territory: a fixed line, a mobile, toll-free or other known kind.
    pub(super) fn has(&self, number: &str) -> bool {
        let plan = self.plan();
        plan.general.matches(number) && plan.kinds.iter().any(|kind| kind.matches(number))
    }

    /// What follows the digits that one dials here to call abroad.
    pub(super) fn after_international_prefix<'a>(&self, dialled: &'a str) -> Option<&'a str> {
        let prefix = self.plan().international_prefix.as_ref()?.find(dialled)?;
        dialled.get(prefix.end()..)
    }

    /// The number without the national prefix (the leading 0 in most of Europe) and without a carrier's code, or as
    /// the plan's own rule rewrites it; none when there is nothing to take off.
    pub(super) fn without_national_prefix(&self, number: &str) -> Option<String> {
        let plan = self.plan();
        let found = plan.national_prefix.as_ref()?.captures(number)?;
        let rest = number.get(found.get(0)?.end()..)?;
        let last_group = found.len().checked_sub(1).filter(|&group| group > 0).and_then(|group| found.get(group));
        let mut stripped = String::new();
        if let (Some(rule), Some(_)) = (self.metadata.national_prefix_transform_rule(), last_group) {
            found.expand(rule, &mut stripped);
        }
        stripped.push_str(rest);
        // A number that is complete with its leading digits keeps them.
        let spoils = plan.general.matches(number) && !plan.general.matches(&stripped);
        (!spoils).then_some(stripped)
    }

    fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| {
            let metadata = self.metadata;
            let kinds = metadata.descriptors();
            let kinds = [
                kinds.fixed_line(),
                kinds.mobile(),
                kinds.toll_free(),
                kinds.premium_rate(),
                kinds.shared_cost(),
                kinds.voip(),
                kinds.personal_number(),
                kinds.pager(),
                kinds.uan(),
                kinds.voicemail(),
            ];
            let national_prefix = metadata.national_prefix_for_parsing().map(|prefix| prefix.as_str());
            let international_prefix = metadata.international_prefix().map(|prefix| prefix.as_str());
            Plan {
                general: Pattern::new(metadata.descriptors().general()),
                kinds: kinds.into_iter().flatten().map(Pattern::new).collect(),
                international_prefix: international_prefix.and_then(|prefix| compiled(&format!("^(?:{prefix})"))),
                national_prefix: national_prefix
                    .or(metadata.national_prefix())
                    .and_then(|prefix| compiled(&format!("^(?:{prefix})"))),
            }
        })
    }
}

impl Pattern {
    fn new(descriptor: &Descriptor) -> Self {
        Pattern {
            lengths: descriptor.possible_length().to_vec(),
            regex: compiled(&format!("^(?:{})$", descriptor.national_number().as_str())),
        }
    }

    fn matches(&self, number: &str) -> bool {
        let fits = self.lengths.is_empty() || self.lengths.iter().any(|&length| usize::from(length) == number.len());
        fits && self.regex.as_ref().is_some_and(|regex| regex.is_match(number))
    }
}

/// The patterns hold ASCII digits alone, and white space that only lays them out.
fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).ignore_whitespace(true).unicode(false).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for territory in TERRITORIES.by_code.values().flatten() {
            let (metadata, plan) = (territory.metadata, territory.plan());
            assert!(plan.general.regex.is_some(), "{}", metadata.id());
            assert!(plan.kinds.iter().all(|kind| kind.regex.is_some()), "{}", metadata.id());
            assert_eq!(plan.international_prefix.is_some(), metadata.international_prefix().is_some());
            let prefix = metadata.national_prefix_for_parsing().is_some() || metadata.national_prefix().is_some();
            assert_eq!(plan.national_prefix.is_some(), prefix, "{}", metadata.id());
        }
    }

    #[test]
    fn main_territory_comes_first() {
        for (code, id) in [(1, "US"), (7, "RU"), (39, "IT"), (44, "GB"), (86, "CN"), (90, "TR")] {
            assert_eq!(with_code(code).first().map(|territory| territory.metadata.id()), Some(id));
        }
        assert_eq!(find("DE").map(Territory::code), Some(49));
        assert!(find("001").is_none() && find("UK").is_none() && with_code(999).is_empty());
    }
}
