//! The currencies of ISO 4217, and their symbols and names.

use super::country::Country;
use crate::functions::clean::characters::tidy;
use crate::functions::clean::fold::words;

/// Every code of the standard that is in use, and the codes of precious metals and of no currency.
const CODES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
    "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY",
    "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP",
    "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
    "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD",
    "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX",
    "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD", "XAF", "XAG", "XAU", "XBA",
    "XBB", "XBC", "XBD", "XCD", "XCG", "XDR", "XOF", "XPD", "XPF", "XPT", "XSU", "XTS", "XUA", "XXX", "YER", "ZAR",
    "ZMW", "ZWG",
];

/// Codes that were in use since 1998 and are no more: amounts in them are still in books.
const WITHDRAWN: &[&str] = &[
    "ADP", "AFA", "ANG", "AON", "AOR", "ATS", "AZM", "BEF", "BGL", "BGN", "BYB", "BYR", "CSD", "CUC", "CYP", "DEM",
    "ECS", "EEK", "ESP", "FIM", "FRF", "GHC", "GRD", "GWP", "HRK", "IEP", "ITL", "LTL", "LUF", "LVL", "MGF", "MRO",
    "MTL", "MXP", "MZM", "NLG", "PTE", "ROL", "RUR", "SDD", "SIT", "SKK", "SLL", "SRG", "STD", "TJR", "TMM", "TPE",
    "TRL", "VEB", "VEF", "YUM", "ZMK", "ZWD", "ZWL", "ZWN", "ZWR",
];

