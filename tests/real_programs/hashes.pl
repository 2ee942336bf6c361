# Counts, groups and joins words in hashes: `perl hashes.pl WORDS`.
use strict;
use warnings;

my $words = shift;
my ($state, %count, %group, %lines) = (1);

# The same numbers wherever perl runs.
sub draw {
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % shift;
}

for my $i (1 .. $words) {
	my $word = join "", map { chr(97 + draw(9)) } 1 .. 1 + draw(7);
	$count{$word}++;
	push @{$group{substr $word, 0, 3}}, $word;
	$lines{$i % 997} .= "$word ";
}
my %by_count;
push @{$by_count{$count{$_}}}, $_ for keys %count;
my $longest = (sort { length($b) <=> length($a) || $a cmp $b } values %lines)[0];
my @parts = map { [split //] } grep { defined } (sort keys %count)[0 .. $words / 10];
delete @count{grep { length > 6 } keys %count};
print join(" ", scalar keys %count, scalar keys %group, length $longest, scalar @parts,
	map { scalar @{$by_count{$_}} } (sort { $a <=> $b } keys %by_count)[0 .. 2]), "\n";
