# Writes a C file with many functions of many kinds: `perl c_source.pl FUNCTIONS`.
use strict;
use warnings;

my $functions = shift;

print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n";
for my $i (1 .. $functions) {
	my $n = 3 + $i % 11;
	print "struct record_$i { ", join(" ", map { "long field_$_;" } 1 .. $n), " char name[$n]; };\n";
	print "static long sum_$i(const struct record_$i *r, int count)\n{\n\tlong sum = $i;\n";
	print "\tfor (int k = 0; k < count; k++) {\n";
	print "\t\tif (r[k].field_$_ % ", $_ + 1, " == 0) sum += r[k].field_$_ * $_;\n" for 1 .. $n;
	print "\t}\n\treturn sum;\n}\n";
	print "int parse_$i(const char *text, struct record_$i *r)\n{\n\tswitch (text[0]) {\n";
	print "\tcase '", chr(96 + $_), "': r->field_", 1 + $_ % $n, " = strtol(text + 1, NULL, ",
		2 + $_, "); break;\n" for 1 .. 20;
	print "\tdefault: strncpy(r->name, text, sizeof r->name - 1);\n\t}\n";
	print "\treturn (int)sum_$i(r, 1);\n}\n";
	print "double series_$i(double x)\n{\n\tdouble y = 0;\n\tfor (int k = 1; k < ", 8 + $i % 9,
		"; k++) y = y * x + ", join(" / ", map { "(k + $_.5)" } 1 .. 1 + $i % 4), ";\n\treturn y;\n}\n\n";
}
