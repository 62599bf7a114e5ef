//! The words that names, streets and places are made of, by country.

/// A word in its own script and as a system that knows only A to Z writes it.
pub type Word = (&'static str, &'static str);

/// One country's people and places.
#[derive(Debug)]
pub struct Culture {
    /// ISO 3166-1 alpha-2.
    pub iso2: &'static str,
    /// ISO 3166-1 alpha-3.
    pub iso3: &'static str,
    /// Its English name.
    pub country: &'static str,
    /// The country calling code, without `+`.
    pub dial: &'static str,
    /// What stands before a national number; empty for none.
    pub trunk: &'static str,
    /// How mobile numbers begin.
    pub mobile: &'static [&'static str],
    /// How many digits follow that.
    pub subscriber_digits: usize,
    /// Whether the family name comes first, without a space.
    pub family_first: bool,
    /// Given names.
    pub given: &'static [Word],
    /// Family names.
    pub family: &'static [Word],
    /// Streets; `{}` is the house number.
    pub streets: &'static [&'static str],
    /// Cities with their postcodes; `#` is a digit, `@` a letter.
    pub cities: &'static [Word],
    /// How hurried people shorten a word of a street.
    pub short: Word,
    /// Of a hundred customers, how many live here.
    pub percent: u32,
}

/// Every country of the example; the percentages add up to 100.
#[rustfmt::skip]
pub static CULTURES: [Culture; 5] = [
    Culture {
        iso2: "DE", iso3: "DEU", country: "Germany", dial: "49", trunk: "0",
        mobile: &["170", "171", "175"], subscriber_digits: 7, family_first: false,
        given: &[
            ("Jürgen", "Juergen"), ("Käthe", "Kaethe"), ("Anna", "Anna"), ("Björn", "Bjoern"), ("Sabine", "Sabine"),
            ("Sören", "Soeren"), ("Lena", "Lena"), ("Jörg", "Joerg"), ("Ulrike", "Ulrike"), ("Günter", "Guenter"),
            ("Hannah", "Hannah"), ("Matthias", "Matthias"), ("Martina", "Martina"), ("Felix", "Felix"),
            ("Rüdiger", "Ruediger"), ("Lukas", "Lukas"), ("Bärbel", "Baerbel"), ("Thomas", "Thomas"),
        ],
        family: &[
            ("Müller", "Mueller"), ("Weiß", "Weiss"), ("Schröder", "Schroeder"), ("Jäger", "Jaeger"),
            ("Großmann", "Grossmann"), ("Köhler", "Koehler"), ("Schmidt", "Schmidt"), ("Böhm", "Boehm"),
            ("Wagner", "Wagner"), ("Krüger", "Krueger"), ("Hoffmann", "Hoffmann"), ("Vogel", "Vogel"),
            ("Brandt", "Brandt"), ("Lorenz", "Lorenz"), ("Kästner", "Kaestner"), ("Peters", "Peters"),
            ("Öhler", "Oehler"), ("Schulze-Lange", "Schulze-Lange"),
        ],
        streets: &[
            "Lindenstraße {}", "Goethestraße {}", "Bahnhofstraße {}", "Gartenstraße {}", "Am Mühlbach {}",
            "Schillerplatz {}", "Bergstraße {}", "Rosenweg {}",
        ],
        cities: &[
            ("Berlin", "10###"), ("München", "80###"), ("Köln", "50###"), ("Dresden", "01###"), ("Hamburg", "20###"),
            ("Nürnberg", "90###"), ("Leipzig", "04###"),
        ],
        short: ("straße", "str."), percent: 30,
    },
    Culture {
        iso2: "GB", iso3: "GBR", country: "United Kingdom", dial: "44", trunk: "0",
        mobile: &["7400", "7312", "7712"], subscriber_digits: 6, family_first: false,
        given: &[
            ("Liam", "Liam"), ("Charlotte", "Charlotte"), ("Oliver", "Oliver"), ("Amelia", "Amelia"),
            ("Harry", "Harry"), ("Grace", "Grace"), ("George", "George"), ("Siân", "Sian"), ("Thomas", "Thomas"),
            ("Eleanor", "Eleanor"), ("Rhys", "Rhys"), ("Imogen", "Imogen"), ("Arthur", "Arthur"), ("Zoë", "Zoe"),
            ("Edward", "Edward"), ("Poppy", "Poppy"), ("Callum", "Callum"), ("Beatrice", "Beatrice"),
        ],
        family: &[
            ("O'Brien", "O'Brien"), ("Clarke", "Clarke"), ("O'Neill", "O'Neill"), ("Wright", "Wright"),
            ("Fletcher", "Fletcher"), ("Hughes", "Hughes"), ("Barnes", "Barnes"), ("Whitfield", "Whitfield"),
            ("Smith", "Smith"), ("Ashworth", "Ashworth"), ("Parker-Hill", "Parker-Hill"), ("Walker", "Walker"),
            ("Thornton", "Thornton"), ("Bennett", "Bennett"), ("Holloway", "Holloway"), ("Cooper", "Cooper"),
            ("Kavanagh", "Kavanagh"), ("Turner", "Turner"),
        ],
        streets: &[
            "{} High Street", "{} Station Road", "{} Mill Street", "{} Church Street", "{} Queen's Road",
            "{} King Street", "{} Orchard Close",
        ],
        cities: &[
            ("London", "N# #@@"), ("Leeds", "LS# #@@"), ("Bristol", "BS# #@@"), ("Manchester", "M# #@@"),
            ("Edinburgh", "EH# #@@"), ("King's Lynn", "PE## #@@"),
        ],
        short: ("Street", "St."), percent: 25,
    },
    Culture {
        iso2: "FR", iso3: "FRA", country: "France", dial: "33", trunk: "0",
        mobile: &["612", "620", "671"], subscriber_digits: 6, family_first: false,
        given: &[
            ("Émilie", "Emilie"), ("François", "Francois"), ("Zoé", "Zoe"), ("Jérôme", "Jerome"),
            ("Hélène", "Helene"), ("Luc", "Luc"), ("Océane", "Oceane"), ("Antoine", "Antoine"), ("Chloé", "Chloe"),
            ("Benoît", "Benoit"), ("Camille", "Camille"), ("Noémie", "Noemie"), ("Thibault", "Thibault"),
            ("Inès", "Ines"), ("Margaux", "Margaux"), ("Jean-Luc", "Jean-Luc"), ("Anaïs", "Anais"),
            ("Gaël", "Gael"),
        ],
        family: &[
            ("Lefèvre", "Lefevre"), ("Dubois", "Dubois"), ("Béranger", "Beranger"), ("Moreau", "Moreau"),
            ("Garçon", "Garcon"), ("Fournier", "Fournier"), ("Noël", "Noel"), ("Chevalier", "Chevalier"),
            ("L'Hôte", "L'Hote"), ("Perrin", "Perrin"), ("Mercier", "Mercier"), ("Lemaître", "Lemaitre"),
            ("Rousseau", "Rousseau"), ("Gauthier", "Gauthier"), ("Delorme", "Delorme"), ("Hébert", "Hebert"),
            ("Caron", "Caron"), ("Prévost", "Prevost"),
        ],
        streets: &[
            "{} rue des Lilas", "{} avenue Victor Hugo", "{} boulevard Voltaire", "{} rue de l'Église",
            "{} boulevard de la Gare", "{} place du Marché",
        ],
        cities: &[
            ("Paris", "750##"), ("Lyon", "6900#"), ("Marseille", "130##"), ("Nîmes", "30###"),
            ("Saint-Étienne", "42###"), ("Lille", "59###"),
        ],
        short: ("boulevard", "bd"), percent: 20,
    },
    Culture {
        iso2: "TR", iso3: "TUR", country: "Turkey", dial: "90", trunk: "0",
        mobile: &["530", "532", "542"], subscriber_digits: 7, family_first: false,
        given: &[
            ("Gül", "Gul"), ("İbrahim", "Ibrahim"), ("Ayşe", "Ayse"), ("Çağla", "Cagla"), ("Mehmet", "Mehmet"),
            ("Işıl", "Isil"), ("Şükrü", "Sukru"), ("Özge", "Ozge"), ("Emre", "Emre"), ("Zeynep", "Zeynep"),
            ("Yiğit", "Yigit"), ("Ömer", "Omer"), ("Elif", "Elif"), ("Kerem", "Kerem"), ("Tuğba", "Tugba"),
            ("Deniz", "Deniz"),
        ],
        family: &[
            ("Şahin", "Sahin"), ("Yıldız", "Yildiz"), ("Öztürk", "Ozturk"), ("Çelik", "Celik"), ("Güneş", "Gunes"),
            ("Doğan", "Dogan"), ("Kılıç", "Kilic"), ("Aydın", "Aydin"), ("Arslan", "Arslan"), ("Şimşek", "Simsek"),
            ("Yılmaz", "Yilmaz"), ("Aksoy", "Aksoy"), ("Erdem", "Erdem"), ("Uçar", "Ucar"), ("Demir", "Demir"),
            ("Taşkın", "Taskin"),
        ],
        streets: &["Çınar Sokak {}", "Atatürk Caddesi {}", "Gül Sokak {}", "Deniz Sokak {}", "İnönü Caddesi {}"],
        cities: &[
            ("İstanbul", "34###"), ("Ankara", "06###"), ("İzmir", "35###"), ("Muğla", "48###"), ("Bursa", "16###"),
        ],
        short: ("Caddesi", "Cad."), percent: 13,
    },
    Culture {
        iso2: "CN", iso3: "CHN", country: "China", dial: "86", trunk: "",
        mobile: &["138", "139", "186"], subscriber_digits: 8, family_first: true,
        given: &[
            ("伟", "Wei"), ("芳", "Fang"), ("秀英", "Xiuying"), ("娜", "Na"), ("敏", "Min"), ("静", "Jing"),
            ("强", "Qiang"), ("磊", "Lei"), ("洋", "Yang"), ("艳", "Yan"), ("勇", "Yong"), ("杰", "Jie"),
            ("娟", "Juan"), ("涛", "Tao"), ("明", "Ming"), ("建国", "Jianguo"),
        ],
        family: &[
            ("张", "Zhang"), ("王", "Wang"), ("李", "Li"), ("刘", "Liu"), ("陈", "Chen"), ("杨", "Yang"),
            ("赵", "Zhao"), ("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("徐", "Xu"), ("孙", "Sun"), ("马", "Ma"),
            ("朱", "Zhu"), ("胡", "Hu"), ("欧阳", "Ouyang"),
        ],
        streets: &["南京路{}号", "人民路{}号", "中山路{}号", "解放大道{}号", "建设路{}号"],
        cities: &[("北京", "1000##"), ("上海", "2000##"), ("广州", "5100##"), ("成都", "6100##"), ("杭州", "3100##")],
        short: ("大道", "道"), percent: 12,
    },
];

/// What kind of customer someone is.
pub const SEGMENTS: [&str; 4] = ["private", "business", "public", "partner"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_add_up_and_latin_is_latin() {
        assert_eq!(CULTURES.iter().map(|c| c.percent).sum::<u32>(), 100);
        for culture in &CULTURES {
            assert!(culture.given.iter().chain(culture.family).all(|(_, latin)| latin.is_ascii()));
            assert!(culture.streets.iter().all(|street| street.matches("{}").count() == 1));
        }
    }
}
