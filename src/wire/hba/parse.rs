//! How the file is written: a rule a line, in the columns of `pg_hba.conf`.

use std::path::Path;

use super::address::{Address, Net};
use super::rule::{Channel, Method, Name, Rule, Rules};
use crate::error::{Error, Result, SqlState};

/// What a line is made of: what stands between blanks, at commas in it.
type Field = Vec<Word>;

/// A name or a word; a quoted one is never a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }
}

/// What is wrong with a line, and what to do about it.
struct Wrong {
    message: String,
    hint: String,
}

fn wrong(message: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), hint: hint.into() }
}

/// Reads a file of rules. The first line that is wrong is an error (F0000) with its place.
pub(in crate::wire) fn load(path: &Path) -> Result<Rules> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(SqlState::CONFIG_FILE_ERROR, format!("could not read \"{}\"", path.display()))
            .with_detail(format!("{error}."))
    })?;
    let rules = parse(&text).map_err(|(line, wrong)| {
        Error::new(SqlState::CONFIG_FILE_ERROR, format!("{}:{line}: {}", path.display(), wrong.message))
            .with_hint(wrong.hint)
    })?;
    if rules.0.is_empty() {
        return Err(Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{}\" holds no rule", path.display()))
            .with_detail("Nobody could connect.")
            .with_hint("Write a line such as: hostssl all all 10.0.0.0/8 scram-sha-256"));
    }
    Ok(rules)
}

fn parse(text: &str) -> std::result::Result<Rules, (usize, Wrong)> {
    let mut rules = vec![];
    let mut lines = text.lines().zip(1usize..);
    while let Some((line, number)) = lines.next() {
        let mut whole = line.to_string();
        // As in Postgres a line goes on after a backslash at its end.
        while let Some(begun) = whole.strip_suffix('\\').map(str::to_string) {
            whole = begun + lines.next().map_or("", |(line, _)| line);
        }
        let fields = fields(&whole).map_err(|wrong| (number, wrong))?;
        if !fields.is_empty() {
            rules.push(rule(&fields, number).map_err(|wrong| (number, wrong))?);
        }
    }
    Ok(Rules(rules))
}

/// Splits a line at blanks, and each field at commas. A comment ends it.
fn fields(line: &str) -> std::result::Result<Vec<Field>, Wrong> {
    let mut fields: Vec<Field> = vec![];
    let mut rest = line.chars().peekable();
    // Whether what comes belongs to the field before: a comma stood there.
    let mut goes_on = false;
    while let Some(next) = rest.peek().copied() {
        match next {
            '#' => break,
            ',' => {
                rest.next();
                if fields.is_empty() || goes_on {
                    return Err(wrong("a name is missing before a comma", "Write names as a,b without blanks."));
                }
                goes_on = true;
            }
            blank if blank.is_whitespace() => {
                rest.next();
            }
            _ => {
                let word = word(&mut rest)?;
                match fields.last_mut() {
                    Some(field) if goes_on => field.push(word),
                    _ => fields.push(vec![word]),
                }
                goes_on = false;
            }
        }
    }
    if goes_on {
        return Err(wrong("a name is missing after a comma", "Write names as a,b without blanks."));
    }
    Ok(fields)
}

fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> std::result::Result<Word, Wrong> {
    let mut word = Word { text: String::new(), quoted: false };
    while let Some(next) = rest.peek().copied() {
        match next {
            '"' => {
                rest.next();
                word.quoted = true;
                loop {
                    match rest.next() {
                        // A quote in a name is written twice.
                        Some('"') if rest.peek() == Some(&'"') => {
                            rest.next();
                            word.text.push('"');
                        }
                        Some('"') => break,
                        Some(character) => word.text.push(character),
                        None => return Err(wrong("a quoted name has no end", "Close it with a quote.")),
                    }
                }
            }
            ',' | '#' => break,
            blank if blank.is_whitespace() => break,
            character => {
                rest.next();
                word.text.push(character);
            }
        }
    }
    Ok(word)
}

const FORM: &str = "A line is: host|hostssl|hostnossl DATABASE USER ADDRESS METHOD";

