# SPDX-License-Identifier: GPL-2.0
#
# A part of scripts/mutants. `list' reads what scripts/mutants.cocci prints, and prints the sites: file, line, kind, function, place,
# source text, with tabs. A text that the function has already had gets a number. `apply KIND FILE PLACE' prints the changed file.

use strict;
use warnings;

# What comes in the place of a text. The old text stays in it where it can: a variable or a function that nothing uses is a warning.
my %edits = (
	negate => sub { "!($_[0])" },
	never => sub { "(($_[0]) && 0)" },
	false => sub { "(($_[0]) && 0)" },
	true => sub { "(($_[0]) || 1)" },
	bound => sub { { '<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>' }->{$_[0]} },
	one => sub { '0' },
	call => sub { "do { if (0) $_[0]; } while (0)" },
	assign => sub { "do { if (0) $_[0]; } while (0)" },
	errno => sub { $_[0] eq 'EINVAL' ? 'EBUSY' : 'EINVAL' },
	flag => sub { "($_[0] & 0)" },
);

sub read_file {
	my ($name) = @_;

	open(my $file, '<', $name) or die "$name: $!\n";
	local $/;
	return scalar <$file>;
}

# Where each line begins, the first at index 1
sub line_offsets {
	my ($text) = @_;
	my @offsets = (0, 0);

	push @offsets, pos($text) while $text =~ /\n/g;
	return @offsets;
}

# The ranges of a place, as [begin, end]. That of an assignment is given by its operator.
sub ranges {
	my ($kind, $text, $place) = @_;
	my @offsets = line_offsets($text);
	my @numbers = split ' ', $place;
	my @ranges;

	while (my ($line, $column, $line_end, $column_end) = splice(@numbers, 0, 4)) {
		push @ranges, [ $offsets[$line] + $column, $offsets[$line_end] + $column_end ];
	}
	if ($kind eq 'assign') {
		my $begin = rindex($text, "\n", $ranges[0][0]) + 1;

		$begin++ while substr($text, $begin, 1) =~ /\s/;
		@ranges = [ $begin, index($text, ';', $ranges[0][1]) ];
	}
	for (@ranges > 1 ? @ranges : ()) {
		$_->[1]++ if substr($text, $_->[1], 1) eq ';';
	}
	return @ranges;
}

sub source {
	my ($text, $range) = @_;

	return substr($text, $range->[0], $range->[1] - $range->[0]);
}

# A statement that may not change places with a lock: control would miss the lock, or nothing would change.
sub is_fixed {
	my ($statement) = @_;

	return $statement =~ /\b(return|goto|break|continue|lockdep_\w+)\b|lock\w*\(/;
}

sub list {
	my (%seen, %text, %count, @sites);

	while (<STDIN>) {
		chomp;
		my ($word, $kind, $file, $function, @place) = split /\t/;

		next if $word ne 'site' || $seen{$_}++;
		$text{$file} //= read_file($file);
		my @sources = map { source($text{$file}, $_) } ranges($kind, $text{$file}, "@place");
		my $source = join(' ', @sources);
		next if @sources > 1 && is_fixed($sources[$kind eq 'early' ? 0 : 1]);
		$source =~ s/\s+/ /g;
		push @sites, [ $file, $place[0], $kind, $function, "@place", $source ];
	}
	for (sort { $a->[0] cmp $b->[0] || $a->[1] <=> $b->[1] || $a->[2] cmp $b->[2] || $a->[4] cmp $b->[4] } @sites) {
		my $same = ++$count{join("\t", @$_[0, 2, 3, 5])};

		$_->[5] .= " #$same" if $same > 1;
		print join("\t", @$_), "\n";
	}
}

sub apply {
	my ($kind, $file, $place) = @_;
	my $text = read_file($file);
	my ($first, $second) = ranges($kind, $text, $place);

	if ($second) {
		my ($one, $other) = (source($text, $first), source($text, $second));

		substr($text, $second->[0], $second->[1] - $second->[0]) = $one;
		substr($text, $first->[0], $first->[1] - $first->[0]) = $other;
	} else {
		substr($text, $first->[0], $first->[1] - $first->[0]) = $edits{$kind}->(source($text, $first));
	}
	print $text;
}

my $action = shift // '';
if ($action eq 'list') {
	list();
} elsif ($action eq 'apply' && @ARGV == 3) {
	apply(@ARGV);
} else {
	die "usage: $0 list | apply KIND FILE PLACE\n";
}
