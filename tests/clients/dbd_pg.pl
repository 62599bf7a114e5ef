# Perl's DBD::Pg: types, placeholders, prepared statements, catalog methods, COPY, large results, errors, cancel.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types);
binmode STDOUT, ':encoding(UTF-8)';

sub show { print join(' ', map { !defined $_ ? 'NULL' : ref $_ eq 'ARRAY' ? '[' . join(',', map { $_ // 'NULL' } @$_) . ']' : $_ } @_), "\n" }
sub failing {
    my ($dbh, $call) = @_;
    return 'no error' if eval { $call->(); 1 };
    my ($said) = split /\n/, $dbh->errstr // $@;
    $said =~ s/: expected .*//;
    return $dbh->state . " $said";
}

my $dbh = DBI->connect("dbi:Pg:dbname=$ENV{PGDATABASE};host=$ENV{PGHOST};port=$ENV{PGPORT}", $ENV{PGUSER}, $ENV{PGPASSWORD},
    { AutoCommit => 1, RaiseError => 1, PrintError => 0, PrintWarn => 0, pg_enable_utf8 => 1, pg_server_prepare => 1 });
show(int($dbh->{pg_server_version} / 10000), $dbh->{pg_default_port} ? 'port' : 'none', $dbh->ping, $dbh->get_info(17));
my $sth = $dbh->prepare('SELECT * FROM every_type ORDER BY id');
$sth->execute;
show($sth->{NAME}); show($sth->{pg_type}); show($sth->{TYPE}); show($sth->{PRECISION}); show($sth->{SCALE});
while (my $row = $sth->fetchrow_arrayref) { show(map { ref $_ ? $_ : defined $_ ? $_ =~ s/([^ -~])/sprintf '\\x%x', ord $1/gre : undef } @$row) }
for my $pair (['text', "it's \\ 张三"], ['int', 7], ['numeric(20,4)', '1.5'], ['date', '1969-07-20'], ['timestamptz', '2024-02-29 12:00+05'],
    ['boolean', 1], ['jsonb', '{"a": 1}'], ['int[]', [1, undef, 3]], ['text[]', ['a', 'b"']], ['text', undef]) {
    my $one = $dbh->prepare("SELECT ?::$pair->[0]");
    $one->execute($pair->[1]);
    show($pair->[0], $one->fetchrow_array);
}
my $bytes = $dbh->prepare('SELECT ?::bytea');
$bytes->bind_param(1, "\x00\xff", { pg_type => PG_BYTEA });
$bytes->execute;
show(unpack 'H*', $bytes->fetchrow_array);
show(map { join ':', map { $_ // 'NULL' } @$_ } @{ $dbh->selectall_arrayref('SELECT id, name FROM person WHERE id > ? AND born IS NOT NULL ORDER BY id', undef, 1) });
show(map { $_->{id} } @{ $dbh->selectall_arrayref('SELECT id FROM person WHERE name = :n ORDER BY id', { Slice => {} }, 'Ann') }) if 0;
$dbh->do('CREATE TABLE dbd_written (id int PRIMARY KEY, v text)');
my $put = $dbh->prepare('INSERT INTO dbd_written VALUES (?, ?)');
$put->execute($_, $_ % 3 ? "v$_" : undef) for 1 .. 200;
show($put->rows, $dbh->do('UPDATE dbd_written SET v = ? WHERE id < ?', undef, 'new', 5), $dbh->do('DELETE FROM dbd_written WHERE id = -1'));
$dbh->do('COPY dbd_written FROM STDIN');
$dbh->pg_putcopydata("1000\tx\n");
$dbh->pg_putcopydata("1001\t\\N\n");
$dbh->pg_putcopyend;
$dbh->do('COPY (SELECT * FROM dbd_written WHERE id > 198 ORDER BY id) TO STDOUT');
my $line = '';
print $line while $dbh->pg_getcopydata($line) >= 0;
$dbh->begin_work;
$dbh->do('DECLARE c CURSOR FOR SELECT id FROM dbd_written ORDER BY id');
show(scalar @{ $dbh->selectall_arrayref('FETCH 100 FROM c') }, scalar @{ $dbh->selectall_arrayref('FETCH ALL FROM c') });
$dbh->pg_savepoint('s');
show(failing($dbh, sub { $dbh->do('SELECT 1/0') }), failing($dbh, sub { $dbh->do('SELECT 1') }));
$dbh->pg_rollback_to('s');
show($dbh->ping, $dbh->selectrow_array('SELECT count(*) FROM dbd_written'));
$dbh->rollback;
for my $wrong ('SELECT nope FROM person', 'SELECT * FROM nope', 'SELEC 1', "INSERT INTO person (id, name) VALUES (1, 'x')") {
    show($wrong, failing($dbh, sub { $dbh->do($wrong) }));
}
show(failing($dbh, sub { my $one = $dbh->prepare('SELECT ?::int'); $one->execute('x') }));
# What is found out about tables.
my $rows = sub { my ($found, @of) = @_; return 'none' unless $found; map { my $row = $_; join '|', map { $row->{$_} // 'NULL' } @of } @{ $found->fetchall_arrayref({}) } };
show('tables', sort grep { !/dbd_written/ } $rows->($dbh->table_info('', 'public', '%', 'TABLE,VIEW'), qw(TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS)));
show('names', sort grep { /^public/ && !/dbd_written/ } $dbh->tables('', 'public', '%', 'TABLE'));
print "$_\n" for $rows->($dbh->column_info('', 'public', 'every_type', '%'), qw(COLUMN_NAME DATA_TYPE TYPE_NAME COLUMN_SIZE NULLABLE REMARKS COLUMN_DEF pg_type ORDINAL_POSITION));
print "$_\n" for $rows->($dbh->column_info('', 'public', 'person', 'email'), qw(COLUMN_NAME TYPE_NAME REMARKS pg_column));
show('key', sort $rows->($dbh->primary_key_info('', 'public', 'pair'), qw(TABLE_NAME COLUMN_NAME KEY_SEQ PK_NAME)));
show('keys', $dbh->primary_key('', 'public', 'pair'));
show('foreign', $rows->($dbh->foreign_key_info('', 'public', 'pair', '', '', ''), qw(FK_NAME)));
show('statistics', sort $rows->($dbh->statistics_info('', 'public', 'pair', 0, 0), qw(TABLE_NAME NON_UNIQUE INDEX_NAME TYPE ORDINAL_POSITION COLUMN_NAME)));
my @tags = grep { !/dbd_written/ } map { $_->[0] } @{ $dbh->selectall_arrayref('SELECT typname FROM pg_type WHERE oid IN (23, 25, 1700) ORDER BY 1') };
show(@tags);
# Cancel: the statement is sent, and taken back.
my $slow = $dbh->prepare('SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11', { pg_async => DBD::Pg::PG_ASYNC() });
$slow->execute;
select undef, undef, undef, 0.3;
show($dbh->pg_ready ? 'ready' : 'runs', $dbh->pg_cancel ? 'cancelled' : 'done');
show($dbh->selectrow_array('SELECT 1'));
$dbh->do('DROP TABLE dbd_written');
$dbh->disconnect;