fn rule(fields: &[Field], line: usize) -> std::result::Result<Rule, Wrong> {
    let [kind, databases, users, address, rest @ ..] = fields else {
        return Err(wrong("the line is too short", FORM));
    };
    let channel = channel(one(kind)?)?;
    let databases = databases.iter().map(database).collect::<std::result::Result<Vec<_>, _>>()?;
    let users = users.iter().map(user).collect::<std::result::Result<Vec<_>, _>>()?;
    let written = one(address)?;
    let (address, rest) = match rest {
        [mask, rest @ ..] if is_address(written) => {
            let mask = one(mask)?;
            let net = Net::masked(&written.text, &mask.text);
            let net = net.ok_or_else(|| {
                wrong(
                    format!("\"{}\" with the mask \"{}\" is no network", written.text, mask.text),
                    "Write a network as 10.0.0.0/8, with no bits set behind the prefix.",
                )
            })?;
            (Address::Net(net), rest)
        }
        rest => (place(written)?, rest),
    };
    let [method, options @ ..] = rest else { return Err(wrong("the method is missing", FORM)) };
    let method = self::method(one(method)?)?;
    if let Some(option) = options.first().and_then(|option| option.first()) {
        return Err(wrong(
            format!("option \"{}\" is not known", option.text),
            "A line ends with its method; no method has options.",
        ));
    }
    match (method, channel) {
        (Method::Password, Channel::Any | Channel::Plain) => Err(wrong(
            "a password would be sent in clear",
            "Use hostssl with the method password, or the method scram-sha-256.",
        )),
        (Method::Certificate, Channel::Any | Channel::Plain) => {
            Err(wrong("cert authentication is only supported on hostssl connections", "Write hostssl."))
        }
        _ => Ok(Rule { line, channel, databases, users, address, method }),
    }
}

fn one(field: &Field) -> std::result::Result<&Word, Wrong> {
    match field.as_slice() {
        [word] => Ok(word),
        [first, ..] => Err(wrong(format!("\"{}\" must stand alone", first.text), FORM)),
        [] => Err(wrong("the line is too short", FORM)),
    }
}

fn channel(word: &Word) -> std::result::Result<Channel, Wrong> {
    match word.text.as_str() {
        _ if word.quoted => {}
        "host" => return Ok(Channel::Any),
        "hostssl" => return Ok(Channel::Encrypted),
        "hostnossl" => return Ok(Channel::Plain),
        "local" => {
            return Err(wrong("connection type \"local\" is not supported", "There is no Unix socket: leave it out."));
        }
        _ => {}
    }
    Err(wrong(format!("invalid connection type \"{}\"", word.text), FORM))
}

fn database(word: &Word) -> std::result::Result<Name, Wrong> {
    match word.text.as_str() {
        _ if word.quoted => {}
        "all" => return Ok(Name::All),
        "sameuser" => return Ok(Name::SameUser),
        "samerole" | "samegroup" => return Ok(Name::SameRole),
        "replication" => {
            return Err(wrong(
                format!("database \"{}\" is not supported", word.text),
                "Name databases, or write all; a database of that name is written in quotes.",
            ));
        }
        _ => {}
    }
    name(word)
}

fn user(word: &Word) -> std::result::Result<Name, Wrong> {
    if word.is("all") {
        return Ok(Name::All);
    }
    if !word.quoted
        && let Some(role) = word.text.strip_prefix('+')
    {
        if role.is_empty() {
            return Err(wrong("\"+\": a role is missing", "Write the role behind the +, without a space."));
        }
        return Ok(Name::Member(role.to_string()));
    }
    name(word)
}

fn name(word: &Word) -> std::result::Result<Name, Wrong> {
    if !word.quoted && word.text.starts_with(['@', '/']) {
        return Err(wrong(
            format!("\"{}\": files and regular expressions are not supported", word.text),
            "Write the names, separated by commas.",
        ));
    }
    if word.text.is_empty() {
        return Err(wrong("an empty name", FORM));
    }
    Ok(Name::Is(word.text.clone()))
}

fn is_address(word: &Word) -> bool {
    word.text.parse::<std::net::IpAddr>().is_ok()
}

