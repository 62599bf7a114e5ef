// pgjdbc: java -cp postgresql.jar Jdbc.java. Every type, prepared statements, DatabaseMetaData, fetch size, batches, COPY, errors, cancel.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;

public class Jdbc {
    static final String SLOW =
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11";

    interface Call { void run() throws Exception; }

    static String failing(Call call) throws Exception {
        try {
            call.run();
            return "no error";
        } catch (SQLException error) {
            String said = error.getMessage().split("\n")[0].split(": expected ")[0];
            return error.getSQLState() + " " + said;
        }
    }

    static String shown(Object value) throws SQLException {
        if (value instanceof byte[] bytes) return HexFormat.of().formatHex(bytes);
        if (value instanceof java.sql.Array array) return Arrays.deepToString((Object[]) array.getArray());
        return String.valueOf(value);
    }

    static List<String> rows(ResultSet found, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        ResultSetMetaData data = found.getMetaData();
        while (found.next()) {
            StringJoiner row = new StringJoiner("|");
            if (columns.length > 0) {
                for (String column : columns) row.add(shown(found.getObject(column)));
            } else {
                for (int i = 1; i <= data.getColumnCount(); i++) row.add(shown(found.getObject(i)));
            }
            if (!row.toString().contains("_written")) rows.add(row.toString());
        }
        return rows;
    }

    static void show(Object... values) {
        StringJoiner line = new StringJoiner(" ");
        for (Object value : values) line.add(String.valueOf(value));
        System.out.println(line);
    }