/// Symbols and abbreviations. Those of several currencies need a country; the first code is never taken for it.
const SYMBOLS: &[(&str, &[&str])] = &[
    ("€", &["EUR"]),
    (
        "$",
        &[
            "USD", "ARS", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "CLP", "COP", "CUP", "CVE", "DOP", "FJD",
            "GYD", "HKD", "JMD", "KYD", "LRD", "MXN", "NAD", "NZD", "SBD", "SGD", "SRD", "SVC", "TOP", "TTD", "TWD",
            "UYU", "WST", "XCD",
        ],
    ),
    ("£", &["GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"]),
    ("¥", &["JPY", "CNY"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("kr.", &["SEK", "NOK", "DKK", "ISK"]),
    ("₩", &["KRW", "KPW"]),
    ("₨", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("rs", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("rs.", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("ریال", &["IRR", "OMR", "QAR", "SAR", "YER"]),
    ("元", &["CNY", "TWD", "HKD", "MOP"]),
    ("圓", &["TWD", "HKD", "MOP"]),
    ("圆", &["CNY"]),
    ("円", &["JPY"]),
    ("원", &["KRW", "KPW"]),
    ("人民币", &["CNY"]),
    ("人民幣", &["CNY"]),
    ("新台幣", &["TWD"]),
    ("新臺幣", &["TWD"]),
    ("港元", &["HKD"]),
    ("港幣", &["HKD"]),
    ("美元", &["USD"]),
    ("欧元", &["EUR"]),
    ("歐元", &["EUR"]),
    ("英镑", &["GBP"]),
    ("日元", &["JPY"]),
    ("rmb", &["CNY"]),
    ("us$", &["USD"]),
    ("$us", &["USD"]),
    ("usd$", &["USD"]),
    ("a$", &["AUD"]),
    ("au$", &["AUD"]),
    ("c$", &["CAD", "NIO"]),
    ("ca$", &["CAD"]),
    ("can$", &["CAD"]),
    ("nz$", &["NZD"]),
    ("hk$", &["HKD"]),
    ("nt$", &["TWD"]),
    ("s$", &["SGD"]),
    ("mx$", &["MXN"]),
    ("r$", &["BRL"]),
    ("ec$", &["XCD"]),
    ("mop$", &["MOP"]),
    ("cn¥", &["CNY"]),
    ("jp¥", &["JPY"]),
    ("₹", &["INR"]),
    ("₺", &["TRY"]),
    ("tl", &["TRY"]),
    ("tl.", &["TRY"]),
    ("₽", &["RUB"]),
    ("руб", &["RUB"]),
    ("руб.", &["RUB"]),
    ("₴", &["UAH"]),
    ("грн", &["UAH"]),
    ("₸", &["KZT"]),
    ("₼", &["AZN"]),
    ("₾", &["GEL"]),
    ("֏", &["AMD"]),
    ("₪", &["ILS"]),
    ("nis", &["ILS"]),
    ("₫", &["VND"]),
    ("₭", &["LAK"]),
    ("₮", &["MNT"]),
    ("₱", &["PHP", "CUP"]),
    ("฿", &["THB"]),
    ("៛", &["KHR"]),
    ("৳", &["BDT"]),
    ("₦", &["NGN"]),
    ("₵", &["GHS"]),
    ("₡", &["CRC", "SVC"]),
    ("₲", &["PYG"]),
    ("؋", &["AFN"]),
    ("zł", &["PLN"]),
    ("kč", &["CZK"]),
    ("ft", &["HUF"]),
    ("лв", &["BGN"]),
    ("лв.", &["BGN"]),
    ("fr", &["CHF", "XAF", "XOF", "XPF", "BIF", "CDF", "DJF", "GNF", "KMF", "RWF"]),
    ("fr.", &["CHF", "XAF", "XOF", "XPF", "BIF", "CDF", "DJF", "GNF", "KMF", "RWF"]),
    ("sfr", &["CHF"]),
    ("sfr.", &["CHF"]),
    ("rp", &["IDR"]),
    ("rp.", &["IDR"]),
    ("rm", &["MYR"]),
    ("lei", &["RON", "MDL"]),
    ("ksh", &["KES"]),
    ("stg", &["GBP"]),
    ("£stg", &["GBP"]),
    ("dm", &["DEM"]),
];

/// Names of currencies, folded. Those of several currencies need a country.
const NAMES: &[(&str, &[&str])] = &[
    ("euro", &["EUR"]),
    ("euros", &["EUR"]),
    (
        "dollar",
        &[
            "USD", "AUD", "CAD", "NZD", "HKD", "SGD", "TWD", "BBD", "BMD", "BND", "BSD", "BZD", "FJD", "GYD", "JMD",
            "KYD", "LRD", "NAD", "SBD", "SRD", "TTD", "XCD",
        ],
    ),
    (
        "dollars",
        &[
            "USD", "AUD", "CAD", "NZD", "HKD", "SGD", "TWD", "BBD", "BMD", "BND", "BSD", "BZD", "FJD", "GYD", "JMD",
            "KYD", "LRD", "NAD", "SBD", "SRD", "TTD", "XCD",
        ],
    ),
    ("usdollar", &["USD"]),
    ("usdollars", &["USD"]),
    ("unitedstatesdollar", &["USD"]),
    ("americandollar", &["USD"]),
    ("canadiandollar", &["CAD"]),
    ("australiandollar", &["AUD"]),
    ("newzealanddollar", &["NZD"]),
    ("hongkongdollar", &["HKD"]),
    ("singaporedollar", &["SGD"]),
    ("newtaiwandollar", &["TWD"]),
    ("pound", &["GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"]),
    ("pounds", &["GBP", "EGP", "FKP", "GIP", "LBP", "SDG", "SHP", "SSP", "SYP"]),
    ("poundsterling", &["GBP"]),
    ("sterling", &["GBP"]),
    ("britishpound", &["GBP"]),
    ("yen", &["JPY"]),
    ("japaneseyen", &["JPY"]),
    ("yuan", &["CNY"]),
    ("renminbi", &["CNY"]),
    ("chineseyuan", &["CNY"]),
    ("won", &["KRW", "KPW"]),
    ("southkoreanwon", &["KRW"]),
    ("rupee", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("rupees", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("indianrupee", &["INR"]),
    ("lira", &["TRY", "ITL"]),
    ("turklirasi", &["TRY"]),
    ("turkishlira", &["TRY"]),
    ("rouble", &["RUB", "BYN"]),
    ("ruble", &["RUB", "BYN"]),
    ("russianruble", &["RUB"]),
    ("рубль", &["RUB", "BYN"]),
    ("franc", &["CHF", "XAF", "XOF", "XPF", "BIF", "CDF", "DJF", "GNF", "KMF", "RWF"]),
    ("francs", &["CHF", "XAF", "XOF", "XPF", "BIF", "CDF", "DJF", "GNF", "KMF", "RWF"]),
    ("swissfranc", &["CHF"]),
    ("schweizerfranken", &["CHF"]),
    ("krona", &["SEK", "ISK"]),
    ("swedishkrona", &["SEK"]),
    ("krone", &["NOK", "DKK"]),
    ("norwegiankrone", &["NOK"]),
    ("danishkrone", &["DKK"]),
    ("koruna", &["CZK", "SKK"]),
    ("czechkoruna", &["CZK"]),
    ("zloty", &["PLN"]),
    ("złoty", &["PLN"]),
    ("forint", &["HUF"]),
    ("leu", &["RON", "MDL"]),
    ("lev", &["BGN"]),
    ("hryvnia", &["UAH"]),
    ("shekel", &["ILS"]),
    ("rand", &["ZAR"]),
    ("real", &["BRL"]),
    ("reais", &["BRL"]),
    ("peso", &["MXN", "ARS", "CLP", "COP", "CUP", "DOP", "PHP", "UYU"]),
    ("pesos", &["MXN", "ARS", "CLP", "COP", "CUP", "DOP", "PHP", "UYU"]),
    ("mexicanpeso", &["MXN"]),
    ("dirham", &["AED", "MAD"]),
    ("dinar", &["BHD", "DZD", "IQD", "JOD", "KWD", "LYD", "RSD", "TND"]),
    ("riyal", &["SAR", "QAR"]),
    ("rial", &["IRR", "OMR", "YER"]),
    ("baht", &["THB"]),
    ("dong", &["VND"]),
    ("ringgit", &["MYR"]),
    ("rupiah", &["IDR"]),
    ("naira", &["NGN"]),
    ("cedi", &["GHS"]),
    ("tenge", &["KZT"]),
    ("lari", &["GEL"]),
    ("deutschemark", &["DEM"]),
];

/// The code of a currency that a text names. One that could be several is one only where the country has it, or where
/// the code of one of them is given. None for any other text.
pub(super) fn normalize(text: &str, country: Option<&Country>, code: Option<&str>) -> Option<&'static str> {
    match candidates(text)? {
        Found::Code(code) => Some(code),
        Found::Several(codes) => match codes {
            [only] => Some(*only),
            codes => codes
                .iter()
                .find(|candidate| code == Some(**candidate))
                .or_else(|| country?.currencies.iter().find(|currency| codes.contains(currency)))
                .copied(),
        },
    }
}

/// Whether a text is a currency's code, symbol or abbreviation, as it stands beside an amount.
pub(in crate::functions::clean) fn is_money(text: &str) -> bool {
    let text = tidy(text);
    code_of(&text).is_some() || symbol_of(&text).is_some()
}

/// The code that a text is, in any case.
pub(super) fn code_of(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.len() != 3 {
        return None;
    }
    let code = text.to_ascii_uppercase();
    CODES.iter().chain(WITHDRAWN).find(|known| **known == code).copied()
}

enum Found {
    Code(&'static str),
    Several(&'static [&'static str]),
}

fn candidates(text: &str) -> Option<Found> {
    let tidy = tidy(text);
    if let Some(code) = code_of(&tidy) {
        return Some(Found::Code(code));
    }
    if let Some(codes) = symbol_of(&tidy) {
        return Some(Found::Several(codes));
    }
    let name = words(&tidy).concat();
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, codes)| Found::Several(codes))
}

fn symbol_of(tidy: &str) -> Option<&'static [&'static str]> {
    let symbol: String = tidy.to_lowercase().split_whitespace().collect();
    SYMBOLS.iter().find(|(known, _)| *known == symbol).map(|(_, codes)| *codes)
}

#[cfg(test)]
mod tests {
    use super::super::data::COUNTRIES;
    use super::*;

    #[test]
    fn tables_know_each_other() {
        assert!(CODES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(WITHDRAWN.windows(2).all(|pair| pair[0] < pair[1]));
        let known = |code: &str| code_of(code).is_some();
        for country in COUNTRIES {
            assert!(country.currencies.iter().all(|code| known(code)), "{}", country.alpha2);
            let first = country.currencies.first();
            assert!(first.is_none_or(|first| CODES.contains(first)), "{} pays in {first:?}", country.alpha2);
        }
        for (symbol, codes) in SYMBOLS {
            assert!(codes.iter().all(|code| known(code)), "{symbol}");
            assert_eq!(symbol_of(&tidy(symbol)), Some(*codes), "{symbol}");
        }
        for (name, codes) in NAMES {
            assert!(codes.iter().all(|code| known(code)), "{name}");
            assert!(candidates(name).is_some(), "{name}");
        }
    }
}