fn place(word: &Word) -> std::result::Result<Address, Wrong> {
    match word.text.as_str() {
        _ if word.quoted => {}
        "all" => return Ok(Address::All),
        "samehost" => return Ok(Address::SameHost),
        "samenet" => {
            return Err(wrong("address \"samenet\" is not supported", "Write the network, such as 10.0.0.0/8."));
        }
        _ => {}
    }
    if let Some(net) = Net::parse(&word.text) {
        return Ok(Address::Net(net));
    }
    Err(wrong(
        format!("\"{}\" is no network", word.text),
        "Write all, samehost or a network such as 10.0.0.0/8 or ::1/128, with no bits set behind the prefix; names of hosts are not supported.",
    ))
}

fn method(word: &Word) -> std::result::Result<Method, Wrong> {
    let methods = "The methods are scram-sha-256, cert, password, trust and reject.";
    match word.text.as_str() {
        _ if word.quoted => {}
        "trust" => return Ok(Method::Trust),
        "reject" => return Ok(Method::Reject),
        "scram-sha-256" => return Ok(Method::Scram),
        "password" => return Ok(Method::Password),
        "cert" => return Ok(Method::Certificate),
        _ => {}
    }
    Err(wrong(format!("invalid authentication method \"{}\"", word.text), methods))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::rule::Knock;
    use super::*;

    fn knock<'a>(
        user: &'a str,
        roles: &'a BTreeSet<String>,
        database: &'a str,
        peer: &str,
        encrypted: bool,
    ) -> Knock<'a> {
        Knock { user, roles, database, peer: peer.parse().unwrap(), local: "192.168.1.1".parse().unwrap(), encrypted }
    }

    #[test]
    fn members_of_roles() {
        let text = "host samerole all all trust\nhost all +staff,\"+odd\" all cert\nhost all all all reject";
        let rules = parse(&text.replace("cert", "scram-sha-256")).map_err(|(_, wrong)| wrong.message).unwrap();
        let decide = |user: &str, roles: &[&str], database: &str| {
            let roles = roles.iter().chain([&user]).map(ToString::to_string).collect();
            rules
                .decide(&knock(user, &roles, database, "10.0.0.1", false))
                .map(|found| found.line)
                .map_err(|e| e.state())
        };
        assert_eq!(decide("ayşe", &["staff", "sales"], "sales"), Ok(1));
        assert_eq!(decide("ayşe", &["staff", "sales"], "onerow"), Ok(2));
        assert_eq!(decide("staff", &[], "onerow"), Ok(2));
        // In quotes it is a name, and so are databases.
        assert_eq!(decide("+odd", &[], "onerow"), Ok(2));
        assert_eq!(decide("bob", &["Staff"], "onerow"), Err(SqlState::INVALID_AUTHORIZATION));
    }

    #[test]
    fn the_first_rule_counts() {
        let text = "# who may come in\n\
            host all onerow,\"all\" 127.0.0.1/32 trust # the owner\n\
            hostssl onerow , other \"张 \"\"三\"\"\" 10.0.0.0 255.0.0.0 cert\n\
            \n\
            host all Bob all reject\n\
            hostnossl sameuser \\\n  all samehost scram-sha-256\n\
            hostssl\tall\tall\t::/0\tpassword";
        let rules = parse(text).map_err(|(line, wrong)| format!("{line} {}", wrong.message)).unwrap();
        let decide = |user: &str, database: &str, peer: &str, encrypted: bool| match rules.decide(&knock(
            user,
            &BTreeSet::from([user.to_string()]),
            database,
            peer,
            encrypted,
        )) {
            Ok(decision) => format!("{:?} {}", decision.method, decision.line),
            Err(error) => format!("{} {}", error.state(), error.message()),
        };
        assert_eq!(decide("onerow", "onerow", "127.0.0.1", false), "Trust 2");
        // In quotes `all` is a name.
        assert_eq!(decide("all", "onerow", "127.0.0.1", true), "Trust 2");
        assert_eq!(decide("张 \"三\"", "other", "10.9.9.9", true), "Certificate 3");
        assert_eq!(
            decide("张 \"三\"", "other", "10.9.9.9", false),
            "28000 no pg_hba.conf entry for host \"10.9.9.9\", user \"张 \"三\"\", database \"other\", no encryption"
        );
        assert_eq!(
            decide("Bob", "Bob", "::1", true),
            "28000 pg_hba.conf rejects connection for host \"::1\", user \"Bob\", database \"Bob\", SSL encryption"
        );
        // Names are taken as they are written.
        assert_eq!(decide("bob", "bob", "::1", false), "Scram 6");
        assert_eq!(decide("bob", "onerow", "2001:db8::1", true), "Password 8");
        assert_eq!(rules.trusting(), Some(2));
        assert_eq!((rules.certifying(), rules.encrypting()), (Some(3), Some(3)));
    }

    /// A word of a line, or what no line should hold.
    fn word() -> impl Strategy<Value = String> {
        let known = [
            "host",
            "hostssl",
            "hostnossl",
            "all",
            "sameuser",
            "samehost",
            "127.0.0.1/32",
            "::1/128",
            "10.0.0.0",
            "255.0.0.0",
            "trust",
            "reject",
            "scram-sha-256",
            "cert",
            "password",
            "\"",
            "\"a b\"",
            ",",
            "#",
            "\\",
            "\n",
            "\t",
            "\0",
            "+a",
            "@b",
            "/^c",
            "10.0.0.0/-1",
            "::/129",
            "=",
            "a=b",
        ];
        prop_oneof![3 => proptest::sample::select(known.map(str::to_string).to_vec()), 1 => "\\PC{0,6}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_rules_or_a_line_that_is_wrong(words in proptest::collection::vec((word(), " ?"), 0..24)) {
            let text: String = words.into_iter().map(|(word, blank)| word + &blank).collect();
            match parse(&text) {
                Ok(rules) => {
                    let _ = rules.decide(&knock("onerow", &BTreeSet::from(["a".to_string()]), "onerow", "127.0.0.1", true));
                }
                Err((line, wrong)) => {
                    prop_assert!(line >= 1 && line <= text.lines().count().max(1), "{line} of {text:?}");
                    prop_assert!(!wrong.message.is_empty() && !wrong.hint.is_empty());
                }
            }
        }
    }

    /// Those that are kept: each is told of as one line that is wrong, or is rules.
    #[test]
    fn kept_files_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/hba");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if let Err(error) = load(&path) {
                assert_eq!(error.state(), SqlState::CONFIG_FILE_ERROR, "{}", path.display());
            }
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn wrong_lines_are_refused() {
        for (line, expected) in [
            ("host all all 127.0.0.1/32", "the method is missing"),
            ("host all all", "the line is too short"),
            ("local all all trust", "connection type \"local\" is not supported"),
            ("hostgssenc all all all trust", "invalid connection type \"hostgssenc\""),
            ("host all + all scram-sha-256", "a role is missing"),
            ("host all @users all scram-sha-256", "files and regular expressions are not supported"),
            ("host replication all all scram-sha-256", "database \"replication\" is not supported"),
            ("host all all all md5", "invalid authentication method \"md5\""),
            ("host all all all \"trust\"", "invalid authentication method \"trust\""),
            ("host all all all password", "a password would be sent in clear"),
            ("host all all all cert", "only supported on hostssl"),
            ("host all all 10.0.0.1/8 reject", "\"10.0.0.1/8\" is no network"),
            ("host all all 10.0.0.1 255.0.0.0 reject", "is no network"),
            ("host all all 10.0.0.1 reject", "is no network"),
            ("host all all example.com reject", "\"example.com\" is no network"),
            ("host all all samenet reject", "\"samenet\" is not supported"),
            ("hostssl all all all cert clientcert=verify-full", "option \"clientcert=verify-full\" is not known"),
            ("host all \"open all reject", "a quoted name has no end"),
            ("host all a, all reject # x", "\"reject\" is no network"),
            ("host ,a all reject", "the line is too short"),
            ("host all a,,b all reject", "a name is missing"),
            ("host all \"\" all reject", "an empty name"),
            ("host,hostssl all all all reject", "must stand alone"),
        ] {
            let text = format!("# first\n{line}\n");
            let Err((number, wrong)) = parse(&text) else { panic!("{line}") };
            assert_eq!(number, 2, "{line}");
            assert!(wrong.message.contains(expected), "{line}: {}", wrong.message);
            assert!(!wrong.hint.is_empty());
        }
    }
}
