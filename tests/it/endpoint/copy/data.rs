//! Tables with ugly rows.

/// A column of every type, under both servers' names.
pub const ODD: &str = "CREATE TABLE odd (id int PRIMARY KEY, t text, n numeric(12,2), f float8, d date, ts timestamp,
    tz timestamptz, b boolean, y bytea, a int[], ta text[], j jsonb, js json, u uuid, v varchar(5), c char(3),
    s smallint, l bigint, r real, tm time, iv interval, na numeric(6,2)[])";

/// Rows of `odd` in text.
pub fn odd_text() -> Vec<u8> {
    let rows: [(&str, &str); 12] = [
        (
            "1\tplain\t1.5\t1.5\t2024-02-29\t2024-02-29 12:34:56.789\t2024-02-29 12:34:56+02\tt\t\\\\x00ff",
            "\t{1,NULL,3}\t{a,\"b c\",NULL}\t{\"b\": 1, \"a\": [1, 2]}\t{\"b\" : 1}\t00000000-0000-0000-0000-000000000007\tabc\tx\t1\t2\t0.1\t12:34:56\t1 mon 2 days 03:04:05\t{1,2.345}",
        ),
        (
            "2\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
            "\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
        (
            "3\t\\\\N\t9999999999.99\t-0\t9999-12-31\t9999-12-31 23:59:59.999999\t1900-01-01 00:00:00Z\tf\t\\\\x",
            "\t{}\t{}\t[]\tnull\tFFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\t\t\t-32768\t-9223372036854775808\t1e-30\t00:00:00\t-1 day\t{}",
        ),
        (
            "4\ttab\\there, comma; quote\" and 'single'\t-0.005\t1e300\t0001-01-01\t0001-01-01 00:00:00\t2024-07-01 00:00:00.5-11\tyes\tabc",
            "\t{-1}\t{\"\\\\\"quoted\\\\\"\",\"back\\\\\\\\slash\",\"\"}\t\"x\\\\ty\"\t\"\"\t00000000-0000-0000-0000-00000000000a\té\té\t32767\t9223372036854775807\t3.4e38\t23:59:59.999999\t1 year\t{-9999.99}",
        ),
        (
            "5\tline\\nfeed and\\rreturn\\r\\n\t0\tNaN\t1970-01-01\t1970-01-01 00:00:00.000001\t1970-01-01 00:00:00+00\toff\t\\\\134\\\\000",
            "\t{2147483647,-2147483648}\t{NULL,\"NULL\",null}\t{\"张\": \"ş\"}\t[1,  2]\t00000000-0000-0000-0000-00000000000b\tabcde\tabc\t0\t0\t-0\t12:00\t00:00:00.000001\t{NULL}",
        ),
        (
            "6\t\t1\tInfinity\t2000-01-01\t2000-01-01 00:00:00\t2000-01-01 00:00:00+00\t1\t\\\\xDEADBEEF",
            "\t\\N\t{\"a,b\",\"c{d}\"}\t1.50\t1.50\t00000000-0000-0000-0000-00000000000c\ta   \ta\t1\t1\t1\t01:02:03.4\t1-2\t\\N",
        ),
        (
            "7\t\\\\.\t1\t-Infinity\t2000-01-01\t2000-01-01 00:00:00\t2000-01-01 00:00:00+00\t0\t",
            "\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
        (
            "8\t张三 ve Şükrü İğne \u{1F600}\t1\t1\t\\N\t\\N\t\\N\t\\N\t\\N",
            "\t\\N\t{张三,\"Ş ü\"}\t{\"k\": \"\u{1F600}\"}\t\\N\t\\N\tŞükrü\tŞ\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
        (
            "9\t\\b\\f\\v\\x01\\101\\x7\\q\t1\t1\t\\N\t\\N\t\\N\t\\N\t\\N",
            "\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
        ("10\t \\N \t1\t1\t\\N\t\\N\t\\N\t\\N\t\\N", "\t\\N\t\\N\t\\N\t\\N\t\\N\t \t \t\\N\t\\N\t\\N\t\\N\t\\N\t\\N"),
        (
            "11\t\"\"\t1\t1\tinfinity\tinfinity\t-infinity\t\\N\t\\N",
            "\t\\N\t\\N\t\\N\t\\N\t\\N\t\"\"\t\"\"\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
        (
            "12\t\\xc3\\xa9\\303\\251\t1\t1\t\\N\t\\N\t\\N\t\\N\t\\N",
            "\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
        ),
    ];
    rows.iter().flat_map(|(first, second)| format!("{first}{second}\n").into_bytes()).collect()
}

/// A small table with keys and a default, and one without.
pub const SMALL: &str = "CREATE TABLE t (a int, b text);
    CREATE TABLE k (a int PRIMARY KEY, b varchar(3) NOT NULL, c numeric(4,2) DEFAULT 1.5, d text DEFAULT 'x,y',
        UNIQUE (b));
    CREATE TABLE other (d date, j jsonb, f float8, y bytea, arr int[], n numeric(5,2), v varchar(3), u uuid,
        c char(2))";

/// The signature and the empty header of the binary form.
pub const BINARY: &[u8] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";
