//! What is asked.

/// One question.
pub struct Line {
    pub name: &'static str,
    pub what: &'static str,
    pub here: &'static str,
    pub there: &'static str,
    /// A question that is asked here instead of DuckDB's.
    pub beside: Option<&'static str>,
    /// Whether both sides have to give the same.
    pub same: bool,
    /// How many times the memory would hold what it may use.
    pub share: Option<usize>,
}

const NEWEST: &str =
    "SELECT count(*), count(v), max(v) FROM (SELECT k, newest(name, seen) AS v FROM record GROUP BY k) t";
const ARG_MAX: &str =
    "SELECT count(*), count(v), max(v) FROM (SELECT k, arg_max(name, seen) AS v FROM record GROUP BY k) t";

const VIEW: &str = "SELECT count(*), max(name), max(email), max(phone), max(street), max(city), max(zip), max(country),
       max(segment), count(usual_city), count(usual_country), count(revenue), max(seen)
  FROM (SELECT k, newest(name, seen) AS name, newest(email, seen) AS email, newest(phone, seen) AS phone,
               newest(street, seen) AS street, newest(city, seen) AS city, newest(zip, seen) AS zip,
               newest(country, seen) AS country, newest(segment, seen) AS segment, majority(city) AS usual_city,
               majority(country) AS usual_country, weighted_avg(revenue, weight) AS revenue, max(seen)::text AS seen
          FROM record GROUP BY k) t";

const VIEW_THERE: &str = "SELECT count(*), max(name), max(email), max(phone), max(street), max(city), max(zip),
       max(country), max(segment), count(usual_city), count(usual_country), count(revenue), max(seen)
  FROM (SELECT k, arg_max(name, seen) AS name, arg_max(email, seen) AS email, arg_max(phone, seen) AS phone,
               arg_max(street, seen) AS street, arg_max(city, seen) AS city, arg_max(zip, seen) AS zip,
               arg_max(country, seen) AS country, arg_max(segment, seen) AS segment, mode(city) AS usual_city,
               mode(country) AS usual_country,
               sum(revenue * weight) / nullif(sum(weight) FILTER (WHERE revenue IS NOT NULL), 0) AS revenue,
               max(seen)::text AS seen
          FROM record GROUP BY k) t";

/// The view whose lineage is asked for: a record of each system makes a customer.
pub const CUSTOMER: &str = "SELECT k, newest(name, seen) AS name, newest(email, seen) AS email,
       newest(phone, seen) AS phone, newest(street, seen) AS street, newest(city, seen) AS city, newest(zip, seen) AS zip,
       newest(country, seen) AS country, newest(segment, seen) AS segment, majority(city) AS usual_city,
       majority(country) AS usual_country, weighted_avg(revenue, weight) AS revenue, max(seen) AS seen
  FROM person GROUP BY k";

/// Every column of what is asked, and one row.
const LINEAGE: &str = "SELECT count(k), count(column_name), count(value), count(source), count(record_id),
       count(observed_at), count(trust), count(*) FILTER (WHERE chosen), count(rule), count(tie_level), sum(candidates),
       sum(distinct_values), count(changed)
  FROM lineage('customer')";
const CUSTOMERS: &str = "SELECT count(k), count(name), count(email), count(phone), count(street), count(city),
       count(zip), count(country), count(segment), count(usual_city), count(usual_country), count(revenue), count(seen)
  FROM customer";

/// All of them.
pub fn all() -> Vec<Line> {
    let line = Line { name: "", what: "", here: "", there: "", beside: None, same: true, share: None };
    vec![
        Line { name: "newest", what: "newest(text, ts) beside arg_max", here: NEWEST, there: ARG_MAX, ..line },
        Line {
            name: "plain",
            what: "newest(text, ts) beside max(text)",
            here: NEWEST,
            beside: Some("SELECT count(*), count(v), max(v) FROM (SELECT k, max(name) AS v FROM record GROUP BY k) t"),
            same: false,
            ..line
        },
        Line {
            name: "majority",
            what: "majority(text) beside mode",
            here: "SELECT count(*), count(v) FROM (SELECT k, majority(city) AS v FROM record GROUP BY k) t",
            there: "SELECT count(*), count(v) FROM (SELECT k, mode(city) AS v FROM record GROUP BY k) t",
            ..line
        },
        Line {
            name: "weighted_avg",
            what: "weighted_avg(double, bigint) beside sum(v * w) / sum(w)",
            here: "SELECT count(*), count(v), round(max(v))
                     FROM (SELECT k, weighted_avg(revenue, weight) AS v FROM record GROUP BY k) t",
            there: "SELECT count(*), count(v), round(max(v))::bigint
                      FROM (SELECT k, sum(revenue * weight) / nullif(sum(weight) FILTER (WHERE revenue IS NOT NULL), 0)
                              AS v FROM record GROUP BY k) t",
            ..line
        },
        Line { name: "view", what: "a view of 12 merged columns", here: VIEW, there: VIEW_THERE, ..line },
        Line {
            name: "memory",
            what: "newest in a quarter of the memory",
            here: NEWEST,
            there: ARG_MAX,
            share: Some(4),
            ..line
        },
        Line {
            name: "memory_majority",
            what: "majority in a quarter of the memory",
            here: "SELECT count(*), count(v) FROM (SELECT k, majority(name) AS v FROM record GROUP BY k) t",
            there: "SELECT count(*), count(v) FROM (SELECT k, mode(name) AS v FROM record GROUP BY k) t",
            share: Some(4),
            ..line
        },
        Line {
            name: "lineage_one",
            what: "lineage of one customer of three systems beside the customer",
            here: "SELECT * FROM lineage('customer') WHERE k = 7",
            beside: Some("SELECT * FROM customer WHERE k = 7"),
            same: false,
            ..line
        },
        Line {
            name: "lineage_all",
            what: "lineage of all customers of three systems beside the view",
            here: LINEAGE,
            beside: Some(CUSTOMERS),
            same: false,
            ..line
        },
    ]
}