    static void all(String what, ResultSet found, String... columns) throws SQLException {
        show("--", what);
        rows(found, columns).forEach(System.out::println);
    }

    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        Properties with = new Properties();
        with.put("user", System.getenv("PGUSER"));
        with.put("password", System.getenv("PGPASSWORD"));
        with.put("ApplicationName", "a client");
        with.put("prepareThreshold", "2");
        try (Connection client = DriverManager.getConnection(url, with)) {
            types(client);
            use(client);
            metadata(client);
            errors(client);
        }
        with.put("preferQueryMode", "simple");
        try (Connection client = DriverManager.getConnection(url, with)) {
            try (PreparedStatement one = client.prepareStatement("SELECT id, name FROM person WHERE id > ? ORDER BY id")) {
                one.setInt(1, 3);
                show("simple", rows(one.executeQuery()));
            }
            client.setReadOnly(true);
            client.setAutoCommit(false);
            show(failing(() -> client.createStatement().executeUpdate("DELETE FROM person")));
            client.rollback();
        }
    }

    static void types(Connection client) throws Exception {
        for (int round = 0; round < 4; round++) {  // text first, binary once it is prepared
            try (PreparedStatement every = client.prepareStatement("SELECT * FROM every_type ORDER BY id")) {
                ResultSet found = every.executeQuery();
                ResultSetMetaData data = found.getMetaData();
                for (int i = 1; round == 0 && i <= data.getColumnCount(); i++) {
                    show(data.getColumnName(i), data.getColumnLabel(i), data.getColumnType(i), data.getColumnTypeName(i),
                        data.getColumnClassName(i), data.getPrecision(i), data.getScale(i), data.getColumnDisplaySize(i),
                        data.isSigned(i));
                }
                rows(found).forEach(System.out::println);
            }
        }
        Object[][] values = {
            {"int", 7}, {"bigint", Long.MAX_VALUE}, {"numeric(20,4)", new BigDecimal("1.5")}, {"text", "it's 张三"}, {"boolean", true},
            {"float8", 0.1}, {"real", 0.5f}, {"date", java.time.LocalDate.of(1969, 7, 20)}, {"uuid", UUID.fromString("00000000-0000-0000-0000-000000000007")},
            {"timestamp", java.time.LocalDateTime.of(9999, 12, 31, 23, 59)}, {"time", java.time.LocalTime.of(23, 59, 59)},
            {"timestamptz", java.time.OffsetDateTime.parse("2024-02-29T12:00:00+05:30")}, {"bytea", new byte[] {0, -1}},
            {"int[]", client.createArrayOf("integer", new Integer[] {1, null, 3})},
            {"text[]", client.createArrayOf("text", new String[] {"a", "b\"", null})},
        };
        for (Object[] value : values) {
            for (int round = 0; round < 3; round++) {
                try (PreparedStatement one = client.prepareStatement("SELECT ?::" + value[0] + " AS v")) {
                    one.setObject(1, value[1]);
                    show(value[0], rows(one.executeQuery()));
                }
            }
        }
        try (PreparedStatement one = client.prepareStatement("SELECT id FROM person WHERE (? IS NULL OR city = ?) AND name = ANY (?) ORDER BY id")) {
            one.setNull(1, Types.VARCHAR);
            one.setNull(2, Types.VARCHAR);
            one.setArray(3, client.createArrayOf("text", new String[] {"Ann", "张三"}));
            show(rows(one.executeQuery()));
            show(one.getParameterMetaData().getParameterTypeName(2), one.getMetaData().getColumnTypeName(1));
        }
        try (PreparedStatement one = client.prepareStatement("SELECT {fn ucase(name)}, {fn char_length(name)}, {d '2024-01-01'} FROM person WHERE id = ? LIMIT ?")) {
            one.setLong(1, 1);
            one.setInt(2, 5);
            show(rows(one.executeQuery()));
        }
    }

    static void use(Connection client) throws Exception {
        Statement plain = client.createStatement();
        plain.execute("CREATE TABLE jdbc_written (id int PRIMARY KEY, v text, at timestamptz)");
        try (PreparedStatement put = client.prepareStatement("INSERT INTO jdbc_written VALUES (?, ?, ?)")) {
            for (int i = 0; i < 300; i++) {
                put.setInt(1, i);
                put.setString(2, i % 3 == 0 ? null : "v" + i);
                put.setTimestamp(3, new Timestamp(0));
                put.addBatch();
            }
            show("batch", Arrays.stream(put.executeBatch()).sum());
        }
        show(plain.executeUpdate("UPDATE jdbc_written SET v = 'new' WHERE id < 5"), plain.executeLargeUpdate("DELETE FROM jdbc_written WHERE id > 290"));
        boolean more = plain.execute("SELECT 1; SELECT 2");
        show(more, rows(plain.getResultSet()), plain.getMoreResults(), rows(plain.getResultSet()));
        plain.setMaxRows(7);
        show(rows(plain.executeQuery("SELECT id FROM jdbc_written ORDER BY id")).size());
        plain.setMaxRows(0);
        client.setAutoCommit(false);
        try (Statement part = client.createStatement()) {
            part.setFetchSize(50);
            show("fetched", rows(part.executeQuery("SELECT id, at FROM jdbc_written ORDER BY id")).size());
        }
        Savepoint here = client.setSavepoint("here");
        show(failing(() -> plain.executeQuery("SELECT 1/0")), failing(() -> plain.executeQuery("SELECT 1")));
        client.rollback(here);
        show(rows(plain.executeQuery("SELECT count(*) FROM jdbc_written")));
        client.commit();
        client.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        show(client.getTransactionIsolation(), rows(plain.executeQuery("SHOW transaction_isolation")));
        client.commit();
        client.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        client.setAutoCommit(true);
        show(client.getSchema(), client.getClientInfo("ApplicationName"), client.isValid(5));
        client.setSchema("public");
        var copy = client.unwrap(PGConnection.class).getCopyAPI();
        show(copy.copyIn("COPY jdbc_written (id, v) FROM STDIN (FORMAT csv)", new StringReader("1000,\"a\nb\"\n1001,\n")));
        StringWriter out = new StringWriter();
        show(copy.copyOut("COPY (SELECT id, v FROM jdbc_written WHERE id >= 289 ORDER BY id) TO STDOUT", out), out);
        Statement scrolled = client.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
        ResultSet found = scrolled.executeQuery("SELECT id FROM jdbc_written ORDER BY id LIMIT 10");
        found.last();
        show(found.getInt(1), found.getRow(), found.first(), found.getInt(1));
        plain.execute("DROP TABLE jdbc_written");
        plain.execute("DROP TABLE IF EXISTS jdbc_written");
        show(plain.getWarnings().getSQLState(), plain.getWarnings().getMessage());
    }

    static void metadata(Connection client) throws Exception {
        DatabaseMetaData data = client.getMetaData();
        show(data.getDatabaseProductName(), data.getDatabaseMajorVersion(), data.getUserName(), data.getMaxColumnNameLength(),
            data.getMaxIndexLength() > 0, data.getDefaultTransactionIsolation(), data.getIdentifierQuoteString());
        show(data.getSQLKeywords().length() > 100, data.getNumericFunctions().length() > 100, data.getTimeDateFunctions().length() > 100);
        all("schemas", data.getSchemas(null, "p%"), "TABLE_SCHEM");
        all("types of tables", data.getTableTypes());
        all("tables", data.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS");
        all("system tables", data.getTables(null, "pg_catalog", "pg_cla%", new String[] {"SYSTEM TABLE", "SYSTEM VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE");
        all("columns", data.getColumns(null, "public", "%", "%"), "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME",
            "COLUMN_SIZE", "DECIMAL_DIGITS", "NUM_PREC_RADIX", "NULLABLE", "REMARKS", "ORDINAL_POSITION", "IS_NULLABLE",
            "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN");
        for (String table : List.of("person", "pair", "Mixed Case", "customer")) {
            all("key of " + table, data.getPrimaryKeys(null, "public", table), "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME");
            all("indexes of " + table, data.getIndexInfo(null, "public", table, false, false), "TABLE_NAME", "NON_UNIQUE", "INDEX_NAME",
                "TYPE", "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC", "FILTER_CONDITION");
            all("imported by " + table, data.getImportedKeys(null, "public", table), "PKTABLE_NAME");
            all("exported by " + table, data.getExportedKeys(null, "public", table), "FKTABLE_NAME");
            all("best of " + table, data.getBestRowIdentifier(null, "public", table, DatabaseMetaData.bestRowSession, true), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE");
        }
        all("references", data.getCrossReference(null, "public", "person", null, "public", "pair"), "FK_NAME");
        all("privileges", data.getColumnPrivileges(null, "public", "person", "id"), "GRANTEE", "PRIVILEGE");
        all("privileges of tables", data.getTablePrivileges(null, "public", "pair"), "GRANTOR", "GRANTEE", "PRIVILEGE", "IS_GRANTABLE");
        List<String> known = rows(data.getTypeInfo(), "TYPE_NAME", "DATA_TYPE", "PRECISION", "CASE_SENSITIVE", "AUTO_INCREMENT");
        known.retainAll(known.stream().filter(t -> List.of("bool", "int4", "numeric", "text", "_text", "uuid", "timestamptz").contains(t.split("\\|")[0])).toList());
        Collections.sort(known);
        show("types", known);
        all("functions", data.getFunctions(null, "pg_catalog", "lowe%"), "FUNCTION_SCHEM", "FUNCTION_NAME", "FUNCTION_TYPE");
        show("of functions", rows(data.getFunctionColumns(null, "pg_catalog", "lower", "%"), "FUNCTION_NAME", "COLUMN_NAME", "COLUMN_TYPE", "TYPE_NAME").size() > 1);
        all("procedures", data.getProcedures(null, "public", "%"), "PROCEDURE_NAME");
        all("catalogs", data.getClientInfoProperties(), "NAME");
        show(rows(data.getCatalogs()).contains(client.getCatalog()));
    }

    static void errors(Connection client) throws Exception {
        Statement plain = client.createStatement();
        for (String wrong : List.of("SELECT nope FROM person", "SELECT * FROM nope", "SELEC 1", "INSERT INTO person (id, name) VALUES (1, 'x')")) {
            show(wrong, failing(() -> plain.execute(wrong)));
        }
        show(failing(() -> { var one = client.prepareStatement("SELECT ?::int"); one.setString(1, "x"); one.executeQuery(); }));
        Statement slow = client.createStatement();
        new Thread(() -> { try { Thread.sleep(300); slow.cancel(); } catch (Exception error) { error.printStackTrace(); } }).start();
        show(failing(() -> slow.executeQuery(SLOW)));
        slow.setQueryTimeout(1);
        show(failing(() -> slow.executeQuery(SLOW)));
        slow.setQueryTimeout(0);
        show(rows(slow.executeQuery("SELECT 1")));
    }
}
