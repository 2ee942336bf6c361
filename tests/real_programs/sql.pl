# Writes an SQL load: `perl sql.pl ROWS`.
use strict;
use warnings;

my $rows = shift;
my $state = 1;

# The same numbers wherever perl runs.
sub draw {
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % shift;
}

print "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, town TEXT, born INT);\n";
print "CREATE TABLE visit (person INT, day INT, note TEXT);\n";
print "CREATE INDEX person_name ON person (name);\nBEGIN;\n";
for my $id (1 .. $rows) {
	my $name = join "", map { chr(97 + draw(26)) } 1 .. 4 + draw(12);
	printf "INSERT INTO person VALUES (%d, '%s', 'town %d', %d);\n",
		$id, $name, draw(300), 1920 + draw(100);
	printf "INSERT INTO visit VALUES (%d, %d, '%s');\n",
		1 + draw($rows), draw(3650), "x" x draw(60) for 1 .. 2;
}
print <<'SQL';
COMMIT;
CREATE INDEX visit_person ON visit (person, day);
SELECT count(*), sum(length(note)) FROM visit;
SELECT town, count(*) AS n, group_concat(name) FROM person JOIN visit ON person.id = person
	GROUP BY town ORDER BY n DESC, town LIMIT 5;
SELECT substr(name, 1, 2) AS start, max(born), count(DISTINCT town) FROM person
	GROUP BY start ORDER BY start LIMIT 20;
UPDATE visit SET note = note || ' of ' || (SELECT name FROM person WHERE id = person) WHERE day % 3 = 0;
DELETE FROM person WHERE born % 7 = 0;
SELECT count(*), max(length(note)) FROM visit WHERE person IN (SELECT id FROM person);
SELECT * FROM person ORDER BY town, name LIMIT 10;
SQL
