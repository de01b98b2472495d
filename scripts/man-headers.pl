# SPDX-License-Identifier: GPL-2.0
# Reads the kernel-doc comments of the headers. Part of scripts/man.
use strict;
use warnings;

# Those of the ABI, and those of the functions by section.
our %headers = (
	uapi => 'uapi/linux/iobmd.h',
	3 => 'userlib/include/iobmd.h',
	9 => 'module/include/linux/iobmd.h',
);

# Indexed by name, with a leading "struct" or "enum" for those; a DOC: comment by its title.
our (%comments, %docs);

# Arguments or members, then the body, then paragraphs that begin with a word and a colon.
sub parse_sections {
	my ($comment, @lines) = @_;
	my $section = 'body';

	while (@lines && $lines[0] =~ /^@(\w+): ?(.*)/) {
		shift @lines;
		push @{$comment->{members}}, "\@$1", join ' ', $2, take_while(qr/^\t/, \@lines);
	}
	for my $line (@lines) {
		$section = lc $1 if $line =~ s/^(Return|Context|Errors): //;
		push @{$comment->{$section}}, $line;
	}
}

# A prototype, without a body or attributes for the compiler.
sub prototype_of {
	my ($code) = @_;

	return undef unless $code =~ /\A\n(?:static inline )?(\w[^;{]*\))[^;{]*[;{]/;
	my $prototype = $1 =~ s/\s*__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)//gr;

	return ($prototype =~ s/\bIOBMD_(?:MUST_CHECK|NONNULL\w*)\s+//gr) . ";\n";
}

# Reads to the end of the declaration that a comment belongs to.
sub declaration {
	my ($kind, $code) = @_;

	return prototype_of($code) if $kind eq 'function';
	return $1 if $kind eq 'macro' ? $code =~ /\A\n?(#define [^\n]*\n)/ : $code =~ /\A\n(\w+ \w+(?: \{\n.*?^\})?;\n)/ms;
	return undef;
}

sub parse_doc {
	my (@lines) = @_;
	my $title;

	for my $line (@lines) {
		if ($line =~ /^DOC: (.*)/) {
			$title = $1;
		} else {
			push @{$docs{$title}}, $line;
		}
	}
}

sub parse_comment {
	my ($header, $text, $code) = @_;
	my @lines = map { s/^ \*(?: |(?=\t)|$)//r } split /\n/, $text;
	my $first;

	shift @lines while @lines && $lines[0] eq '';
	$first = shift @lines // '';
	return parse_doc($first, @lines) if $first =~ /^DOC: /;
	return unless $first =~ /^((?:(?:struct|enum) )?(\w+))(?:\(\))? - (.*\S)/;
	my ($full, $name, $summary) = ($1, $2, $3);
	my $kind = $full =~ /^(struct|enum) / ? $1 : $name =~ /^[A-Z]/ ? 'macro' : 'function';
	my $comment = { header => $header, kind => $kind, full => $full, name => $name, summary => $summary, members => [] };
	$comment->{code} = declaration($kind, $code) // die "$headers{$header}: $full is not what its comment says\n";
	parse_sections($comment, @lines);
	$comments{$kind =~ /struct|enum/ ? $full : $name} = $comment;
}

sub parse_header {
	my ($header) = @_;
	my $text = read_file($headers{$header});
	my $uncommented = $text =~ s{/\*.*?\*/}{}gsr;

	parse_comment($header, $1, substr($text, pos $text, 8192)) while $text =~ m{/\*\*?[ \n](.*?)\s*\*/}gs;
	for my $name ($uncommented =~ /^\w[\w *]*?\b(iobmd_\w+)\(/gm) {
		die "$headers{$header}: $name() has no comment\n" unless $comments{$name};
	}
}

sub find_comment {
	my ($name) = @_;

	for my $key ($name, "struct $name", "enum $name") {
		return $comments{$key} if $comments{$key};
	}
	die "userlib/man/pages: $name is in no header\n";
}

1;
