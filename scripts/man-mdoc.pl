# SPDX-License-Identifier: GPL-2.0
# Converts the text of kernel-doc comments to mdoc(7). Part of scripts/man.
use strict;
use warnings;
use Errno ();

# The names of sections in the headers, and their headings in iobmd(4).
my %headings = ('"As a file"' => 'AS A FILE', '"What counts"' => 'COSTS AND ACCOUNTS');

# Single words that mdoc(7) marks up, and how. The first match counts.
my @marks = (
	[ qr/&?(?:struct|enum) [a-z_0-9]*[a-z0-9]/, sub { 'Vt "' . ($_[0] =~ s/^&//r) . '"' } ],
	[ qr/\b[a-z_0-9]+\([1-9]\)/, sub { 'Xr ' . ($_[0] =~ s/\(([1-9])\)/ $1/r) } ],
	[ qr/\b[A-Za-z_]\w*\(\)/, sub { mdoc_function($_[0] =~ s/\(\)//r) } ],
	[ qr/@\w+/, sub { 'Fa ' . ($_[0] =~ s/@//r) } ],
	[ qr/(?<!\w)-?E[A-Z0-9]{3,}\b/, sub { is_errno($_[0]) ? 'Er ' . ($_[0] =~ s/-/\\-/r) : undef } ],
	[ qr/\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+\*?|SIG[A-Z]{3,}|NULL)(?![\w<])/, sub { "Dv $_[0]" } ],
	[ qr{<[\w/]+\.h>}, sub { 'In ' . ($_[0] =~ s/[<>]//gr) } ],
	[ qr{/(?:dev|proc|sys)/[\w/:.]*\w}, sub { "Pa $_[0]" } ],
	[ qr/\b(?:ERRORS|RETURN VALUES)\b/, sub { "Sx $_[0]" } ],
	[ qr/"(?:As a file|What counts)"/, sub { "Sx $headings{$_[0]}" } ],
	[ qr/(?<!\w)\*\w+\*/, sub { 'Em ' . ($_[0] =~ s/\*//gr) } ],
);
my $any_mark = join '|', map { $_->[0] } @marks;

sub is_errno {
	my $name = $_[0] =~ s/^-//r;
	return exists $!{$name} || $name eq 'ERESTARTSYS';
}

# A word with a page of its own becomes a reference, except on that page.
sub mdoc_function {
	my ($name) = @_;
	my $page = page_of($name);

	return defined $page ? "Xr $name " . substr $page, -2, 1 : "Fn $name";
}

sub mdoc_mark {
	my ($text) = @_;

	for my $mark (@marks) {
		next unless $text =~ /^(?:$mark->[0])$/;
		return $mark->[1]->($text);
	}
	return undef;
}

sub mdoc_escape {
	my ($text) = @_;

	$text =~ s/\\/\\e/g;
	$text =~ s/^([.'])/\\&$1/;
	return $text;
}

# A sequence without spaces that contains marked words: one line of macros only.
sub mdoc_macro_line {
	my ($word, $macros) = @_;
	my @pieces = grep { length } split /(\x01\d+\x02)/, $word;
	my ($line, $glue) = ('', '');

	for my $i (0 .. $#pieces) {
		if ($pieces[$i] =~ /^\x01(\d+)\x02$/) {
			$line .= "$glue$macros->[$1]";
		} elsif ($i && $i == $#pieces && $pieces[$i] =~ /^[.,:;)\]!?]+$/) {
			$line .= " $_" for split //, $pieces[$i];
		} else {
			my $text = mdoc_escape($pieces[$i]) =~ s/"/\\(dq/gr;
			$line .= "${glue}No \\&$text";
		}
		$glue = ' Ns ';
	}
	return ".$line";
}

# A paragraph as lines of mdoc(7): text on separate lines, a new line for each sentence.
sub mdoc_text {
	my ($text) = @_;
	my (@macros, @lines);
	my $line = '';

	$text =~ s{($any_mark)}{
		my $macro = mdoc_mark($1);
		defined $macro ? do { push @macros, $macro; "\x01$#macros\x02" } : $1
	}ge;
	for my $word (split ' ', $text) {
		my $is_macro = $word =~ /\x01/;

		if (length $line && ($is_macro || $line =~ /[.?!][)"]?$/ || length("$line $word") > 78)) {
			push @lines, $line;
			$line = '';
		}
		if ($is_macro) {
			push @lines, mdoc_macro_line($word, \@macros);
		} else {
			$line = length $line ? $line . ' ' . ($word =~ s/\\/\\e/gr) : mdoc_escape($word);
		}
	}
	push @lines, $line if length $line;
	return map { "$_\n" } @lines;
}

# Words that mdoc(7) would take for macros.
sub escape_macro_names {
	return $_[0] =~ s/(?<!\S)(?=[A-Z%][a-z0-9]{1,2}(?!\S))/\\&/gr;
}

# The head of a list item is one line, with text and markup.
sub mdoc_item {
	my ($term) = @_;
	my @parts = map { chomp; s/^\.// ? $_ : 'No ' . escape_macro_names($_) } mdoc_text($term);

	return ".It @parts\n";
}

# Pairs of a term and its text.
sub mdoc_tags {
	my (@pairs) = @_;
	my @out = (".Bl -tag -width Ds\n");

	while (my ($term, $text) = splice @pairs, 0, 2) {
		push @out, mdoc_item($term), mdoc_text($text);
	}
	return (@out, ".El\n");
}

# A table of two columns, drawn with equals signs: rows of a term and its text. An indented term belongs to the term above.
sub table_pairs {
	my ($rule, @rows) = @_;
	my $column = index($rule, ' ') + 1;
	my (@pairs, $above);

	for my $row (@rows) {
		$row =~ s/\t/        /g;
		my $term = $row =~ /^\S.{0,$column}$/ ? $row : substr($row, 0, $column);
		my $text = length $row > $column ? substr($row, $column) : '';
		$text = '' if $term eq $row;
		$above = $1 if $term =~ /^([^\s,]+)/;
		$term =~ s/^\s+(?=\S)/$above, /;
		$term =~ s/^\s+|\s+$//g;
		if (length $term && !(@pairs && $pairs[-2] =~ /,$/)) {
			push @pairs, $term, $text;
		} else {
			$pairs[-2] .= " $term" if length $term;
			$pairs[-1] .= " $text";
		}
	}
	return @pairs;
}

# Takes lines off the front as long as they match.
sub take_while {
	my ($fits, $lines) = @_;
	my @taken;

	push @taken, shift @$lines while @$lines && $lines->[0] =~ $fits;
	return @taken;
}

sub mdoc_bullets {
	my ($lines) = @_;
	my @out = (".Bl -bullet\n");

	while (@$lines && $lines->[0] =~ /^- /) {
		my $item = substr shift @$lines, 2;
		$item = join ' ', $item, take_while(qr/^  /, $lines);
		push @out, ".It\n", mdoc_text($item);
	}
	return (@out, ".El\n");
}

# Terms at the left margin, each followed by its text, indented by a tab.
sub definition_pairs {
	my ($lines) = @_;
	my @pairs;

	while (@$lines > 1 && $lines->[0] =~ /^\S/ && $lines->[1] =~ /^\t/) {
		push @pairs, shift @$lines;
		push @pairs, join ' ', take_while(qr/^\t/, $lines);
	}
	return @pairs;
}

# The body of a comment: paragraphs, bullets, definitions, tables.
sub mdoc_body {
	my @lines = @_;
	my (@out, $separate);

	while (@lines) {
		if ($lines[0] =~ /^\s*$/) {
			shift @lines;
			$separate = @out;
		} elsif ($lines[0] =~ /^=+ =+$/) {
			my ($rule, @rows) = (shift @lines, take_while(qr/^(?!=)/, \@lines));
			shift @lines;
			push @out, mdoc_tags(table_pairs($rule, @rows));
		} elsif ($lines[0] =~ /^- /) {
			push @out, mdoc_bullets(\@lines);
		} elsif (@lines > 1 && $lines[1] =~ /^\t/ && $lines[0] =~ /^\S/) {
			push @out, mdoc_tags(definition_pairs(\@lines));
		} else {
			push @out, ".Pp\n" if $separate;
			$separate = 0;
			push @out, mdoc_text(join ' ', take_paragraph(\@lines));
		}
	}
	return @out;
}

# Reads until another kind of block begins.
sub take_paragraph {
	my ($lines) = @_;
	my @taken = (shift @$lines);

	while (@$lines && $lines->[0] =~ /^\S/ && $lines->[0] !~ /^(?:- |=+ =+$)/) {
		last if @$lines > 1 && $lines->[1] =~ /^\t/;
		push @taken, shift @$lines;
	}
	return @taken;
}

# Source code, verbatim.
sub mdoc_code {
	my ($marker, @lines) = @_;
	my @out = (".Bd -literal -offset indent\n");

	unshift @out, ".\\\" $marker\n" if length $marker;
	for my $line (@lines) {
		chomp $line;
		push @out, mdoc_escape($line) . "\n";
	}
	return (@out, ".Ed\n");
}

1;
