# Writes so many MiB of text that can be compressed: `perl text.pl MIB`.
use strict;
use warnings;

my $bytes = shift() << 20;
my $state = 1;

# The same numbers wherever perl runs.
sub draw {
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % shift;
}

my @words = map { join "", map { chr(97 + draw(26)) } 1 .. 2 + draw(9) } 1 .. 3000;
while ($bytes > 0) {
	my $line = join(" ", map { $words[draw(1 + draw(3000))] } 1 .. 12) . "\n";
	$bytes -= length $line;
	print $line;
}
